"""Settings of the queue's process. What a department wants travels as facts, never as a setting."""

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Nothing of its own: see docs/operating.md."""
