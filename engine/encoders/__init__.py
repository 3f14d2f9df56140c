"""The networks whose features the losses compare: VGG-19 of any width, the embedded slim encoder, the full one."""
