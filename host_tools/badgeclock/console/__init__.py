"""The operators' pages: who is here, who has no number, and what to do. A process of its own, which the bridge can do
without: it reads the store, and has the bridge do whatever changes it.
"""
