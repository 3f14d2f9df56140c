"""How messages get to Telegram."""
