"""What a person must look at: the table of reasons, the list of what waits, and its figures."""
