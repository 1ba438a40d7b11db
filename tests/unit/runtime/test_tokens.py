"""Signed tokens are read back; changed, expired and foreign ones are refused."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from contracts.ids import AgentId, Instant, OrganizationId
from runtime.token_keys import EarlierKey, KeysUnusable, SigningKeys, VerifyingKeys
from runtime.tokens import Claims, TokenKindEnded, TokenRefused, TokenUse, sign, verify

KEYS = SigningKeys.generate()
NOW = Instant(1_700_000_000_000)
DAY_MS = 24 * 3_600_000
SHARED = "s" * 32
# NOW is in the evening of 2023-11-14, UTC.
ACCEPTING = VerifyingKeys.read(KEYS.public.as_json(), EarlierKey.read(SHARED, "2023-11-15"))
BODY: dict[str, object] = {
    "iss": "ringback",
    "organization_id": "org",
    "use": "access",
    "agent_id": "a",
    "issued_at": 1,
}


def claims(**changed: object) -> Claims:
    """The claims of an employee who has just logged in."""
    made: dict[str, object] = {
        "organization_id": OrganizationId("org"),
        "use": TokenUse.ACCESS,
        "agent_id": AgentId("gusev"),
        "issued_at": NOW,
        "expires_at": Instant(NOW + 600_000),
    }
    return Claims(**{**made, **changed})  # type: ignore[arg-type]  # the test says what it changes


def several(*sets: SigningKeys) -> SigningKeys:
    """The keys of these sets, in one."""
    keys = [key for each in sets for key in json.loads(each.as_private_json())["keys"]]
    return SigningKeys.read(json.dumps({"keys": keys}))


def header(token: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    return found


def test_what_was_signed_is_read_back() -> None:
    """Every service learns the principal from a token."""
    assert verify(sign(claims(), KEYS), KEYS.public, NOW) == claims()


def test_a_token_names_its_key_and_its_algorithm() -> None:
    """Whoever has several keys needs no trials."""
    assert header(sign(claims(), KEYS)) == {"alg": "Ed25519", "typ": "JWT", "kid": KEYS.kids[0]}


def test_a_programs_token_has_no_end() -> None:
    """It ends by revocation, which services look up."""
    program = claims(use=TokenUse.PROGRAM, agent_id=None, token_id="t1", expires_at=None)
    assert verify(sign(program, KEYS), KEYS.public, Instant(NOW * 2)) == program


def test_a_token_is_over_at_its_end() -> None:
    """A token expires exactly at its end."""
    token = sign(claims(), KEYS)
    assert verify(token, KEYS.public, Instant(NOW + 599_999)) == claims()
    with pytest.raises(TokenRefused, match="expired"):
        verify(token, KEYS.public, Instant(NOW + 600_000))


def test_the_first_key_signs_and_every_key_verifies() -> None:
    """During a rotation tokens of the older key are in use beside those of the newer one."""
    newer = SigningKeys.generate()
    both = several(newer, KEYS)
    assert header(sign(claims(), both))["kid"] == newer.kids[0]
    assert verify(sign(claims(), KEYS), both.public, NOW) == claims()
    assert verify(sign(claims(), both), newer.public, NOW) == claims()


def test_a_key_that_is_not_in_the_set_opens_nothing() -> None:
    """A token of another installation, or of a key that was dropped, is not valid here."""
    with pytest.raises(TokenRefused, match="kid"):
        verify(sign(claims(), SigningKeys.generate()), KEYS.public, NOW)


def test_another_key_under_a_known_id_opens_nothing() -> None:
    """The id only chooses the key; anybody can write it."""
    foreign = OKPKey.generate_key("Ed25519")
    token = jwt.encode({"alg": "Ed25519", "kid": KEYS.kids[0]}, BODY, foreign, algorithms=["Ed25519"])
    with pytest.raises(TokenRefused, match="signature"):
        verify(token, KEYS.public, NOW)


def test_a_token_without_a_kid_opens_nothing() -> None:
    """Even when there is one key only, a token says which it means."""
    token = jwt.encode({"alg": "Ed25519"}, BODY, KEYS.signing, algorithms=["Ed25519"])
    with pytest.raises(TokenRefused, match="kid"):
        verify(token, KEYS.public, NOW)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512"])
@pytest.mark.parametrize("secret", ["set", "x", "raw"])
def test_the_public_key_is_no_secret_to_sign_with(algorithm: str, secret: str) -> None:
    """A forger who has the public set takes it, or a part of it, for the key of a weaker algorithm."""
    written = KEYS.public.as_json()
    x = json.loads(written)["keys"][0]["x"]
    found = {"set": written.encode(), "x": x.encode(), "raw": base64.urlsafe_b64decode(x + "==")}[secret]
    made_header = {"alg": algorithm, "kid": KEYS.kids[0]}
    token = jwt.encode(made_header, BODY, OctKey.import_key(found), algorithms=[algorithm])
    with pytest.raises(TokenRefused, match="signature"):
        verify(token, KEYS.public, NOW)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", ECKey.generate_key()),
        ("RS256", RSAKey.generate_key(2048)),
        ("Ed448", OKPKey.generate_key("Ed448")),
        ("EdDSA", OKPKey.generate_key("Ed25519")),
    ],
    ids=["ES256", "RS256", "Ed448", "EdDSA"],
)
def test_another_algorithm_opens_nothing(algorithm: str, key: ECKey | RSAKey | OKPKey) -> None:
    """The key has one algorithm, whatever a token's header says."""
    token = jwt.encode({"alg": algorithm, "kid": KEYS.kids[0]}, BODY, key, algorithms=[algorithm])
    with pytest.raises(TokenRefused, match="signature"):
        verify(token, KEYS.public, NOW)


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "claims", "signature"])
def test_a_changed_token_opens_nothing(part: int) -> None:
    """Each of the three parts is covered by the signature."""
    parts = sign(claims(), KEYS).split(".")
    kept = json.loads(base64.urlsafe_b64decode(parts[part] + "==")) if part < 2 else {}
    added = base64.urlsafe_b64encode(json.dumps({**kept, "more": 1}).encode()).decode().rstrip("=")
    parts[part] = added if part < 2 else parts[part][:40] + "AAAA" + parts[part][44:]
    with pytest.raises(TokenRefused, match="signature"):
        verify(".".join(parts), KEYS.public, NOW)


