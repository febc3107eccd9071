"""The acts that people do through the console, each with its right and reach, and the bridge's socket for them."""
