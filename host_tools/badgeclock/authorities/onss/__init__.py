"""The client's side of the NSSO's PresenceRegistration, version 1: its messages written and read."""
