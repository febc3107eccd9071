"""Badgeclock's host side: the bridge, its sandbox, virtual clocks, evidence and the technician's tools."""

__version__ = "0.2.0"
