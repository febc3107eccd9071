"""`make bench`: every figure the documentation states, measured in one run."""
