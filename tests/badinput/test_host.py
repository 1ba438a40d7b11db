"""Foreign records: each becomes a dead letter with its reason, and all others are heard."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.codec import INTEGER_MAX, Envelope, encode, headers
from contracts.gateway import CallArrived
from contracts.log import OrganizationParked, OrganizationUnparked
from contracts.message import type_name
from contracts.tts import NoticeFailed
from runtime.host.outgoing import dead_letter
from runtime.kafka_log import BATCH_BYTES_MAX
from runtime.ports import Headers, Outgoing
from tests.unit.runtime.worlds import ACME, BETA, World, a_call, now, quiet, settled

CALL = encode(a_call("c9"))
GOOD = tuple(
    headers(Envelope(id="x/1", type=type_name(CallArrived), source="directory", organization_id=ACME))
)

PARKED = type_name(OrganizationParked).encode()
VALUES = {
    "no value": None,
    "empty": b"",
    "not JSON": b"\x00\xff\xfe binary",
    "truncated": CALL[:-7],
    "wrong type of a field": CALL.replace(b'"c9"', b"9"),
    "a list": b"[1,2,3]",
    "a number": b"1e309",
    "another message": encode(NoticeFailed(notice_id="n", version=1, reason="", is_final=True)),  # type: ignore[arg-type]
    "invalid UTF-8": CALL.replace(b"c9", b"\xed\xa0\x80"),
    "nested beyond all depth": CALL[:-1] + b',"later":' + b"[" * 100_000,
    "huge": b'"' + b"x" * 500_000 + b'"',
    "larger than a dead letter": b"x" * 990_000,
}
HEADERS: dict[str, Headers] = {
    "none at all": (),
    "no organization": tuple(each for each in GOOD if each[0] != "ce_organization"),
    "no type": tuple(each for each in GOOD if each[0] != "ce_type"),
    "a header without a value": tuple(
        (name, None if name == "ce_id" else value)  # type: ignore[misc]  # as a broker gives it
        for name, value in GOOD
    ),
    "an organization that is no text": tuple(
        (name, b"\xff\xfe" if name == "ce_organization" else value) for name, value in GOOD
    ),
    "a number that is none": tuple((name, b"many" if name == "ce_seq" else value) for name, value in GOOD),
    "a number beyond all counters": tuple(
        (name, b"9" * 30 if name == "ce_incarnation" else value) for name, value in GOOD
    ),
    "a number with more digits than Python reads": tuple(
        (name, b"9" * 5000 if name == "ce_seq" else value) for name, value in GOOD
    ),
    "headers larger than a dead letter": (*((f"x-{n}", b"y" * 30_000) for n in range(20)),),
}


def _put(world: World, found: Headers, value: bytes | None) -> int:
    offset = world.log.end(0)
    now(world.log.append(0, [Outgoing("facts", ACME, found, value, 0)]))  # type: ignore[arg-type]
    return offset


def _letters(world: World) -> list[Outgoing]:
    return world.log.topics.get("dead-letters", [])


def _size(record: Outgoing) -> int:
    return len(record.value) + sum(len(name) + len(value) + 8 for name, value in record.headers) + 64


async def _others_go_on(world: World) -> None:
    """A call before, one after, and one of another organization are heard, and none is parked."""
    calls = [fact.notice_id for _, _, fact in world.said() if isinstance(fact, NoticeFailed)]
    assert [each for each in calls if each != "second"] == ["before", "other", "after"]
    assert not any(dict(each.headers).get("ce_type") == PARKED for each in world.log.facts[0])


@pytest.mark.parametrize("what", VALUES)
async def test_a_value_that_cannot_be_read_is_put_aside_with_its_reason(what: str) -> None:
    """The dead letter says why; the company's customers do not wait for a repair."""
    world = World()
    world.hear(a_call("before"))
    offset = _put(world, GOOD, VALUES[what])
    world.hear(a_call("other"), organization_id=BETA)
    world.hear(a_call("after"))
    await settled(world.owner())
    await _others_go_on(world)
    (letter,) = _letters(world)
    found = dict(letter.headers)
    assert found["dl_offset"] == str(offset).encode()
    assert found["dl_reason"].startswith(b"gateway.call_arrived")
    assert (VALUES[what] or b"").startswith(letter.value)
    assert _size(letter) < BATCH_BYTES_MAX, "a broker must take it, or nothing is sent past it any more"


