"""Signed tokens that say which principal asks; every service with the public keys can read them.

    sign(claims: Claims, keys: SigningKeys) -> str
    verify(token: str, keys: VerifyingKeys, now: Instant) -> Claims       # raises TokenRefused

The directory signs (Ed25519, `runtime/token_keys.py`). The other services verify with public keys and look up
the role, or a program's actions, themselves: a token identifies a principal and grants no rights. The
header's `kid` chooses the key, and the key its algorithm: a token never chooses one. The functions are pure:
the caller passes the time.

Tokens of programs that earlier versions signed, with a key that all services had (HS256), are read until a
stated day where that key is still set (`EarlierKey`); tokens of no other use are.
"""

from datetime import date
from enum import StrEnum
from typing import Any, Final

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError

from contracts.ids import AgentId, Instant, OrganizationId
from runtime.token_keys import ALGORITHM, EARLIER_ALGORITHM, EarlierKey, SigningKeys, VerifyingKeys

TOKEN_LENGTH_MAX: Final = 2_000
"""Valid tokens take some 450 characters; a longer text is not parsed."""
_ISSUER: Final = "ringback"


class TokenUse(StrEnum):
    """What a token is for; only `access` and `program` allow reading and writing."""

    ACCESS = "access"
    REFRESH = "refresh"
    PASSWORD = "password"  # noqa: S105  # the name of a use: only for choosing one's password
    PROGRAM = "program"
    SECOND_FACTOR = "second_factor"
    """Only for giving a code, after the password was right."""
    SECOND_FACTOR_SETUP = "second_factor_setup"
    """Only for setting up a second factor, after the password was right."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The principal of a token: the employee `agent_id` or the program `token_id`, exactly one of them.

    `family` names the login that access and refresh tokens come from; `expires_at` None: until revoked.
    `bound_to` is a digest of the secret that the token ends with; `device` is that of the login's first step.
    """

    organization_id: OrganizationId
    use: TokenUse
    agent_id: AgentId | None = None
    token_id: str | None = None
    family: str = ""
    bound_to: str = ""
    device: str = ""
    issued_at: Instant
    expires_at: Instant | None = None


class TokenRefused(Exception):
    """The token is invalid, was changed, or has expired; the message says which, never the contents."""


class TokenKindEnded(TokenRefused):
    """A program's token of earlier versions, after the last day of their key."""

    def __init__(self, until: date) -> None:
        self.until = until
        super().__init__(f"tokens of earlier versions were accepted until {until}")


def sign(claims: Claims, keys: SigningKeys) -> str:
    """A token with these claims, signed with the first key."""
    key = keys.signing
    header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
    found: dict[str, Any] = {"iss": _ISSUER, **msgspec.to_builtins(claims)}
    return jwt.encode(header, found, key, algorithms=[ALGORITHM])


def verify(token: str, keys: VerifyingKeys, now: Instant) -> Claims:
    """The claims of a token signed with one of these keys that has not expired. Raises TokenRefused.

    The caller must check `use`: an access token is not a refresh token.
    """
    if not token or len(token) > TOKEN_LENGTH_MAX:
        raise TokenRefused("not a valid token")
    found, earlier = _signed(token, keys)
    if found.pop("iss", None) != _ISSUER:
        raise TokenRefused("the token has another issuer")
    try:
        claims = msgspec.convert(found, Claims)
    except msgspec.ValidationError as error:
        raise TokenRefused("the token's claims can't be read") from error
    if (claims.agent_id is None) == (claims.token_id is None):
        raise TokenRefused("the token must name one employee or one program")
    if earlier is not None:
        _require_accepted(claims, earlier, now)
    if claims.expires_at is not None and now >= claims.expires_at:
        raise TokenRefused("the token has expired")
    return claims


def _signed(token: str, keys: VerifyingKeys) -> tuple[dict[str, Any], EarlierKey | None]:
    """The claims under a valid signature, and the earlier versions' key if that has signed them."""
    try:
        header = jws.extract_compact(token.encode()).headers()
        if keys.earlier is not None and header.get("alg") == EARLIER_ALGORITHM:
            found = jwt.decode(token, keys.earlier.key, algorithms=[EARLIER_ALGORITHM]).claims
            return found, keys.earlier
        key = keys.find(header.get("kid"))
        if key is None:
            raise TokenRefused("no key with the token's kid is known: its signature can't be checked")
        return jwt.decode(token, key, algorithms=[ALGORITHM]).claims, None
    except (JoseError, ValueError) as error:
        raise TokenRefused("the token's signature is invalid") from error


def _require_accepted(claims: Claims, earlier: EarlierKey, now: Instant) -> None:
    if claims.use is not TokenUse.PROGRAM:
        raise TokenRefused("the key of earlier versions verifies programs' tokens only")
    if now >= earlier.ends_at:
        raise TokenKindEnded(earlier.until)
