"""The HTTP API: pictures ordered by other programs, through the same door, studio and journal as the page."""
