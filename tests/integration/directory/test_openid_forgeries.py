"""A provider that lies, dawdles or leads astray: nobody gets in, and the directory calls nobody for it."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import select

from services.directory.activities import openid_http, openid_providers
from services.directory.activities.openid_discovery import AT_ONCE_MAX, FAILED_MS, KEPT_MS, LOOKED_MS_MIN
from services.directory.activities.openid_http import ANSWER_BYTES_MAX
from services.directory.activities.openid_tokens import AGE_S_MAX, SKEW_S_MAX
from services.directory.activities.tables import AUDIT
from tests.integration.directory.companies import ORGANIZATION, Company, sqlite
from tests.integration.directory.identity_providers import (
    REDIRECT,
    Answer,
    LyingProvider,
    brought,
    link,
    named,
    sign_in,
)

ANOTHER_KEY = RSAKey.generate_key(2048)
Change = Callable[[LyingProvider], None]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Company]:
    """A company with its administrator."""
    company = await Company(sqlite(tmp_path)).open()
    yield company
    await company.close()


@pytest.fixture
async def provider(office: Company) -> AsyncIterator[LyingProvider]:
    """A provider that is honest so far, named by the operator, with the administrator's account linked."""
    made = LyingProvider(lambda: office.clock.now() // 1000)
    made.start()
    await named(office, made)
    assert (await link(office, made, "rodion")).status_code == 200
    yield made
    made.stop()


async def why(company: Company) -> tuple[str, str]:
    """Outcome and reason of the newest sign-in in the trail."""
    async with company.directory.database.begin() as connection:
        query = select(AUDIT).where(AUDIT.c.what == "session.openid").order_by(AUDIT.c.number.desc())
        row = (await connection.execute(query)).first()
    assert row is not None
    return row.outcome, json.loads(row.details)["why"]


def _claims(**claims: Any) -> Change:
    def change(provider: LyingProvider) -> None:
        provider.claims = claims

    return change


def _now(seconds: int, name: str) -> Change:
    def change(provider: LyingProvider) -> None:
        now_s = provider._now_s()
        provider.claims = {"iat": now_s - AGE_S_MAX, name: now_s + seconds}

    return change


def _forged(make: Callable[[LyingProvider, dict[str, Any]], str]) -> Change:
    def change(provider: LyingProvider) -> None:
        provider.forged = lambda claims: make(provider, claims)

    return change


def _part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _unsigned(_provider: LyingProvider, claims: dict[str, Any]) -> str:
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _by_secret(provider: LyingProvider, claims: dict[str, Any]) -> str:
    key = OctKey.import_key(provider.client_secret * 2)
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key)


def _by_public_key(provider: LyingProvider, claims: dict[str, Any]) -> str:
    """The old trick: the public key, which everybody has, as the secret of HS256."""
    content = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(claims)}"
    made = hmac.new(provider.key.as_pem(private=False), content.encode(), "sha256").digest()
    return f"{content}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _by_another_key(_provider: LyingProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, ANOTHER_KEY)


def _by_its_own_key(_provider: LyingProvider, claims: dict[str, Any]) -> str:
    """The token brings the key that it is signed by."""
    header = {"alg": "RS256", "kid": "one", "jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}
    return jwt.encode(header, claims, ANOTHER_KEY)


def _by_an_unknown_key(_provider: LyingProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "two"}, claims, ANOTHER_KEY)


def _critical(provider: LyingProvider, claims: dict[str, Any]) -> str:
    content = f"{_part({'alg': 'RS256', 'kid': 'one', 'crit': ['mood'], 'mood': 'good'})}.{_part(claims)}"
    assert provider.key.private_key is not None
    made = provider.key.private_key.sign(content.encode(), PKCS1v15(), SHA256())
    return f"{content}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _changed_afterwards(provider: LyingProvider, claims: dict[str, Any]) -> str:
    signed = jwt.encode({"alg": "RS256", "kid": "one"}, {**claims, "sub": "nobody"}, provider.key)
    header, _, signature = signed.split(".")
    return f"{header}.{_part(claims)}.{signature}"


