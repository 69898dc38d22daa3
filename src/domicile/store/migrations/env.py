"""Run by Alembic: brings the store on the connection that we are given up to date."""

from alembic import context

from domicile.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata
)
context.run_migrations()
