"""History's settings, beside those of every service (all `RINGBACK_…`)."""

from pydantic import Field, SecretStr

from runtime.settings import RuntimeSettings
from runtime.token_keys import EarlierKey, KeysUnusable, VerifyingKeys


class Settings(RuntimeSettings):
    """Where the tables are, how tokens are verified, how often old data is removed."""

    history_database: SecretStr = SecretStr("")
    """`sqlite:///<file>`, or `postgresql://<user>:<password>@<host>/<name>` in production."""
    token_public_keys: str = ""
    """Verify the directory's tokens: the public JWK set of its keys. Private keys in it are refused."""
    token_key: SecretStr = SecretStr("")
    """The key of earlier versions: it verifies tokens of programs that they signed, until a day."""
    token_key_until: str = ""
    """That day, as 2027-03-31, which is the last (UTC); required beside the key."""
    history_removals_s: float = Field(default=3600.0, gt=0)
    """Seconds between two sweeps for audio that must go now or soon."""
    quota_factor: float = Field(default=1.0, gt=0)
    """Multiplies how fast one organization may ask (`runtime/quotas.py`), for companies of thousands."""

    def verifying_keys(self) -> VerifyingKeys:
        """The keys that verify tokens. Raises ValueError when they are missing, private or can't be used."""
        earlier = EarlierKey.read(self.token_key.get_secret_value(), self.token_key_until)
        try:
            return VerifyingKeys.read(self.token_public_keys, earlier)
        except KeysUnusable as error:
            raise ValueError(
                f"set RINGBACK_TOKEN_PUBLIC_KEYS to the public JWK set of the directory's keys: {error}"
            ) from None
