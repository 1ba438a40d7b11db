"""The contract of every adapter to a PBX: what is heard on a leg, in which order, and what ends it (G1)."""

import pytest

from contracts import telephony
from contracts.ids import PlayId
from services.gateway import port
from services.gateway.port import Result
from tests.contract.gateway.benches import L1, PBX, Bench, answered, play

FRAME_MS = 20
"""A PBX sends sound in frames, and tells the end of a play with its last one."""


@pytest.mark.rule("T2")
async def test_a_play_lasts_as_long_as_its_media(bench: Bench) -> None:
    """Several media are played one after the other, in their real length."""
    await answered(bench, "sip:201")
    started = bench.now()
    bench.ask(play("short.wav", "invitation.wav"))
    ended = await bench.until(port.PlayEnded, play_id="play-1")
    assert (ended.ok, ended.was_interrupted) == (True, False)
    assert 1_200 - FRAME_MS <= bench.now() - started < 2_500


@pytest.mark.parametrize("key", ["missing.wav", "wide.wav", "broken.wav", "picture.wav"])
async def test_media_that_is_missing_or_unfit_is_not_played(bench: Bench, key: str) -> None:
    """As on a real PBX: 8 kHz mono PCM16 or nothing, and the gateway is told."""
    await answered(bench, "sip:201")
    bench.ask(play("short.wav", key))
    assert not (await bench.until(port.PlayEnded, play_id="play-1")).ok


async def test_a_key_ends_a_play_that_may_be_interrupted(bench: Bench) -> None:
    """Digits arrive in the middle of a prompt; the customer need not hear it to its end."""
    await answered(bench, "sip:209")
    started = bench.now()
    bench.ask(play("long.wav", barge_in=True))
    ended = await bench.until(port.PlayEnded, play_id="play-1")
    assert ended.was_interrupted
    assert bench.now() - started < 2_500
    assert [each.digit for each in bench.heard(port.Pressed)] == ["5"]


async def test_a_key_does_not_end_other_plays(bench: Bench) -> None:
    """A welcome is heard whole, and the key is reported nevertheless."""
    await answered(bench, "sip:209")
    bench.ask(play("long.wav"))
    ended = await bench.until(port.PlayEnded, play_id="play-1")
    assert not ended.was_interrupted
    assert [each.digit for each in bench.heard(port.Pressed)] == ["5"]


async def test_plays_of_one_leg_follow_one_another(bench: Bench) -> None:
    """Plays of two services never overlap."""
    await answered(bench, "sip:201")
    bench.ask(play("short.wav", play_id="a"))
    bench.ask(play("short.wav", play_id="b"))
    await bench.until(port.PlayEnded, play_id="b")
    assert [each.play_id for each in bench.heard(port.PlayEnded)] == ["a", "b"]


async def test_a_play_is_stopped(bench: Bench) -> None:
    """The service that stops it learns of its end."""
    await answered(bench, "sip:201")
    bench.ask(play("long.wav"))
    await bench.run(300)
    bench.ask(telephony.StopPlay(pbx_id=PBX, leg_id=L1, play_id=PlayId("play-1")))
    assert (await bench.until(port.PlayEnded, play_id="play-1")).was_interrupted


@pytest.mark.rule("C6")
async def test_m2_a_play_that_interrupts_ends_what_is_heard_and_what_waits(bench: Bench) -> None:
    """A caller hears an urgent notice now, not after 45 s of ringing tone."""
    await answered(bench, "sip:201")
    bench.ask(play("long.wav", play_id="tone"))
    bench.ask(play("long.wav", play_id="waits"))
    await bench.run(300)
    bench.ask(play("short.wav", play_id="word", interrupts=True))
    bench.ask(play("short.wav", play_id="after"))
    await bench.until(port.PlayEnded, play_id="after")
    ended = {each.play_id: each for each in bench.heard(port.PlayEnded)}
    assert list(ended)[2:] == ["word", "after"]
    assert [(each.ok, each.was_interrupted) for each in ended.values()] == [(True, True)] * 2 + [
        (True, False)
    ] * 2


@pytest.mark.rule("C6", "G2")
async def test_m2_a_play_that_interrupts_is_asked_for_again_and_ends_nothing_more(bench: Bench) -> None:
    """After a lost reply, a later play is still heard to its end."""
    await answered(bench, "sip:201")
    word = play("short.wav", play_id="word", interrupts=True)
    bench.ask(word)
    await bench.until(port.PlayEnded, play_id="word")
    bench.ask(play("short.wav", play_id="after"))
    number = bench.ask(word)
    assert (await bench.until(port.Replied, request=number)).result is Result.ALREADY
    assert not (await bench.until(port.PlayEnded, play_id="after")).was_interrupted


@pytest.mark.rule("C6")
async def test_m2_a_word_that_cannot_be_played_ends_what_plays_all_the_same(bench: Bench) -> None:
    """No person keeps hearing a ringing tone without a meaning."""
    await answered(bench, "sip:201")
    bench.ask(play("long.wav", play_id="tone"))
    bench.ask(play("nowhere.wav", play_id="word", interrupts=True))
    assert not (await bench.until(port.PlayEnded, play_id="word")).ok
    assert (await bench.until(port.PlayEnded, play_id="tone")).was_interrupted


@pytest.mark.rule("G2")
async def test_a_play_that_is_over_is_not_played_again_but_told_again(bench: Bench) -> None:
    """A gateway that missed the play's end asks again, and the customer does not hear it twice."""
    await answered(bench, "sip:201")
    bench.ask(play("short.wav"))
    await bench.until(port.PlayEnded, play_id="play-1")
    number = bench.ask(play("short.wav"))
    assert (await bench.until(port.Replied, request=number)).result is Result.ALREADY
    assert len(bench.heard(port.PlayEnded, play_id="play-1")) == 2
