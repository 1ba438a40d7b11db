"""Signed tokens: who asks, as one service writes it and every service with the same key can read it.

    sign(claims: Claims, key: str) -> str
    verify(token: str, key: str, now: Instant) -> Claims       # raises TokenRefused

The directory signs, the other services verify with the same key (HS256, `KEY_BYTES_MIN` at least) and look
the role, or a program's actions, up by themselves: a token says who, never what somebody may do. Pure: the
caller says what time it is.
"""

from enum import StrEnum
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from contracts.ids import AgentId, Instant, OrganizationId

KEY_BYTES_MIN: Final = 32
"""HS256 asks for a key as long as its hash (RFC 7518, 3.2)."""
TOKEN_LENGTH_MAX: Final = 2_000
"""Ours take some 350 characters; what is longer is nobody's token and is not even parsed."""
_ALGORITHM: Final = "HS256"
_ISSUER: Final = "ringback"


class TokenUse(StrEnum):
    """What a token is good for; only `access` and `program` open what is read and written."""

    ACCESS = "access"
    REFRESH = "refresh"
    PASSWORD = "password"  # noqa: S105  # the name of a use: nothing but choosing a password of one's own
    PROGRAM = "program"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token speaks for: the employee `agent_id`, or the program `token_id` (exactly one of them).

    `family` names the login that access and refresh tokens come from; `expires_at` None: until revoked.
    """

    organization_id: OrganizationId
    use: TokenUse
    agent_id: AgentId | None = None
    token_id: str | None = None
    family: str = ""
    issued_at: Instant
    expires_at: Instant | None = None


class TokenRefused(Exception):
    """The token is none of ours, was changed, or is over; the message says which, never what it held."""


class KeyTooShort(ValueError):
    """The signing key can be guessed; whoever started the service gave it."""


def sign(claims: Claims, key: str) -> str:
    """A token with these claims. Raises KeyTooShort."""
    header = {"alg": _ALGORITHM, "typ": "JWT"}
    found: dict[str, Any] = {"iss": _ISSUER, **msgspec.to_builtins(claims)}
    return jwt.encode(header, found, _key(key), algorithms=[_ALGORITHM])


def verify(token: str, key: str, now: Instant) -> Claims:
    """The claims of a token that was signed with this key and is not over. Raises TokenRefused, KeyTooShort.

    Which `use` is wanted is the caller's to check: an access token is not a refresh token.
    """
    if not token or len(token) > TOKEN_LENGTH_MAX:
        raise TokenRefused("this is no token")
    try:
        found = jwt.decode(token, _key(key), algorithms=[_ALGORITHM]).claims
    except (JoseError, ValueError) as error:
        raise TokenRefused("the token's signature does not hold") from error
    if found.pop("iss", None) != _ISSUER:
        raise TokenRefused("the token was signed by somebody else")
    try:
        claims = msgspec.convert(found, Claims)
    except msgspec.ValidationError as error:
        raise TokenRefused("the token's claims can't be read") from error
    if (claims.agent_id is None) == (claims.token_id is None):
        raise TokenRefused("the token speaks for nobody")
    if claims.expires_at is not None and now >= claims.expires_at:
        raise TokenRefused("the token is over")
    return claims


def _key(text: str) -> OctKey:
    if len(text.encode()) < KEY_BYTES_MIN:
        raise KeyTooShort(f"the signing key has less than {KEY_BYTES_MIN} bytes")
    return OctKey.import_key(text.encode())
