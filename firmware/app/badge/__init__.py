"""What is said to a badge, above the reader chip: which badge is there, its commands, and how it proves itself."""
