"""Callback's process settings; its business limits travel as facts (CallbackSettings, DiallingPolicy)."""

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """What every service needs, and nothing of its own."""