@pytest.mark.parametrize("lacking", ["iss", "organization_id", "agent_id", "use"])
def test_a_token_that_lacks_a_claim_is_refused(lacking: str) -> None:
    """Another program may sign with the same key."""
    body = {name: value for name, value in BODY.items() if name != lacking}
    token = jwt.encode({"alg": "Ed25519", "kid": KEYS.kids[0]}, body, KEYS.signing, algorithms=["Ed25519"])
    with pytest.raises(TokenRefused):
        verify(token, KEYS.public, NOW)


def test_a_token_of_an_unknown_use_is_refused() -> None:
    """A use that a later version adds means nothing here."""
    body = {**BODY, "use": "strange"}
    token = jwt.encode({"alg": "Ed25519", "kid": KEYS.kids[0]}, body, KEYS.signing, algorithms=["Ed25519"])
    with pytest.raises(TokenRefused, match="claims"):
        verify(token, KEYS.public, NOW)


@given(st.text(max_size=300))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    """Whatever the header contains, the answer is a refusal and never a crash."""
    with pytest.raises(TokenRefused):
        verify(text, KEYS.public, NOW)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), st.none() | st.text() | st.integers()
    )
)
def test_no_header_is_one_by_chance(made: dict[str, object]) -> None:
    """The header is read before any signature is checked."""
    head = base64.urlsafe_b64encode(json.dumps(made).encode()).decode().rstrip("=")
    with pytest.raises(TokenRefused):
        verify(f"{head}.e30.AAAA", KEYS.public, NOW)


def test_public_keys_are_read_where_only_they_are_needed() -> None:
    """History verifies, and can't sign."""
    read = VerifyingKeys.read(KEYS.public.as_json())
    assert verify(sign(claims(), KEYS), read, NOW) == claims()


def of_earlier_version(made: Claims, key: str = SHARED, **header_: str) -> str:
    """A token as earlier versions signed it."""
    body = {"iss": "ringback", **msgspec.to_builtins(made)}
    return jwt.encode({"alg": "HS256", "typ": "JWT", **header_}, body, OctKey.import_key(key.encode()))


def a_program() -> Claims:
    return claims(use=TokenUse.PROGRAM, agent_id=None, token_id="t1", expires_at=None)


def test_a_programs_token_of_an_earlier_version_is_read_through_its_last_day() -> None:
    """A CRM goes on while its administrator makes its token anew; after that it is told why not."""
    token = of_earlier_version(a_program())
    end = Instant(NOW - NOW % DAY_MS + 2 * DAY_MS)
    assert verify(token, ACCEPTING, NOW) == a_program()
    assert verify(token, ACCEPTING, Instant(end - 1)) == a_program()
    with pytest.raises(TokenKindEnded, match="until 2023-11-15"):
        verify(token, ACCEPTING, end)
    with pytest.raises(TokenRefused, match="kid"):
        verify(token, KEYS.public, NOW)


@pytest.mark.parametrize("use", [each for each in TokenUse if each is not TokenUse.PROGRAM])
def test_the_key_of_earlier_versions_opens_no_login(use: TokenUse) -> None:
    """Every service had that key: who took it from one must not make an administrator's token."""
    with pytest.raises(TokenRefused, match="programs' tokens only"):
        verify(of_earlier_version(claims(use=use)), ACCEPTING, NOW)


@pytest.mark.filterwarnings("ignore")
def test_an_earlier_key_weakens_no_other() -> None:
    """With both kinds accepted, each key has its own algorithm still."""
    x = KEYS.public.as_json()
    for forged in (
        of_earlier_version(a_program(), x, kid=KEYS.kids[0]),
        of_earlier_version(a_program(), "x" * 32),
        jwt.encode({"alg": "none"}, BODY, OctKey.import_key(SHARED), algorithms=["none"]),
        jwt.encode({"alg": "HS512"}, BODY, OctKey.import_key(SHARED * 2), algorithms=["HS512"]),
    ):
        with pytest.raises(TokenRefused):
            verify(forged, ACCEPTING, NOW)
    assert verify(sign(claims(), KEYS), ACCEPTING, NOW) == claims()


@pytest.mark.parametrize(("key", "until"), [(SHARED, ""), (SHARED, "soon"), ("short", "2023-11-15")])
def test_an_earlier_key_needs_a_last_day(key: str, until: str) -> None:
    """Nobody would take the old key away; a mistyped day is told at the start, and the key is not."""
    with pytest.raises(KeysUnusable, match="RINGBACK_TOKEN_KEY") as refused:
        EarlierKey.read(key, until)
    assert key not in str(refused.value)
    assert SHARED not in repr(ACCEPTING.earlier)
