"""Operations on a whole store: backup, retention, a new data key, one person's data."""
