"""Signed tokens are read back; changed, expired and foreign ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from contracts.ids import AgentId, Instant, OrganizationId
from runtime.tokens import Claims, KeyTooShort, TokenRefused, TokenUse, sign, verify

KEY = "k" * 32
NOW = Instant(1_700_000_000_000)


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


def test_what_was_signed_is_read_back() -> None:
    """Every service learns the principal from a token."""
    assert verify(sign(claims(), KEY), KEY, NOW) == claims()


def test_a_programs_token_has_no_end() -> None:
    """It ends by revocation, which services look up."""
    program = claims(use=TokenUse.PROGRAM, agent_id=None, token_id="t1", expires_at=None)
    assert verify(sign(program, KEY), KEY, Instant(NOW * 2)) == program


def test_a_token_is_over_at_its_end() -> None:
    """A token expires exactly at its end."""
    token = sign(claims(), KEY)
    assert verify(token, KEY, Instant(NOW + 599_999)) == claims()
    with pytest.raises(TokenRefused, match="expired"):
        verify(token, KEY, Instant(NOW + 600_000))


def test_another_key_opens_nothing() -> None:
    """A token of another installation is not valid here."""
    with pytest.raises(TokenRefused, match="signature"):
        verify(sign(claims(), "x" * 32), KEY, NOW)


@pytest.mark.filterwarnings("ignore:JWS algorithm")
@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_another_algorithm_opens_nothing(algorithm: str) -> None:
    """A forger would choose the weakest algorithm."""
    key = OctKey.import_key(KEY.encode() * 2)
    body = {"iss": "ringback", "organization_id": "org", "use": "access", "agent_id": "a", "issued_at": 1}
    with pytest.raises(TokenRefused, match="signature"):
        verify(jwt.encode({"alg": algorithm}, body, key, algorithms=[algorithm]), KEY, NOW)


@pytest.mark.parametrize(
    "body",
    [
        {"organization_id": "org", "use": "access", "agent_id": "a", "issued_at": 1},
        {"iss": "ringback", "use": "access", "agent_id": "a", "issued_at": 1},
        {"iss": "ringback", "organization_id": "org", "use": "access", "issued_at": 1},
        {"iss": "ringback", "organization_id": "org", "use": "strange", "agent_id": "a", "issued_at": 1},
    ],
    ids=["issuer", "organization", "nobody", "use"],
)
def test_a_token_that_lacks_a_claim_is_refused(body: dict[str, object]) -> None:
    """Another program may sign with the same key."""
    key = OctKey.import_key(KEY.encode())
    with pytest.raises(TokenRefused):
        verify(jwt.encode({"alg": "HS256"}, body, key), KEY, NOW)


def test_a_short_key_is_refused() -> None:
    """A key that can be guessed must not be deployed."""
    with pytest.raises(KeyTooShort):
        sign(claims(), "secret")


@given(st.text(max_size=300))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    """Whatever the header contains, the answer is a refusal and never a crash."""
    with pytest.raises(TokenRefused):
        verify(text, KEY, NOW)
