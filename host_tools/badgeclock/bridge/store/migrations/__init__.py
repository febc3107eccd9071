"""Alembic's revisions of the store; `badgeclock.bridge.store.database.Store.migrate` runs them."""
