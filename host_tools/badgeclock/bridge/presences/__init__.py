"""Turns punches into declarations, by the regime of each site."""
