"""Who people are to the bot, and what it keeps in mind of them: owners and what they decide, half orders."""
