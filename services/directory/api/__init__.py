"""The HTTP API: routes by subject, each of which checks the table of rights first."""
