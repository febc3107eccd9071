"""One chip or peripheral a file. A driver gets its bus and pins in the constructor and is independent of the clock."""
