"""Employers, workers and badges, and the lists they come from."""
