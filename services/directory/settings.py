"""The directory's settings, beside those of every service (all `RINGBACK_…`)."""

from pydantic import Field, SecretStr

from runtime import client_address
from runtime.settings import RuntimeSettings, WebAddress
from runtime.token_keys import EarlierKey, KeysUnusable, SigningKeys


class Settings(RuntimeSettings):
    """The database and the keys, which must be the same for every replica."""

    directory_database: SecretStr = SecretStr("")
    """`sqlite:///path/to/book.db`, or `postgresql://user:password@host:port/name`."""
    directory_key: SecretStr = SecretStr("")
    """Seals secrets (phone passwords): 32 characters or more. Without it they can't be opened any more."""
    directory_keys_before: SecretStr = SecretStr("")
    """Older keys, with commas or line ends between: they open what they sealed, and seal nothing."""
    token_keys: SecretStr = SecretStr("")
    """Sign tokens: a private JWK set, of which the first key signs. Other services have the public set."""
    console_key: SecretStr = SecretStr("")
    """Signs the addresses of the console's clients: 32 characters or more, known to the console alone beside
    the directory; two with a comma between while one replaces the other. Empty: there is no console."""
    token_key: SecretStr = SecretStr("")
    """The key of earlier versions: it verifies tokens of programs that they signed, until a day."""
    token_key_until: str = ""
    """That day, as 2027-03-31, which is the last (UTC); required beside the key."""
    mail_from_name: str = "Ringback"
    directory_url: WebAddress = ""
    """Where browsers reach this service, such as `https://phones.example.org`: letters link to a page there
    that shows the phone password once. Empty: letters say that the administrator has it."""
    softphone_url: WebAddress = ""
    """Where a softphone is downloaded, for the welcome letter; empty: the letter names none."""
    texts_url: SecretStr = SecretStr("")
    """Where texts to mobiles are POSTed, for forgotten passwords; empty: none are sent."""
    texts_key: SecretStr = SecretStr("")
    """The bearer token of those requests."""
    hashes_at_once_max: int = Field(default=2, ge=1)
    """Passwords hashed at the same time: each takes 64 MiB and a processor for a twentieth of a second."""

    quota_factor: float = Field(default=1.0, gt=0)
    """Multiplies how fast one organization may ask (`runtime/quotas.py`), for companies of thousands."""

    def older_keys(self) -> list[str]:
        """The keys that only open."""
        written = self.directory_keys_before.get_secret_value().replace("\n", ",").split(",")
        return [each.strip() for each in written if each.strip()]

    def signing_keys(self) -> SigningKeys:
        """The keys that sign tokens. Raises ValueError when they are missing or can't be used."""
        earlier = EarlierKey.read(self.token_key.get_secret_value(), self.token_key_until)
        try:
            return SigningKeys.read(self.token_keys.get_secret_value(), earlier)
        except KeysUnusable as error:
            raise ValueError(
                "set RINGBACK_TOKEN_KEYS to a private JWK set of Ed25519 keys, of which others have only the "
                f"public set (RINGBACK_TOKEN_PUBLIC_KEYS): {error}"
            ) from None

    def console_keys_checked(self) -> tuple[str, ...]:
        """The keys that sign the addresses of the console's clients. Raises ValueError for a short one."""
        found = tuple(each.strip() for each in self.console_key.get_secret_value().split(",") if each.strip())
        if any(len(each.encode()) < client_address.KEY_BYTES_MIN for each in found):
            raise ValueError(
                f"set RINGBACK_CONSOLE_KEY to {client_address.KEY_BYTES_MIN} characters or more that nobody "
                "can guess, the same for the console and the directory and for nothing else"
            )
        return found
