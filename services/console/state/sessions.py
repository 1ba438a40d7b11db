"""What is kept of whoever signs in: a session in the store, and in sealed cookies what leads to one, and what
had been typed before."""

from enum import StrEnum

import msgspec


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """An open session: the directory's tokens, and until when the access token holds (ms, UTC)."""

    organization: str
    access: str
    refresh: str
    access_ends_at: int
    opened_at: int


class Step(StrEnum):
    """What is still missing for a session."""

    PASSWORD = "password"  # noqa: S105  # the name of a step
    SECOND_FACTOR = "second_factor"
    SETUP = "setup"
    OPENID = "openid"
    RECOVERY = "recovery"


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign-in under way, in a sealed cookie: nobody who has not signed in keeps anything in the store.

    `token` is the directory's for the next step. A one-time password stays until it is replaced, so that
    nobody types it twice.
    """

    step: Step
    organization: str
    next: str = ""
    login: str = ""
    token: str = ""
    password: str = ""
    mobile: str = ""
    secret: str = ""
    """Of a second factor that is being set up, for a person to type."""
    uri: str = ""
    """The same, for a QR code."""
    state: str = ""
    nonce: str = ""
    verifier: str = ""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody sent when the session had ended: nothing was done with it.

    `whose` marks the person who was shown the form, `page` is where it stood, `action` where it was sent to.
    """

    whose: str
    page: str
    action: str
    sent_at: int
    texts: tuple[tuple[str, str], ...]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What the directory knows this browser by, for one login."""

    organization: str
    login: str
    device: str
