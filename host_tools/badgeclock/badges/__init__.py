"""Badges that prove themselves: their keys, their cards' protocol, and what the badge desk writes (docs/badges.md)."""
