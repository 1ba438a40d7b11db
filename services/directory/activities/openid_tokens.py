"""Verifies a provider's ID token wholly (OpenID Connect Core 3.1.3.7)."""

from enum import StrEnum
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jws import JWSRegistry
from msgspec import Struct

from contracts.ids import Instant
from services.directory.activities.openid_discovery import Discovery, PublicKey

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"}
)
"""Asymmetric ones alone: `none` is no signature, and whoever knows our secret could sign by HS256."""
_REGISTRY: Final = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
"""What a header has besides is passed over, as RFC 7515 says, unless it is critical."""
SKEW_S_MAX: Final = 60
AGE_S_MAX: Final = 600
"""The token is made when the code is exchanged, and a code is good for ten minutes at most (RFC 6749)."""
TOKEN_LENGTH_MAX: Final = 32_768
SUBJECT_LENGTH_MAX: Final = 255
"""OpenID Connect Core, 2: «It MUST NOT exceed 255 ASCII characters in length»."""


class Why(StrEnum):
    """Why a sign-in is refused, in the security stream alone."""

    REDIRECT = "redirect"
    ANOTHER_PROVIDER = "another_provider"
    CODE = "code"
    TOKEN_UNREADABLE = "token_unreadable"  # noqa: S105  # a reason
    ALGORITHM = "algorithm"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    NONCE = "nonce"
    EXPIRED = "expired"
    TIME = "time"
    SUBJECT = "subject"
    CLAIM = "claim"
    NOT_LINKED = "not_linked"
    LINKING = "linking"
    TAKEN = "taken"


class SignInRefused(Exception):
    """The provider's word is not taken."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why.value)


class Identity(Struct, frozen=True, kw_only=True):
    """Somebody at a provider. Never an address: those change hands."""

    issuer: str
    subject: str


class Said(Struct, frozen=True, kw_only=True):
    """What a verified token says: whom it names, and all its claims."""

    identity: Identity
    claims: dict[str, Any]


_OF_CLAIMS: Final = {
    "iss": Why.ISSUER,
    "aud": Why.AUDIENCE,
    "azp": Why.AUDIENCE,
    "nonce": Why.NONCE,
    "exp": Why.EXPIRED,
    "iat": Why.TIME,
    "nbf": Why.TIME,
    "sub": Why.SUBJECT,
}


async def verified(
    discovery: Discovery,
    text: object,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: object,
    now_at: Instant,
) -> Said:
    """What a token says. Raises SignInRefused, and ProviderFailed when its keys can't be read."""
    if not isinstance(text, str) or len(text) > TOKEN_LENGTH_MAX:
        raise SignInRefused(Why.TOKEN_UNREADABLE)
    header = _header(text)
    if header.get("alg") not in ALGORITHMS:
        raise SignInRefused(Why.ALGORITHM)
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise SignInRefused(Why.TOKEN_UNREADABLE)
    keys = await discovery.keys(issuer, key_id)
    if not keys:
        raise SignInRefused(Why.KEY_UNKNOWN)
    found = _signed(text, keys)
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    claims = CodeIDToken(
        found.claims,
        found.header,
        options={
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
        },
        params=params,
    )
    now_s = now_at // 1000
    try:
        claims.validate(now=now_s, leeway=SKEW_S_MAX)
    except ExpiredTokenError as error:
        raise SignInRefused(Why.EXPIRED) from error
    except ClaimError as error:
        raise SignInRefused(_OF_CLAIMS.get(error.claim, Why.CLAIM)) from error
    if found.claims["iat"] + AGE_S_MAX < now_s:
        raise SignInRefused(Why.TIME)
    named = Identity(issuer=issuer, subject=_subject(found.claims["sub"]))
    return Said(identity=named, claims=found.claims)


def _header(text: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(text.encode(), registry=_REGISTRY).headers())
    except (JoseError, ValueError) as error:
        raise SignInRefused(Why.TOKEN_UNREADABLE) from error


def _signed(text: str, keys: tuple[PublicKey, ...]) -> jwt.Token:
    """The token, by whichever of these keys has signed it."""
    for key in keys:
        try:
            return jwt.decode(text, key, registry=_REGISTRY)
        except (JoseError, ValueError):
            continue
    raise SignInRefused(Why.SIGNATURE)


def _subject(found: str) -> str:
    if not 0 < len(found) <= SUBJECT_LENGTH_MAX or not found.isascii() or not found.isprintable():
        raise SignInRefused(Why.SUBJECT)
    return found
