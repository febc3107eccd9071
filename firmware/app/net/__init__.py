"""The connection to the bridge: its frames, and the bridge's requests to a clock."""
