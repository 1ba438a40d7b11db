"""Settings of the queue's process. A department's wishes travel as facts, never as settings."""

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """The settings that every service has: see docs/operating.md."""
