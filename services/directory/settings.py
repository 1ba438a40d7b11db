"""The directory's settings, beside those of every service (all `RINGBACK_…`)."""

from pydantic import Field, SecretStr

from runtime.settings import RuntimeSettings
from runtime.tokens import KEY_BYTES_MIN


class Settings(RuntimeSettings):
    """The database and the two keys, which must be the same for every replica."""

    directory_database: str = ""
    """`sqlite:///path/to/book.db`, or `postgresql://user:password@host:port/name`."""
    directory_key: SecretStr = SecretStr("")
    """Seals secrets (phone passwords): 32 characters or more. Without it they can't be opened any more."""
    token_key: SecretStr = SecretStr("")
    """Signs tokens: 32 characters or more. Services that verify tokens have the same key."""
    mail_from_name: str = "Ringback"
    softphone_url: str = ""
    """Where a softphone is downloaded, for the welcome letter; empty: the letter names none."""
    texts_url: str = ""
    """Where texts to mobiles are POSTed, for forgotten passwords; empty: none are sent."""
    texts_key: SecretStr = SecretStr("")
    """The bearer token of those requests."""
    hashes_at_once_max: int = Field(default=2, ge=1)
    """Passwords hashed at the same time: each takes 64 MiB and a processor for a twentieth of a second."""

    def token_key_checked(self) -> str:
        """The key that signs tokens. Raises ValueError when it is missing or too short."""
        found = self.token_key.get_secret_value()
        if len(found.encode()) < KEY_BYTES_MIN:
            raise ValueError(
                f"set RINGBACK_TOKEN_KEY to {KEY_BYTES_MIN} characters or more that nobody can guess, "
                "the same for every service that has an API"
            )
        return found
