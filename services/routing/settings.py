"""Settings of routing's process. What an organization wants travels as facts, never as a setting."""

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """No settings of its own: see docs/operating.md."""
