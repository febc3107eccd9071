"""One chip or peripheral a file. A driver gets its bus and pins in the constructor and knows nothing of the clock."""
