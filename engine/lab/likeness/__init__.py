"""What pictures have in common: style vectors for telling how near two are, and traits for telling why."""
