"""Who may use the console: accounts with their passwords and codes, the rights of each role, and sessions."""
