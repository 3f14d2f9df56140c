"""What is for the owner of the bot: /admin, and notes about how it goes."""
