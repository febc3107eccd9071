"""Who may use the console: accounts with their passwords and codes, what each role may do, and who is signed in."""
