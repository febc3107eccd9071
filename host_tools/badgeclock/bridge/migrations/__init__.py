"""Alembic's revisions of the store; `badgeclock.bridge.store.Store.migrate` runs them."""
