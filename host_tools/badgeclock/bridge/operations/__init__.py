"""What an operator does to a whole store: backup, retention, a new data key, one person's data."""
