"""Alembic's entry: runs the revisions on the connection that the store hands over."""

from alembic import context

from badgeclock.bridge.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the store's own transaction is open around all of it
)
context.run_migrations()
