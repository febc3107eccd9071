"""What people do through the console: the acts, each with its right and reach, and the bridge's socket for them."""
