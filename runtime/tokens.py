"""Signed tokens that say which principal asks; every service with the same key can read them.

    sign(claims: Claims, key: str) -> str
    verify(token: str, key: str, now: Instant) -> Claims       # raises TokenRefused

The directory signs. The other services verify with the same key (HS256, `KEY_BYTES_MIN` at least) and look up
the role, or a program's actions, themselves: a token identifies a principal and grants no rights. The
functions are pure: the caller passes the time.
"""

from enum import StrEnum
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from contracts.ids import AgentId, Instant, OrganizationId

KEY_BYTES_MIN: Final = 32
"""HS256 requires a key as long as its hash (RFC 7518, 3.2)."""
TOKEN_LENGTH_MAX: Final = 2_000
"""Valid tokens take some 350 characters; a longer text is not parsed."""
_ALGORITHM: Final = "HS256"
_ISSUER: Final = "ringback"


class TokenUse(StrEnum):
    """What a token is for; only `access` and `program` allow reading and writing."""

    ACCESS = "access"
    REFRESH = "refresh"
    PASSWORD = "password"  # noqa: S105  # the name of a use: only for choosing one's password
    PROGRAM = "program"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The principal of a token: the employee `agent_id` or the program `token_id`, exactly one of them.

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
    """The token is invalid, was changed, or has expired; the message says which, never the contents."""


class KeyTooShort(ValueError):
    """The signing key from the settings is too short to be safe."""


def sign(claims: Claims, key: str) -> str:
    """A token with these claims. Raises KeyTooShort."""
    header = {"alg": _ALGORITHM, "typ": "JWT"}
    found: dict[str, Any] = {"iss": _ISSUER, **msgspec.to_builtins(claims)}
    return jwt.encode(header, found, _key(key), algorithms=[_ALGORITHM])


def verify(token: str, key: str, now: Instant) -> Claims:
    """The claims of a token signed with this key that has not expired. Raises TokenRefused, KeyTooShort.

    The caller must check `use`: an access token is not a refresh token.
    """
    if not token or len(token) > TOKEN_LENGTH_MAX:
        raise TokenRefused("not a valid token")
    try:
        found = jwt.decode(token, _key(key), algorithms=[_ALGORITHM]).claims
    except (JoseError, ValueError) as error:
        raise TokenRefused("the token's signature is invalid") from error
    if found.pop("iss", None) != _ISSUER:
        raise TokenRefused("the token has another issuer")
    try:
        claims = msgspec.convert(found, Claims)
    except msgspec.ValidationError as error:
        raise TokenRefused("the token's claims can't be read") from error
    if (claims.agent_id is None) == (claims.token_id is None):
        raise TokenRefused("the token must name one employee or one program")
    if claims.expires_at is not None and now >= claims.expires_at:
        raise TokenRefused("the token has expired")
    return claims


def _key(text: str) -> OctKey:
    if len(text.encode()) < KEY_BYTES_MIN:
        raise KeyTooShort(f"the signing key has fewer than {KEY_BYTES_MIN} bytes")
    return OctKey.import_key(text.encode())
