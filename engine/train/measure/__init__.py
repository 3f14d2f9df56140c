"""Measurements: fidelity of the slim encoder, distance of pictures to photo and painting, speed, memory; a peer."""
