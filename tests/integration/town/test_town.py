"""The town's phones at a real PBX, whose dialplan lets them call each other without anything of ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from contracts.ids import Address, MediaKey
from devtools.town import Exchange, Sounds, Town
from devtools.town.calls import Diary
from devtools.town.recognition import has_whisper, tone_share
from ringback.stack.asterisk import Instance, Root
from services.gateway.simulated import script as scripts
from services.gateway.simulated.script import Call
from tests.contract.gateway.benches import VOICE_HZ, voice
from tests.integration.town.conftest import PBX, Place

pytestmark = [pytest.mark.xdist_group("asterisk"), pytest.mark.timeout(180)]

UNTIL_S_MAX = 30.0
FRAME_BYTES = 160


class NoPrompts:
    """A PBX without a gateway plays none."""

    def keys(self, word: str) -> list[MediaKey]:
        return []

    def fetch(self, key: MediaKey) -> bytes | None:
        return None


@pytest.fixture(scope="module")
def exchange(
    place: Place, tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root
) -> Iterator[Exchange]:
    """The town's Asterisk runs for all tests here, and each has a town of its own."""
    folder = tmp_path_factory.mktemp("exchange")
    exchange = Exchange(folder, place.around, root=asterisk_root, dies_with_parent=True)
    exchange.instance.start()
    yield exchange
    exchange.instance.stop()


class TownOf(Protocol):
    """Makes a town of the phones of the PBX."""

    def __call__(self, **phones: dict[str, Any]) -> AbstractAsyncContextManager[Town]:
        """`s201` is the phone 201."""


@pytest.fixture
def town_of(exchange: Exchange, tmp_path: Path) -> TownOf:
    """The script is begun as the town is entered."""

    @asynccontextmanager
    async def made(**phones: dict[str, Any]) -> AsyncIterator[Town]:
        of_pbx: dict[str, Any] = {"sip:201": {}, "sip:202": {}}
        of_pbx |= {f"sip:{name[1:]}": phone for name, phone in phones.items()}
        script = scripts.read({"pbxs": {PBX: {"phones": of_pbx}}})
        sounds = Sounds(NoPrompts(), voice, scripts.texts(script))
        async with Town(script, exchange, sounds, folder=tmp_path) as town:
            town.begin()
            yield town

    return made


def a_call(*then: dict[str, Any]) -> Call:
    """From 201 to 202, and what the caller does."""
    steps = scripts.read({"pbxs": {}, "stranger": {"behaviours": [{"then": list(then)}]}})
    return Call(line="202", caller="201", is_internal=True, then=steps.stranger.behaviours[0].then)


def heard_by(town: Town, name: str) -> list[bytes]:
    return [each.file.read_bytes() for each in town.heard if each.name == name and each.file.exists()]


def said_ms(heard: bytes) -> int:
    """How long somebody was heard to speak."""
    frames = (heard[at : at + FRAME_BYTES] for at in range(0, len(heard), FRAME_BYTES))
    return 20 * sum(tone_share(frame, VOICE_HZ) > 0.8 for frame in frames)


async def test_two_phones_talk_and_each_hears_the_other(town_of: TownOf) -> None:
    """Each waits for the other, speaks, and hears what was said; whoever hangs up ends both."""
    answers = {"answer_after_s": 0.2, "then": [{"until": "bridged"}, {"say": "good morning"}]}
    async with town_of(s202={"behaviours": [answers]}) as town:
        call = a_call(
            {"until": "bridged"}, {"wait_s": 1.2}, {"say": "hello"}, {"wait_s": 0.3}, {"hang_up": True}
        )
        await asyncio.wait_for(town.call_in(PBX, call), UNTIL_S_MAX)
        await town.quiet()
        [caller], [called] = heard_by(town, "sip:201"), heard_by(town, "sip:202")
        assert said_ms(caller) == pytest.approx(12 * 60, abs=60)
        assert said_ms(called) == pytest.approx(5 * 60, abs=60)
        assert has_whisper(caller)
        assert dict(town.counts) == {"calls_in": 1, "dials": 1, "dialled sip:202": 1}


