"""Key sets of tokens are read whole or refused with words; neither they nor the refusals show a secret."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from runtime.token_keys import KEYS_MAX, EarlierKey, KeyHolder, KeysUnusable, SigningKeys, VerifyingKeys

KEYS = SigningKeys.generate()
PRIVATE: dict[str, Any] = json.loads(KEYS.as_private_json())["keys"][0]
PUBLIC: dict[str, Any] = json.loads(KEYS.public.as_json())["keys"][0]


def a_set(*keys: object) -> str:
    return json.dumps({"keys": keys})


def test_a_set_is_read_back() -> None:
    """The order says which key signs."""
    other = json.loads(SigningKeys.generate().as_private_json())["keys"][0]
    read = SigningKeys.read(a_set(other, PRIVATE))
    assert read.kids == (other["kid"], PRIVATE["kid"]) == read.public.kids
    assert SigningKeys.read(read.as_private_json()).kids == read.kids


def test_a_keys_name_is_never_taken_for_an_option() -> None:
    """One thumbprint of 64 begins with a hyphen, and `keys tokens --drop` would refuse it as no argument."""
    assert not [kid for _ in range(500) for kid in SigningKeys.generate().kids if kid.startswith("-")]


def test_no_key_set_tells_a_secret() -> None:
    """A set that gets into a log or a traceback names its keys, and no more."""
    told = f"{KEYS} {KEYS!r} {KEYS.public} {KEYS.public!r}"
    assert PRIVATE["kid"] in told
    assert PRIVATE["d"] not in told
    assert "d" not in PUBLIC


def test_a_private_set_is_refused_where_only_public_keys_belong() -> None:
    """A service that only verifies must have nothing to sign with."""
    for keys in (
        (PRIVATE,),
        (PUBLIC, PRIVATE | {"kid": "b"}),
        (OctKey.generate_key(256).as_dict() | {"kid": "x"},),
    ):
        with pytest.raises(KeysUnusable, match="must be public") as refused:
            VerifyingKeys.read(a_set(*keys))
        assert PRIVATE["d"] not in str(refused.value)


def test_a_public_set_is_refused_where_signing_is_needed() -> None:
    """Otherwise the first login would fail, not the start."""
    with pytest.raises(KeysUnusable, match="must be private"):
        SigningKeys.read(a_set(PRIVATE, PUBLIC | {"kid": "b"}))


@pytest.mark.parametrize(
    "key",
    [
        RSAKey.generate_key(2048).as_dict(private=True),
        ECKey.generate_key().as_dict(private=True),
        OKPKey.generate_key("X25519").as_dict(private=True),
        OKPKey.generate_key("Ed448").as_dict(private=True),
    ],
    ids=["RSA", "EC", "X25519", "Ed448"],
)
def test_a_key_of_another_type_is_refused(key: dict[str, Any]) -> None:
    """One algorithm is used, so one type is understood; the operator learns of a mistake at the start."""
    with pytest.raises(KeysUnusable, match="key other is of another type"):
        SigningKeys.read(a_set(PRIVATE, {**key, "kid": "other"}))
    public = {name: key[name] for name in key.keys() & {"kty", "crv", "x", "kid"}}
    with pytest.raises(KeysUnusable, match="of another type"):
        VerifyingKeys.read(a_set(PUBLIC, {**public, "kid": "other"}))


@pytest.mark.parametrize("changed", [{"use": "enc"}, {"alg": "EdDSA"}, {"alg": "HS256"}], ids=str)
def test_a_key_for_another_use_is_refused(changed: dict[str, str]) -> None:
    """A key does one thing."""
    with pytest.raises(KeysUnusable, match="another use"):
        SigningKeys.read(a_set(PRIVATE | changed))
    with pytest.raises(KeysUnusable, match="another use"):
        VerifyingKeys.read(a_set(PUBLIC | changed))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a JWK set"),
        ("s3cret", "not a JWK set"),
        ("[]", "not a JWK set"),
        ("{}", "not a JWK set"),
        ('{"keys": ["s3cret"]}', "not a JWK set"),
        (a_set(), "1 to"),
        (a_set(*[PRIVATE] * (KEYS_MAX + 1)), "1 to"),
        (a_set(PRIVATE | {"kid": ""}), "needs a kid"),
        (a_set({name: value for name, value in PRIVATE.items() if name != "kid"}), "needs a kid"),
        (a_set(PRIVATE, PRIVATE), "the same kid"),
        (a_set(PRIVATE | {"d": "s3cret"}), "can't be read"),
        (a_set(PRIVATE | {"x": 3}), "can't be read"),
        (a_set({name: value for name, value in PRIVATE.items() if name != "x"}), "can't be read"),
        (
            a_set(PRIVATE | {"x": json.loads(SigningKeys.generate().public.as_json())["keys"][0]["x"]}),
            "belong together",
        ),
    ],
    # Keys of this very run in the names would differ from one test worker to the other.
    ids=[
        "nothing",
        "a word",
        "a list",
        "no keys at all",
        "a key that is a word",
        "an empty set",
        "too many keys",
        "an empty kid",
        "no kid",
        "one kid twice",
        "a broken private key",
        "a number for a public key",
        "no public key",
        "another public key",
    ],
)
def test_a_set_that_can_not_be_used_is_refused_with_words(text: str, told: str) -> None:
    """The start fails with the reason, and with nothing of the keys."""
    with pytest.raises(KeysUnusable, match=told) as refused:
        SigningKeys.read(text)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_changed_file_replaces_the_set_and_leaves_the_earlier_key() -> None:
    """A rotation while programs still have tokens of an earlier version ends none of them."""
    earlier = EarlierKey.read("s" * 32, "2026-12-31")
    signing = KeyHolder(SigningKeys.read(KEYS.as_private_json(), earlier))
    verifying = KeyHolder(signing.current.public)
    newer = KEYS.with_new_first()
    signing.read_again(newer.as_private_json())
    verifying.read_again(newer.public.as_json())
    assert signing.current.kids == verifying.current.kids == newer.kids
    assert signing.current.public.earlier is verifying.current.earlier is earlier
    with pytest.raises(KeysUnusable):
        verifying.read_again(newer.as_private_json())
    assert verifying.current.kids == newer.kids
