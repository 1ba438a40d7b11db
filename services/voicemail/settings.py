"""Settings of voicemail's process. What a department wants travels as facts, never as a setting."""

from pydantic import Field

from runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Beside these, voicemail uses `smtp` and `mail_from` of the runtime.

    The sender's domain is part of every Message-ID: changing it makes a letter under way a new one.
    """

    mail_from_name: str = "Ringback"
    spool_ca: str = ""
    """File with the certificates that gateways' spools are verified with (https); empty: the system's."""
    attachment_bytes_max: int = Field(default=10 * 1024**2, ge=0)
    """A larger MP3 is not attached: the letter says so and has a link to the console (EC-69)."""
    conversions_at_once_max: int = Field(default=2, ge=1)
    """Conversions at the same time: one per core."""
    deliveries_at_once_max: int = Field(default=8, ge=1)
    """Letters and recordings under way at the same time."""