@pytest.mark.parametrize("what", HEADERS)
async def test_headers_that_are_not_a_messages_are_put_aside(what: str) -> None:
    """They name no organization to park: only the record itself is put aside."""
    world = World()
    world.hear(a_call("before"))
    offset = _put(world, HEADERS[what], CALL)
    world.hear(a_call("other"), organization_id=BETA)
    world.hear(a_call("after"))
    await settled(world.owner())
    await _others_go_on(world)
    (letter,) = _letters(world)
    assert dict(letter.headers)["dl_offset"] == str(offset).encode()
    assert b"headers are not a message's" in dict(letter.headers)["dl_reason"]
    assert _size(letter) < BATCH_BYTES_MAX


@pytest.mark.parametrize("number", [INTEGER_MAX + 1, -(10**30), 2**64])
async def test_a_number_beyond_the_stores_reach_is_put_aside(number: int) -> None:
    """A record that can't be written would stop its whole partition, at every claim again."""
    value = encode(NoticeFailed(notice_id="n", version=number, reason="", is_final=True))  # type: ignore[arg-type]
    letter = dead_letter(
        "x", topic="facts", partition=0, offset=1, reason="", headers=(), value=value, now_at=0
    )
    world = World()
    found = Envelope(id="x/1", type="log.timer_due", source="toy", organization_id=ACME)
    due = (
        b'{"type":"log.timer_due","service":"toy","timer_id":"t","due_at":%d,"kind":"k","subject":"s"}'
        % number
    )
    _put(world, tuple(headers(found)), due)
    await settled(world.owner())
    assert [dict(each.headers)["dl_reason"][:20] for each in _letters(world)] == [b"log.timer_due: an in"]
    assert letter.value == value


async def test_what_was_cut_off_a_dead_letter_is_counted_on_it() -> None:
    """An operator must see that these are not all of the bytes."""
    whole = b"z" * 990_000
    letter = dead_letter(
        "toy", topic="facts", partition=0, offset=7, reason="why", headers=GOOD, value=whole, now_at=0
    )
    assert dict(letter.headers)["dl_cut_from_bytes"] == b"990000"
    assert whole.startswith(letter.value)


async def test_types_of_nobody_are_skipped_and_not_put_aside() -> None:
    """A newer version's messages are not broken, only unknown here."""
    world = World()
    world.hear(a_call("before"))
    for type_ in ("queue.said_in_ten_years", "x", "", "log.something_newer", "telephony.play", "\n\r\x00"):
        found = Envelope(id="x/1", type=type_, source="y", organization_id=ACME)
        _put(world, tuple(headers(found)), b"\xff not even JSON")
    world.hear(a_call("other"), organization_id=BETA)
    world.hear(a_call("after"))
    await settled(world.owner())
    await _others_go_on(world)
    assert _letters(world) == []


async def test_asking_to_unpark_in_words_that_cannot_be_read_changes_nothing() -> None:
    """An operator's mistake must not affect the company's state."""
    world = World()
    found = Envelope(id="x/1", type=type_name(OrganizationUnparked), source="tools", organization_id=ACME)
    for value in (None, b"{", b'{"type":"log.organization_unparked"}', b"[" * 100_000):
        _put(world, tuple(headers(found)), value)
    world.hear(a_call("before"))
    await settled(world.owner())
    assert [fact.notice_id for _, _, fact in world.said() if isinstance(fact, NoticeFailed)][:1] == ["before"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.binary(max_size=200))
def test_any_record_with_anything_flipped_stops_nobody(chance: random.Random, noise: bytes) -> None:
    """Calls before and after a broken writer's record are heard."""
    world = World()
    world.hear(a_call("before"))
    for _ in range(4):
        found = [(name, _spoiled(chance, value, noise)) for name, value in GOOD]
        if chance.random() < 0.3:
            found.pop(chance.randrange(len(found)))
        _put(world, tuple(found), _spoiled(chance, CALL, noise))
    world.hear(a_call("other"), organization_id=BETA)
    world.hear(a_call("after"))
    owner = world.owner()
    now(settled(owner))
    calls = [fact.notice_id for organization, _, fact in world.said() if isinstance(fact, NoticeFailed)]
    assert [each for each in calls if each in ("before", "other", "after")] == ["before", "other", "after"]
    now(quiet(owner))


def _spoiled(chance: random.Random, value: bytes, noise: bytes) -> bytes:
    """The bytes unchanged, cut, overwritten, or replaced."""
    match chance.randrange(8):
        case 0:
            return value[: chance.randrange(len(value) + 1)]
        case 1:
            at = chance.randrange(len(value) + 1)
            return value[:at] + noise + value[at + 1 :]
        case 2:
            return noise
        case _:
            return value
