"""What the commands that make pictures share: painting one, and laying many out on a sheet."""
