"""Runs migrations on the connection that the service hands over; there is no other way to run them."""

from alembic import context

from services.directory.activities.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite can't alter a table in place: Alembic copies it.
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
