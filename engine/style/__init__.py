"""The styles' pictures, and their colours."""
