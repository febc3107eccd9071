"""The bridge's HTTP interfaces: health and metrics, and the planning interface with its tokens."""
