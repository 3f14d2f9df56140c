"""What ordinary words mean, and what is said in general: messages without a command, sentences, help."""
