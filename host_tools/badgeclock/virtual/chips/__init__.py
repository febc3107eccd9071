"""The chips of a virtual board, at register level. Each takes the time (CLOCK_MONOTONIC nanoseconds) as an argument."""
