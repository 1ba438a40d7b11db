"""History's settings, beside those of every service (all `RINGBACK_…`)."""

from pydantic import Field, SecretStr

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Where the tables are, how tokens are verified, how often old data is removed."""

    history_database: str = ""
    """`sqlite:///<file>`, or `postgresql://<user>:<password>@<host>/<name>` in production."""
    token_key: SecretStr = SecretStr("")
    """The key with which the directory signs tokens: the same for every service, at least 32 bytes."""
    history_removals_s: float = Field(default=3600.0, gt=0)
    """Seconds between two sweeps for audio that must go now or soon."""
