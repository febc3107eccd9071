"""The connection to the bridge: its frames, and the bridge's tasks for a clock."""
