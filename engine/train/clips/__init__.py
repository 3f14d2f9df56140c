"""Moving pictures in the workshop: what is measured of them."""
