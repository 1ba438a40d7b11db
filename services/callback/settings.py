"""Callback's process settings; its business limits travel as facts (CallbackSettings, DiallingPolicy)."""

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """The settings of every service; callback has none of its own."""
