"""What needs attention: the table of reasons, the list of items, and its metrics."""
