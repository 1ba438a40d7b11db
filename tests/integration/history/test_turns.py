"""Sweeps go by turns: nobody waits for another organization's backlog, or for its fault."""

import hashlib
from collections.abc import AsyncGenerator

import pytest

from contracts import audio_keys
from contracts.history import AccessRefused
from contracts.ids import OrganizationId, VoiceMessageId
from contracts.voicemail import MessageStored
from runtime.edge import NeverSaid, NotSaid
from runtime.memory import MemoryBlobs
from runtime.ports import BlobsUnavailable
from services.history.activities import audio_retention, row_retention
from services.history.activities.sweeper import Sweeper
from services.history.activities.turns import AWAY_MAX, Turns
from tests.integration.history.harness import SOUTH, HistoryHarness
from tests.unit.history import stories
from tests.unit.history.stories import BORIS, NORTH

DAY_S = 24 * 3600


class NotedBlobs(MemoryBlobs):
    """Notes what is removed, in order; may fail for one key."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: list[str] = []
        self.broken = ""

    async def delete(self, key: str) -> None:
        if self.broken and self.broken in key:
            raise BlobsUnavailable("503")
        self.removed.append(key)
        await super().delete(key)


class Works:
    """Work in shares, noted in order; an organization may fail at its first share."""

    def __init__(self, shares: dict[str, int], fault: dict[str, Exception] | None = None) -> None:
        self.shares = shares
        self.fault = fault or {}
        self.done: list[str] = []

    async def of(self, organization_id: OrganizationId) -> AsyncGenerator[int]:
        for _ in range(self.shares.get(organization_id, 0)):
            if organization_id in self.fault:
                raise self.fault[organization_id]
            self.done.append(organization_id)
            yield 1


async def with_organizations(harness: HistoryHarness, *ids: str) -> None:
    for each in ids:
        await harness.tell(*stories.the_cards(), organization_id=OrganizationId(each))


@pytest.mark.rule("O1")
async def test_each_organization_has_its_turn_before_any_has_a_second(
    harness_on_both: HistoryHarness,
) -> None:
    """Plain order would finish the first one's thousand first."""
    harness = harness_on_both
    await with_organizations(harness, "a", "b", "c")
    works = Works({"a": 1_000, "b": 1, "c": 2})
    assert await Turns(harness.engine, "test").sweep(works.of) == 1_003
    assert works.done[:5] == ["a", "b", "c", "a", "c"]


@pytest.mark.rule("O1")
@pytest.mark.parametrize(
    "fault", [ValueError("x"), NeverSaid("too large"), BlobsUnavailable("403"), OSError()]
)
async def test_one_organization_s_fault_ends_its_own_part_alone(
    harness: HistoryHarness, fault: Exception
) -> None:
    """The others' audio must still go in time."""
    await with_organizations(harness, "a", "b", "c")
    works = Works({"a": 2, "b": 2, "c": 2}, {"a": fault})
    assert await Turns(harness.engine, "test").sweep(works.of) == 4
    assert works.done == ["b", "c", "b", "c"]


async def test_a_log_or_a_store_that_is_away_ends_the_sweep_and_others_begin_the_next(
    harness: HistoryHarness,
) -> None:
    """It is tried again in an hour, and not once for each of ten thousand organizations."""
    names = ["a", "b", "c", "d", "e"]
    await with_organizations(harness, *names)
    turns = Turns(harness.engine, "test")
    with pytest.raises(NotSaid):
        await turns.sweep(Works(dict.fromkeys(names, 1), {"a": NotSaid("away")}).of)
    works = Works(dict.fromkeys(names, 1))
    await turns.sweep(works.of)
    assert works.done == ["b", "c", "d", "e", "a"]
    away = Works(dict.fromkeys(names, 1), dict.fromkeys(names[:AWAY_MAX], BlobsUnavailable("503")))
    with pytest.raises(BlobsUnavailable):
        await Turns(harness.engine, "test").sweep(away.of)
    assert away.done == []


async def test_a_fault_of_one_sweep_ends_neither_the_others_nor_the_process(harness: HistoryHarness) -> None:
    """Whatever it is."""
    begun: list[str] = []

    async def broken() -> int:
        begun.append("broken")
        raise ValueError("a document that nobody foresaw")

    async def good() -> int:
        begun.append("good")
        return 0

    await Sweeper(sweeps=(broken, good), clock=harness.clock, every_s=3_600).sweep()
    assert begun == ["broken", "good"]


def stored(organization_id: OrganizationId, name: str) -> MessageStored:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return MessageStored(
        voice_message_id=VoiceMessageId(f"vm.in.{name}"),
        original_key=audio_keys.recording_key(organization_id, digest),
        mp3_key=audio_keys.message_key(organization_id, digest, "mp3"),
        mp3_bytes=1,
        mp3_sha256="",
        speech_ms=1,
    )


@pytest.mark.rule("O1", "V6")
async def test_audio_of_a_small_organization_goes_with_the_first_share_of_a_large_one(
    office: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand recordings of one, and a single one of another."""
    monkeypatch.setattr(audio_retention, "SHARE", 1)
    blobs = NotedBlobs()
    office.audio_retention._blobs = blobs
    await office.tell(stored(SOUTH, "south"), organization_id=SOUTH, at_s=70)
    office.clock.advance(40 * DAY_S)
    await office.audio_retention.sweep()
    of_south = [each for each in blobs.removed if audio_keys.is_own_recording(SOUTH, each)]
    assert len(of_south) == 2
    assert blobs.removed.index(of_south[-1]) < 4
    assert len(blobs.removed) > 6


@pytest.mark.rule("O1", "V6")
async def test_an_object_that_can_not_be_removed_keeps_no_other_organization_s(
    office: HistoryHarness,
) -> None:
    """Its owner's part is tried again in the next sweep."""
    blobs = NotedBlobs()
    blobs.broken = f"{NORTH}/"
    office.audio_retention._blobs = blobs
    await office.tell(stored(SOUTH, "south"), organization_id=SOUTH, at_s=70)
    office.clock.advance(40 * DAY_S)
    assert await office.audio_retention.sweep() > 0
    assert all(audio_keys.is_own_recording(SOUTH, each) for each in blobs.removed)


@pytest.mark.rule("O1")
async def test_old_rows_go_in_shares(harness: HistoryHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction of one organization, then one of the next."""
    monkeypatch.setattr(row_retention, "ONCE_MAX", 2)
    refusal = AccessRefused(by="token/crm", action="history.read", what="history")
    await harness.tell(*stories.the_cards(), *(refusal for _ in range(5)), at_s=10)
    harness.clock.advance(31 * DAY_S)
    shares = [each async for each in harness.row_retention._forgetting(NORTH)]
    assert shares[:3] == [2, 2, 1]


@pytest.mark.rule("O1", "V6")
async def test_a_warning_that_can_never_be_said_keeps_back_no_other(office: HistoryHarness) -> None:
    """It is alarmed, and the other owners are warned."""
    office.clock.advance(23 * DAY_S)
    say = office.warnings._say
    refused: list[object] = []

    class Refusing:
        async def __call__(self, facts: object, **options: object) -> object:
            if not refused:
                refused.append(facts)
                raise NeverSaid("too large")
            return await say(facts, **options)  # type: ignore[arg-type]

    office.warnings._say = Refusing()  # type: ignore[assignment]
    assert await office.warnings.sweep() >= 3
    async with office.browser(BORIS) as boris:
        assert (await boris.get("/voice-messages")).status_code == 200
