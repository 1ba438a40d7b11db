"""How Alembic runs here: on the connection it is given, in that connection's transaction."""

from alembic import context

from services.history.activities.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="history_version",
)
context.run_migrations()
