"""One chip or peripheral per file. A driver gets its bus and pins in the constructor and is independent of the
clock."""
