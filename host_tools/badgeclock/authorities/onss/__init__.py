"""The NSSO's PresenceRegistration, version 1: its description and the reading and writing of its messages."""
