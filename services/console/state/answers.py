"""The shapes of what the APIs take and answer, as far as the console uses them.

The APIs' own documents are the contract; a test holds these shapes against them.
"""

import msgspec


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """The same in Russian and English."""

    ru: str
    en: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is refused: a stable code, cause and remedy, and where in the request."""

    code: str
    cause: Text
    remedy: Text
    field: str = ""
    more: "tuple[Problem, ...]" = ()


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs in, by which password."""

    organization: str
    login: str
    password: str
    device: str


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """The refresh token that came last."""

    refresh: str


class OwnPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The password until now, and the one of one's own choice."""

    old: str
    new: str
    device: str


class CodeGiven(msgspec.Struct, frozen=True, kw_only=True):
    """What the authenticator app shows, or a recovery code."""

    code: str
    device: str


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Whose password is forgotten, by the own mobile."""

    organization: str
    mobile: str


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """The code that came, and a password of one's own choice."""

    organization: str
    mobile: str
    code: str
    new: str


class OpenIdStart(msgspec.Struct, frozen=True, kw_only=True):
    """Whose provider is asked, and where it sends the browser afterwards."""

    organization: str
    redirect_uri: str


class OpenIdSignIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the browser has brought from the provider, and what was kept meanwhile."""

    organization: str
    code: str
    code_verifier: str
    nonce: str
    redirect_uri: str
    device: str = ""
    iss: str | None = None
    linking: str | None = None


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser is sent, and what is kept until it is back."""

    address: str
    state: str
    nonce: str
    code_verifier: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A login, or a token for what is still missing."""

    expires_in_s: int
    access: str | None = None
    refresh: str | None = None
    password: str | None = None
    second_factor: str | None = None
    second_factor_setup: str | None = None
    device: str | None = None


class SecondFactorBegun(msgspec.Struct, frozen=True, kw_only=True):
    """A secret for the authenticator app, and the same as an `otpauth://` URI."""

    secret: str
    uri: str


class SecondFactorConfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """Recovery codes, and the login of whoever had to set up a second factor first."""

    recovery_codes: tuple[str, ...]
    opened: Opened | None = None


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The share of calls that should be answered within so many seconds."""

    within_s: int = 20
    percent: int = 80


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who has signed in, in which organization, and how far each right goes."""

    organization_id: str
    agent_id: str | None
    role: str | None
    departments: tuple[str, ...]
    rights: dict[str, str]
    name: str
    login: str
    organization_name: str
    timezone: str
    service_level: ServiceLevel = ServiceLevel()
