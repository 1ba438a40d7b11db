"""Wires in the clear stay on this machine, unless the operator names the part."""

import pytest

from runtime.plaintext import PARTS, PartUnknown, PlaintextRefused, allowed, refuse, refuse_listener

EVERYWHERE = "0.0.0.0"  # noqa: S104  # refused here
REMEDY = "set RINGBACK_KAFKA_CA"


def test_a_part_on_this_machine_needs_no_encryption() -> None:
    refuse("kafka", ["127.0.0.1", "localhost", "::1"], allowed_to=frozenset(), remedy=REMEDY)


def test_a_part_elsewhere_is_refused_with_both_settings_that_help() -> None:
    with pytest.raises(PlaintextRefused) as refused:
        refuse("kafka", ["127.0.0.1", "kafka.example.org"], allowed_to=frozenset({"redis"}), remedy=REMEDY)
    told = str(refused.value)
    assert "kafka.example.org" in told
    assert "127.0.0.1" not in told
    assert REMEDY in told
    assert "RINGBACK_ALLOW_PLAINTEXT_TO" in told


@pytest.mark.parametrize(
    "host", ["127.0.0.1.example.org", "127.example.org", "localhost.example.org", "10.0.0.1", ""]
)
def test_what_only_looks_like_this_machine_is_refused(host: str) -> None:
    with pytest.raises(PlaintextRefused):
        refuse("redis", [host], allowed_to=frozenset(), remedy=REMEDY)


def test_the_operator_allows_it_for_a_part_by_name() -> None:
    refuse("redis", ["redis.example.org"], allowed_to=allowed("kafka, redis"), remedy=REMEDY)


def test_a_part_that_does_not_exist_is_a_typing_error_and_refused() -> None:
    with pytest.raises(PartUnknown) as refused:
        allowed("kafka,reddis")
    assert "reddis" in str(refused.value)
    assert all(part in str(refused.value) for part in PARTS)


def test_a_listener_on_this_machine_needs_no_certificate() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        refuse_listener("http", "the API", host, allowed_to=frozenset(), setting="RINGBACK_HTTP")


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "", "10.0.0.5", "gateway-0"])
def test_a_listener_that_others_reach_is_refused_with_all_that_helps(host: str) -> None:
    """A chart that listens everywhere is told what it must set."""
    with pytest.raises(PlaintextRefused) as refused:
        refuse_listener(
            "spool", "the spool", host, allowed_to=frozenset({"http"}), setting="RINGBACK_INTERNAL"
        )
    told = str(refused.value)
    for each in ("_CERTIFICATE", "_KEY", "_HOST"):
        assert f"RINGBACK_INTERNAL{each}" in told
    assert "name spool in RINGBACK_ALLOW_PLAINTEXT_TO" in told


def test_a_listener_behind_an_ingress_is_allowed_by_name() -> None:
    refuse_listener("http", "the API", EVERYWHERE, allowed_to=allowed("http"), setting="RINGBACK_HTTP")
