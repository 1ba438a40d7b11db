"""What history is told by its environment, beside what every service is (all `RINGBACK_…`)."""

from pydantic import Field, SecretStr

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Where the tables are, and how tokens are read."""

    history_database: str = ""
    """`sqlite:///<file>`, or `postgresql://<user>:<password>@<host>/<name>` in production."""
    token_key: SecretStr = SecretStr("")
    """The key that the directory signs tokens with: the same for every service, 32 bytes at least."""
    history_removals_s: float = Field(default=3600.0, gt=0)
    """How often audio whose time is over, or soon will be, is looked for."""
