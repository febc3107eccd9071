"""What people and tools ask the bridge over HTTP: health and metrics, and the planning interface with its tokens."""
