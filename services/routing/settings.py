"""Settings of routing's process. What an office wants travels as facts, never as a setting."""

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Nothing of its own: see docs/operating.md."""
