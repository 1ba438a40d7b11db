"""What phones hear of plays and music on a real Asterisk, and what they must not hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts import telephony
from contracts.ids import BridgeId, LegId, MediaKey, PlayId
from runtime import http_server
from runtime.http_server import ConnectionLimits
from services.gateway import port
from services.gateway.api import MediaApi
from services.gateway.asterisk.media import MediaFolder
from services.gateway.port import Result
from tests.integration.asterisk.ears import an_ear, first_ms, heard_for, loud_ms, says, tone_ms, wav
from tests.integration.asterisk.office import CLOUD, Gateway, Office

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-office")]
LOW, MIDDLE, HIGH = 400, 900, 1_700
A_WHILE_S = 1.0
"""Something is heard meanwhile, or not yet on a busy machine: no test depends on that."""


async def a_medium(office: Office, *tones_hz: int, ms: int) -> MediaKey:
    key = MediaKey(f"speech/{'-'.join(map(str, tones_hz))}-{ms}.wav")
    await office.blobs.put(key, wav(*tones_hz, ms=ms))
    return key


def play(
    gateway: Gateway,
    leg_id: LegId,
    name: str,
    *media: MediaKey,
    barge_in: bool = False,
    interrupts: bool = False,
) -> int:
    return gateway.ask(
        telephony.Play(
            pbx_id=CLOUD,
            leg_id=leg_id,
            play_id=PlayId(f"{leg_id}/{name}"),
            media=media,
            barge_in=barge_in,
            interrupts=interrupts,
        )
    )


async def ended(gateway: Gateway, leg_id: LegId, name: str) -> tuple[bool, bool]:
    """Whether a play was ok, and whether it was interrupted."""
    found = await gateway.until(port.PlayEnded, play_id=f"{leg_id}/{name}")
    return found.ok, found.was_interrupted


async def test_plays_follow_one_another_and_all_of_each_is_heard(office: Office) -> None:
    """One play has two media; the next one waits."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    ear = await an_ear(office, phone)
    low, middle, high = [await a_medium(office, hz, ms=1_000) for hz in (LOW, MIDDLE, HIGH)]
    play(gateway, leg_id, "both", low, middle)
    play(gateway, leg_id, "next", high)
    assert await ended(gateway, leg_id, "both") == (True, False)
    assert await ended(gateway, leg_id, "next") == (True, False)
    heard = await ear.stop()
    assert first_ms(heard, LOW) < first_ms(heard, MIDDLE) < first_ms(heard, HIGH)
    assert all(tone_ms(heard, hz) >= 700 for hz in (LOW, MIDDLE, HIGH))


@pytest.mark.rule("G2")
async def test_the_same_play_is_heard_once(office: Office) -> None:
    """A repeated request, also after its end, and its end is told again."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    ear = await an_ear(office, phone)
    low = await a_medium(office, LOW, ms=600)
    play(gateway, leg_id, "once", low)
    again = play(gateway, leg_id, "once", low)
    assert await gateway.result(again) is Result.ALREADY
    await ended(gateway, leg_id, "once")
    play(gateway, leg_id, "once", low)
    while len(gateway.heard(port.PlayEnded)) < 2:
        await office.pause()
    assert tone_ms(await ear.stop(), LOW) <= 700


async def test_a_play_that_interrupts_is_heard_at_once(office: Office) -> None:
    """What plays, and what waits behind it, is over."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    ear = await an_ear(office, phone)
    low, middle, high = [await a_medium(office, hz, ms=3_000) for hz in (LOW, MIDDLE, HIGH)]
    play(gateway, leg_id, "first", low)
    play(gateway, leg_id, "waiting", middle)
    await asyncio.sleep(A_WHILE_S)
    play(gateway, leg_id, "word", high, interrupts=True)
    assert await ended(gateway, leg_id, "word") == (True, False)
    assert await ended(gateway, leg_id, "first") == (True, True)
    assert await ended(gateway, leg_id, "waiting") == (True, True)
    heard = await ear.stop()
    assert tone_ms(heard, LOW) < 2_000
    assert tone_ms(heard, MIDDLE) == 0
    assert tone_ms(heard, HIGH) >= 2_500


async def test_a_play_that_is_stopped_before_it_began_ends_nothing_else(office: Office) -> None:
    """A hand-over may end a prompt in the moment that began it."""
    gateway = await office.gateway()
    leg_id, _ = await office.answered(gateway, "sip:201", "201")
    tone = await a_medium(office, LOW, ms=300)
    for name in ("first", "second", "third"):
        play(gateway, leg_id, name, tone)
        gateway.ask(telephony.StopPlay(pbx_id=CLOUD, leg_id=leg_id, play_id=PlayId(f"{leg_id}/{name}")))
        assert await ended(gateway, leg_id, name) == (True, True)
    play(gateway, leg_id, "last", tone)
    assert await ended(gateway, leg_id, "last") == (True, False)


