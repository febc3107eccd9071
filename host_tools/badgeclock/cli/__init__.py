"""The `badgeclock` command, one module a noun."""
