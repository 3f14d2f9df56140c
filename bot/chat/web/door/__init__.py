"""The way in: how many connections there may be, how long they may take, and who is let in."""