async def test_a_stopped_play_is_heard_no_longer(office: Office) -> None:
    """Of two the one that is named."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    ear = await an_ear(office, phone)
    low, high = await a_medium(office, LOW, ms=5_000), await a_medium(office, HIGH, ms=500)
    play(gateway, leg_id, "long", low)
    play(gateway, leg_id, "next", high)
    await asyncio.sleep(A_WHILE_S)
    gateway.ask(telephony.StopPlay(pbx_id=CLOUD, leg_id=leg_id, play_id=PlayId(f"{leg_id}/long")))
    assert await ended(gateway, leg_id, "long") == (True, True)
    assert await ended(gateway, leg_id, "next") == (True, False)
    heard = await ear.stop()
    assert tone_ms(heard, LOW) < 3_000
    assert tone_ms(heard, HIGH) >= 300


@pytest.mark.parametrize("barge_in", [True, False])
async def test_a_key_over_a_prompt_is_told_and_ends_it_where_it_may(office: Office, barge_in: bool) -> None:
    """C1: a customer who presses 1 need not hear the invitation to its end."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    play(gateway, leg_id, "prompt", await a_medium(office, LOW, ms=3_000), barge_in=barge_in)
    await asyncio.sleep(A_WHILE_S)
    await office.press(phone, "1")
    await gateway.until(port.Pressed, leg_id=leg_id, digit="1")
    assert await ended(gateway, leg_id, "prompt") == (True, barge_in)
    names = [type(each) for each in gateway.told]
    assert names.index(port.Pressed) < names.index(port.PlayEnded)


@pytest.mark.parametrize("name", ["missing", "unfit"])
async def test_what_is_missing_or_unfit_is_not_played_and_the_next_one_is(office: Office, name: str) -> None:
    """Silence is never taken for a notice."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    ear = await an_ear(office, phone)
    await office.blobs.put("speech/unfit.wav", b"\x89PNG" + bytes(4_000))
    low = await a_medium(office, LOW, ms=600)
    play(gateway, leg_id, "bad", low, MediaKey(f"speech/{name}.wav"))
    play(gateway, leg_id, "good", low)
    assert await ended(gateway, leg_id, "bad") == (False, False)
    assert await ended(gateway, leg_id, "good") == (True, False)
    assert tone_ms(await ear.stop(), LOW) <= 700


async def test_music_pauses_for_a_play_and_goes_on_after_it_and_is_not_in_a_bridge(office: Office) -> None:
    """Music and speech are never heard at once."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    other, other_phone = await office.answered(gateway, "sip:202", "202")
    gateway.ask(telephony.StartHoldMusic(pbx_id=CLOUD, leg_id=leg_id))
    assert loud_ms(await heard_for(office, phone, 2)) >= 1_000
    ear = await an_ear(office, phone)
    play(gateway, leg_id, "position", await a_medium(office, HIGH, ms=1_500))
    await ended(gateway, leg_id, "position")
    heard = await ear.stop()
    assert tone_ms(heard, HIGH) >= 1_000
    after = await heard_for(office, phone, 2)
    assert loud_ms(after) >= 1_000
    assert tone_ms(after, HIGH) <= 100
    gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=BridgeId(f"b.{leg_id}"), legs=(leg_id, other)))
    await gateway.until(port.LegsBridged)
    await says(office, other_phone, LOW)
    await asyncio.sleep(A_WHILE_S)
    talk = await heard_for(office, phone, 2)
    assert tone_ms(talk, LOW) >= 1_000
    assert tone_ms(talk, LOW) == loud_ms(talk)


async def test_a_play_of_a_gateway_that_died_is_not_doubled_while_it_goes_on(office: Office) -> None:
    """The next gateway asks for it again, and hears of its end."""
    first = await office.gateway()
    leg_id, phone = await office.answered(first, "sip:201", "201")
    ear = await an_ear(office, phone)
    low = await a_medium(office, LOW, ms=4_000)
    play(first, leg_id, "notice", low)
    await asyncio.sleep(A_WHILE_S)
    await first.die()
    second = await office.gateway()
    play(second, leg_id, "notice", low)
    assert await ended(second, leg_id, "notice") == (True, False)
    assert 3_500 <= tone_ms(await ear.stop(), LOW) <= 4_100


@pytest.mark.parametrize("play_ms", [1_500, 5_000], ids=["over", "still heard"])
async def test_music_goes_on_when_a_gateway_died_during_a_play(office: Office, play_ms: int) -> None:
    """The play may be over, or too late to be asked for again: nobody else would begin the music."""
    first = await office.gateway()
    leg_id, phone = await office.answered(first, "sip:201", "201")
    first.ask(telephony.StartHoldMusic(pbx_id=CLOUD, leg_id=leg_id))
    play(first, leg_id, "position", await a_medium(office, HIGH, ms=play_ms))
    await asyncio.sleep(A_WHILE_S)
    await first.die()
    await asyncio.sleep(A_WHILE_S)
    await office.gateway()
    await asyncio.sleep(max(0.0, play_ms / 1_000 - A_WHILE_S))
    after = await heard_for(office, phone, 2)
    assert loud_ms(after) >= 1_000
    assert tone_ms(after, HIGH) <= 500


@asynccontextmanager
async def a_media_route(folder: MediaFolder, host: str) -> AsyncIterator[str]:
    """The gateway's route for media, as its process serves it; its address."""

    listening = http_server.bound(host, 0)
    server = http_server.listener(MediaApi(folder.opened), has_lifespan=False, limits=ConnectionLimits())
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://{host}:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_media_are_fetched_from_the_gateway_where_no_folder_is_shared(
    office: Office, tmp_path: Path
) -> None:
    """Under an address that nobody guesses."""
    folder = MediaFolder(tmp_path / "media")
    async with a_media_route(folder, "127.0.0.1") as address:
        instance = office.instances.pbxs[CLOUD]
        gateway = await office.gateway(address=instance.ari_address(media=address), served=folder)
        leg_id, phone = await office.answered(gateway, "sip:201", "201")
        ear = await an_ear(office, phone)
        play(
            gateway, leg_id, "far", await a_medium(office, LOW, ms=800), await a_medium(office, HIGH, ms=800)
        )
        assert await ended(gateway, leg_id, "far") == (True, False)
        heard = await ear.stop()
        assert min(tone_ms(heard, LOW), tone_ms(heard, HIGH)) >= 500
