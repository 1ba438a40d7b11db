"""Messages become records and come back, and each kind of unreadable record has its own error."""

import pytest

from contracts import codec
from contracts.ids import AgentId, OfferId, OrganizationId, PlaceId
from contracts.message import type_name
from contracts.queue import OfferMissed

MISSED = OfferMissed(offer_id=OfferId("p.1.o1"), place_id=PlaceId("p.1"), agent_id=AgentId("a1"))
ENVELOPE = codec.Envelope(
    id="queue/volga/7",
    type="queue.offer_missed",
    source="queue",
    organization_id=OrganizationId("volga"),
    seq=7,
    incarnation=3,
    cause="gateway/cloud/3/9",
    time=1_795_300_000_123,
)


def test_a_message_comes_back_as_it_was_said() -> None:
    """A reader in another process must see just what the owner decided."""
    assert codec.decode("queue.offer_missed", codec.encode(MISSED)) == MISSED


def test_an_envelope_travels_in_headers_alone() -> None:
    """Readers skip most records by their headers, without touching the value."""
    assert codec.envelope(codec.headers(ENVELOPE)) == ENVELOPE


def test_headers_are_those_of_a_cloud_event() -> None:
    """Any CloudEvents tool can read the log: names, version and an RFC 3339 time."""
    found = dict(codec.headers(ENVELOPE))
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_time"] == b"2026-11-21T22:26:40.123+00:00"
    assert found["content-type"] == b"application/json"


def test_an_unknown_type_is_not_malformed() -> None:
    """A newer writer's message is skipped; only a known type that can't be read is a dead letter."""
    with pytest.raises(codec.UnknownType):
        codec.decode("queue.something_newer", b"{}")


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{", b"[]", b'{"type":"queue.offer_missed"}', b"\xff\xfe", b'"' + b"x" * 300_000 + b'"'],
)
def test_a_value_that_cannot_be_read_is_malformed(value: bytes | None) -> None:
    """It goes to the dead letters with the reason, so the reason must be there."""
    with pytest.raises(codec.Malformed, match=r"queue\.offer_missed"):
        codec.decode("queue.offer_missed", value)


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    """Readers are deployed before writers, but not always: additions must not hurt."""
    value = codec.encode(MISSED)[:-1] + b',"added_later":1}'
    assert codec.decode("queue.offer_missed", value) == MISSED


def test_headers_without_an_organization_are_malformed() -> None:
    """A fact needs an organization whose state it changes."""
    found = [header for header in codec.headers(ENVELOPE) if header[0] != "ce_organization"]
    with pytest.raises(codec.Malformed, match="ce_organization"):
        codec.envelope(found)


def test_every_type_is_named_by_its_owner() -> None:
    """The part before the dot names the service that may say it."""
    owners = {name.split(".")[0] for name in codec.TYPES}
    assert owners == {
        "callback",
        "delivery",
        "directory",
        "gateway",
        "history",
        "log",
        "queue",
        "routing",
        "speech",
        "telephony",
        "tts",
        "voicemail",
    }
    assert all(type_name(found) == name for name, found in codec.TYPES.items())