async def test_a_call_leaves_what_it_was_beside_what_was_heard(town_of: TownOf) -> None:
    """Whoever judges the sound knows when it was heard, by whom, and when that person spoke."""
    answers = {"answer_after_s": 0.2, "then": [{"until": "bridged"}, {"say": "good morning"}]}
    async with town_of(s202={"behaviours": [answers]}) as town:
        call = a_call({"until": "bridged"}, {"wait_s": 1.2}, {"hang_up": True})
        await asyncio.wait_for(town.call_in(PBX, call), UNTIL_S_MAX)
        await town.quiet()
        files = {each.name: each.file.with_suffix(".json") for each in town.heard}
        caller, called = (
            msgspec.json.decode(files[name].read_bytes(), type=Diary) for name in ("sip:201", "sip:202")
        )
    assert (caller.name, caller.pbx_id, caller.line) == ("sip:201", PBX, "202")
    assert (called.name, called.pbx_id, called.line) == ("sip:202", PBX, "")
    assert caller.spoken == []
    [(begun_at, ended_at)] = called.spoken
    assert ended_at - begun_at == pytest.approx(12 * 60, abs=60)
    for each in (caller, called):
        assert each.answered_at is not None
        assert each.begun_at <= each.answered_at <= each.heard_from <= each.ended_at


async def test_whoever_is_left_alone_notices(town_of: TownOf) -> None:
    """`until: unbridged`, judged by the ear; the called one hangs up, and the caller would stay."""
    then = [{"until": "bridged"}, {"wait_s": 0.3}, {"loses_sound": True}]
    async with town_of(s202={"behaviours": [{"answer_after_s": 0.2, "then": then}]}) as town:
        call = a_call({"until": "unbridged"}, {"hang_up": True})
        await asyncio.wait_for(town.call_in(PBX, call), UNTIL_S_MAX)


async def test_a_phone_in_a_call_is_busy_and_notes_nothing(town_of: TownOf) -> None:
    """A phone has one line unless its script says more."""
    own = {"own_calls": [{"at_s": 0, "for_s": 600}]}
    async with town_of(s202=own) as town:
        while not town.handset(PBX, Address("sip:202")).is_busy:
            await asyncio.sleep(0.02)
        await asyncio.wait_for(town.call_in(PBX, a_call()), UNTIL_S_MAX)
        assert town.counts["missed sip:202"] == 0
        assert heard_by(town, "sip:201") == []


async def test_an_own_call_is_seen_by_the_phones_pbx(place: Place, town_of: TownOf) -> None:
    """EC-7: an agent on a call that is not ours is in use for the PBX, too."""
    async with town_of(s202={"own_calls": [{"at_s": 0, "for_s": 600}]}):
        await until_shown(place.pbx, "202", "In use")


async def test_a_phone_that_leaves_cannot_be_called_until_it_is_back(place: Place, town_of: TownOf) -> None:
    """Its registration ends at the PBX, as if it had been switched off."""
    async with town_of(s202={"is_reachable": False}) as town:
        await until_shown(place.pbx, "202", "Unavailable")
        await asyncio.wait_for(town.call_in(PBX, a_call()), UNTIL_S_MAX)
        assert town.counts["dialled sip:202"] == 0
        await town.set_reachable(PBX, Address("sip:202"), is_reachable=True)
        await until_shown(place.pbx, "202", "Not in use")


async def until_shown(pbx: Instance, extension: str, words: str) -> None:
    """Wait until the PBX's own console says so of a phone."""
    async with asyncio.timeout(UNTIL_S_MAX):
        while words not in await asyncio.to_thread(pbx.cli, "pjsip", "show", "endpoint", extension):
            await asyncio.sleep(0.1)


async def test_a_town_that_has_lost_its_exchange_ends_all_calls_and_goes_on(town_of: TownOf) -> None:
    """Asterisk cuts whoever does not read for a second, and a busy machine may stand still for longer."""
    answers = {"answer_after_s": 0.1}
    async with town_of(s202={"behaviours": [answers]}) as town:
        town.call(PBX, a_call())
        while not town.handset(PBX, Address("sip:202")).is_busy:
            await asyncio.sleep(0.02)
        town._client.drop()
        async with asyncio.timeout(UNTIL_S_MAX):
            await town.quiet()
            await town.call_in(PBX, a_call({"until": "bridged"}, {"hang_up": True}))
