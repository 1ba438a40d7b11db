"""The history of the book's tables, by Alembic; applied when the service starts."""