LIES: dict[str, tuple[Change, str]] = {
    "no signature": (_forged(_unsigned), "algorithm"),
    "signed by the client's secret": (_forged(_by_secret), "algorithm"),
    "signed by the public key as a secret": (_forged(_by_public_key), "algorithm"),
    "signed by another key": (_forged(_by_another_key), "signature"),
    "signed by a key of its own": (_forged(_by_its_own_key), "signature"),
    "signed by a key that is not known": (_forged(_by_an_unknown_key), "key_unknown"),
    "changed after it was signed": (_forged(_changed_afterwards), "signature"),
    "with something critical that we do not know": (_forged(_critical), "signature"),
    "no token": (_forged(lambda _provider, _claims: "rubbish"), "token_unreadable"),
    "a token as long as a book": (_forged(lambda _provider, _claims: "e" * 100_000), "token_unreadable"),
    "another issuer": (_claims(iss="https://login.example"), "issuer"),
    "no issuer": (_claims(iss=None), "issuer"),
    "another audience": (_claims(aud="somebody"), "audience"),
    "no audience": (_claims(aud=None), "audience"),
    "other audiences beside ours, for another client": (
        _claims(aud=["ringback", "somebody"], azp="somebody"),
        "audience",
    ),
    "other audiences beside ours, for nobody": (_claims(aud=["ringback", "somebody"]), "audience"),
    "another nonce": (_claims(nonce="n" * 43), "nonce"),
    "no nonce": (_claims(nonce=None), "nonce"),
    "no subject": (_claims(sub=None), "subject"),
    "an empty subject": (_claims(sub=""), "subject"),
    "a subject that is no text": (_claims(sub=17), "subject"),
    "a subject as long as a page": (_claims(sub="s" * 256), "subject"),
    "no end": (_claims(exp=None), "expired"),
    "over since a minute": (_now(-SKEW_S_MAX, "exp"), "expired"),
    "no beginning": (_claims(iat=None), "time"),
    "from the future": (_now(SKEW_S_MAX + 1, "iat"), "time"),
    "not valid yet": (_now(SKEW_S_MAX + 1, "nbf"), "time"),
    "an old one": (_now(-AGE_S_MAX - 1, "iat"), "time"),
    "of another access token": (_claims(at_hash="x" * 22), "claim"),
}


async def test_a_token_that_is_not_wholly_right_opens_nothing(
    office: Company, provider: LyingProvider
) -> None:
    """People get one answer, whatever it is; the trail says which."""
    for lie, (change, reason) in LIES.items():
        provider.claims, provider.forged = {}, None
        assert (await sign_in(office, provider, "rodion")).status_code == 201
        change(provider)
        answer = await sign_in(office, provider, "rodion")
        assert (lie, answer.status_code, answer.json()["code"]) == (lie, 401, "openid_refused")
        assert (lie, *await why(office)) == (lie, "refused", reason)


HONEST: dict[str, Change] = {
    "within a minute's skew, behind": _now(-SKEW_S_MAX + 1, "exp"),
    "within a minute's skew, ahead": _now(SKEW_S_MAX, "iat"),
    "several audiences, for us": _claims(aud=["ringback", "somebody"], azp="ringback"),
}


async def test_what_is_within_the_rules_opens(office: Company, provider: LyingProvider) -> None:
    """The limits are where they are said to be."""
    for honest, change in HONEST.items():
        change(provider)
        assert (honest, (await sign_in(office, provider, "rodion")).status_code) == (honest, 201)


