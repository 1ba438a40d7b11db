"""Migrations of the tables, by Alembic; applied when the service starts."""
