"""The way to the bridge and back: one connection, its frames, and what the bridge asks of a clock."""