async def test_a_signature_on_a_curve_opens_too(office: Company, provider: LyingProvider) -> None:
    """Some providers sign by ES256."""
    made = ec.generate_private_key(ec.SECP256R1())
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = ECKey.import_key(pem, {"kid": "curve"})
    provider.published = [*provider.published, key]
    provider.forged = lambda claims: jwt.encode({"alg": "ES256", "kid": "curve"}, claims, key)
    office.clock.advance(KEPT_MS // 1000)
    assert (await sign_in(office, provider, "rodion")).status_code == 201


async def test_a_code_without_its_verifier_or_for_another_address_is_refused_by_the_provider(
    office: Company, provider: LyingProvider
) -> None:
    """PKCE by S256: a stolen code is worth nothing without what the console has kept."""
    for change in ({"code_verifier": "v" * 43}, {"code": "c" * 16}):
        body = {"organization": ORGANIZATION, **await brought(office, provider, "rodion"), **change}
        answer = await office.http.post("/sessions/openid", json=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "openid_refused")
        assert await why(office) == ("refused", "code")


async def test_an_address_that_the_operator_has_not_named_gets_no_code(
    office: Company, provider: LyingProvider
) -> None:
    """Otherwise a link sent to an employee would carry the code somewhere else."""
    for address in (f"{REDIRECT}/", f"{REDIRECT}?x=1", "https://evil.example/openid"):
        asked = {"organization": ORGANIZATION, "redirect_uri": address}
        begun = await office.http.post("/sessions/openid/authorization", json=asked)
        assert (begun.status_code, begun.json()["code"]) == (401, "openid_refused")
        body = {"organization": ORGANIZATION, **await brought(office, provider, "rodion")}
        answer = await office.http.post("/sessions/openid", json={**body, "redirect_uri": address})
        assert answer.status_code == 401
        assert await why(office) == ("refused", "redirect")


async def test_an_answer_of_another_provider_is_not_exchanged(
    office: Company, provider: LyingProvider
) -> None:
    """The mix-up: a code of one provider is never posted to another (RFC 9207)."""
    asked = provider.asked["/token"]
    answer = await sign_in(office, provider, "rodion", iss="https://login.example")
    assert answer.status_code == 401
    assert await why(office) == ("refused", "another_provider")
    assert (await sign_in(office, provider, "rodion", iss=provider.issuer)).status_code == 201
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    office.clock.advance(KEPT_MS // 1000)
    assert (await sign_in(office, provider, "rodion")).status_code == 401
    assert await why(office) == ("refused", "another_provider")
    assert provider.asked["/token"] == asked + 1


ASTRAY = {
    "in the clear": "http://keys.vostok.example/keys",
    "another scheme": "file:///etc/passwd",
    "a script": "javascript:alert(1)",
    "with a password": "https://a:b@keys.vostok.example/keys",
    "like loopback": "http://127.0.0.1.example.org/keys",
    "nothing": None,
    "a list": ["https://keys.vostok.example/keys"],
    "too long": "https://keys.vostok.example/" + "k" * 600,
}


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_a_document_leads_nowhere_in_the_clear(
    office: Company, provider: LyingProvider, name: str
) -> None:
    """Every address in it is checked as the operator's own are; nothing is asked of a bad one."""
    for astray, address in ASTRAY.items():
        provider.metadata = {name: address}
        office.clock.advance(KEPT_MS // 1000)
        asked = {"organization": ORGANIZATION, "redirect_uri": REDIRECT}
        begun = await office.http.post("/sessions/openid/authorization", json=asked)
        assert (astray, begun.status_code, begun.json()["code"]) == (astray, 503, "openid_unavailable")
        assert (await why(office))[0] == "failed"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080/x", "https://localhost/x", "https://[::1]/x"])
def test_a_provider_elsewhere_leads_nobody_to_this_machine(address: str) -> None:
    """Our own ports are not asked because a document says so."""
    assert openid_http.checked("http://127.0.0.1:9/", address) == address
    with pytest.raises(openid_http.ProviderFailed, match="leads to this machine"):
        openid_http.checked("https://login.example", address)


async def _redirect() -> Answer:
    return 302, {"location": "http://127.0.0.1:1/"}, b""


async def _huge() -> Answer:
    return 200, {"content-type": "application/json"}, b'{"a": "' + b"a" * ANSWER_BYTES_MAX + b'"}'


async def _packed() -> Answer:
    return 200, {"content-encoding": "gzip"}, b"\x1f\x8b" + b"\x00" * 100


async def _deep() -> Answer:
    return 200, {}, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


async def _list() -> Answer:
    return 200, {}, b"[]"


async def _broken() -> Answer:
    return 500, {}, b"{}"


async def _endless() -> Answer:
    await asyncio.sleep(openid_http.ANSWER_S_MAX + 1)
    return 200, {}, b"{}"


WRONG = {
    "a redirect": _redirect,
    "more than anybody needs": _huge,
    "packed": _packed,
    "a thousand brackets": _deep,
    "a list": _list,
    "an error": _broken,
    "nothing for long": _endless,
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
async def test_an_answer_that_is_none_is_refused_within_limits(
    office: Company, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Slow, endless, packed or leading elsewhere: people are told to try later, and nothing is followed."""
    monkeypatch.setattr(openid_http, "ANSWER_S_MAX", 1.0)
    for wrong, answer in WRONG.items():
        provider.answers = {}
        office.clock.advance(FAILED_MS // 1000)
        body = {"organization": ORGANIZATION, **await brought(office, provider, "rodion")}
        provider.answers = {path: answer}
        office.clock.advance(KEPT_MS // 1000)
        given = await office.http.post("/sessions/openid", json=body)
        assert (wrong, given.status_code, given.json()["code"]) == (wrong, 503, "openid_unavailable")
        assert (await why(office))[0] == "failed"


async def test_documents_are_kept_for_an_hour_and_a_new_key_is_looked_for_once_a_minute(
    office: Company, provider: LyingProvider
) -> None:
    """A provider may change its key at any time; nobody makes us ask it without end."""
    assert provider.asked["/keys"] == provider.asked["/.well-known/openid-configuration"] == 1
    for _ in range(3):
        assert (await sign_in(office, provider, "rodion")).status_code == 201
    assert provider.asked["/keys"] == provider.asked["/.well-known/openid-configuration"] == 1
    office.clock.advance(LOOKED_MS_MIN // 1000)
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    provider.published = [provider.key]
    assert (await sign_in(office, provider, "rodion")).status_code == 201
    assert provider.asked["/keys"] == 2
    provider.key = RSAKey.generate_key(2048, {"kid": "three"})
    for _ in range(3):
        assert (await sign_in(office, provider, "rodion")).status_code == 401
    assert provider.asked["/keys"] == 2
    office.clock.advance(LOOKED_MS_MIN // 1000)
    for _ in range(3):
        assert (await sign_in(office, provider, "rodion")).status_code == 401
    assert provider.asked["/keys"] == 3
    office.clock.advance(KEPT_MS // 1000)
    await sign_in(office, provider, "rodion")
    assert provider.asked["/.well-known/openid-configuration"] == 2


async def test_a_provider_that_fails_is_left_alone_for_a_while(
    office: Company, provider: LyingProvider
) -> None:
    """Anybody may press the button; the provider that is away is not asked each time."""
    office.clock.advance(KEPT_MS // 1000)
    provider.answers = {"/.well-known/openid-configuration": _broken}
    asked = {"organization": ORGANIZATION, "redirect_uri": REDIRECT}
    before = provider.asked["/.well-known/openid-configuration"]
    for _ in range(5):
        begun = await office.http.post("/sessions/openid/authorization", json=asked)
        assert begun.status_code == 503
    assert provider.asked["/.well-known/openid-configuration"] == before + 1
    provider.answers = {}
    office.clock.advance(FAILED_MS // 1000)
    assert (await sign_in(office, provider, "rodion")).status_code == 201


async def test_a_slow_provider_holds_a_few_requests_and_refuses_the_others_at_once(
    office: Company, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its people wait; nobody else's do."""
    monkeypatch.setattr(openid_http, "ANSWER_S_MAX", 2.0)
    bodies = [
        {"organization": ORGANIZATION, **await brought(office, provider, "rodion")}
        for _ in range(AT_ONCE_MAX + 3)
    ]
    before = provider.asked["/token"]
    provider.answers = {"/token": _endless}
    answers = await asyncio.gather(*(office.http.post("/sessions/openid", json=each) for each in bodies))
    assert {answer.status_code for answer in answers} == {503}
    assert provider.asked["/token"] == before + AT_ONCE_MAX


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_keys_that_are_no_public_keys_for_signatures_are_passed_over(
    office: Company, provider: LyingProvider
) -> None:
    """A set may have others beside them; a short one and a secret sign nothing."""
    short = RSAKey.generate_key(1024, {"kid": "short"})
    secret = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "secret"}
    keys = [
        short.as_dict(private=False),
        secret,
        {"kty": "nonsense"},
        "text",
        provider.key.as_dict(private=False),
    ]

    async def answer() -> Answer:
        return 200, {}, json.dumps({"keys": keys}).encode()

    provider.answers = {"/keys": answer}
    office.clock.advance(KEPT_MS // 1000)
    assert (await sign_in(office, provider, "rodion")).status_code == 201
    provider.forged = lambda claims: jwt.encode({"alg": "RS256", "kid": "short"}, claims, short)
    assert (await sign_in(office, provider, "rodion")).status_code == 401
    assert await why(office) == ("refused", "key_unknown")


async def test_either_database_keeps_links_and_providers(company: Company) -> None:
    """Named, named again, linked, linked anew, unlinked and taken away."""
    provider = LyingProvider(lambda: company.clock.now() // 1000)
    provider.start()
    for _ in range(2):
        await named(company, provider, break_glass="gusev.r")
        assert (await link(company, provider, "rodion")).status_code == 200
        assert (await sign_in(company, provider, "rodion")).status_code == 201
    assert (await company.login("gusev.r"))["Authorization"]
    assert (await company.call("DELETE", "/me/identity")).status_code == 204
    assert (await sign_in(company, provider, "rodion")).status_code == 403
    await openid_providers.remove(company.directory.repository, ORGANIZATION)
    provider.stop()
