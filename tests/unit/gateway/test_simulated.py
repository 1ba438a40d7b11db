"""The simulated PBX itself: deterministic by its seed, unreliable by its network, strict about its script."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.gateway import LegEnded, Outcome
from contracts.ids import LegId, PbxId
from ringback.phones import read_script
from runtime.wav import canonical_ms
from services.gateway.port import AnyPbxEvent, Cause, RecordingClosed
from services.gateway.simulated import AudioLibrary, SimulatedNetwork
from services.gateway.simulated import script as scripts
from services.gateway.simulated.agenda import Agenda
from services.gateway.simulated.legs import SimulatedLeg
from services.gateway.simulated.media import Recorder
from tests.contract.gateway.benches import MEDIA, voice, wav
from tests.unit.gateway.harness import GatewayHarness, answer, dial, play, record

NASTY = {"replies_lost": 0.2, "replies_doubled": 0.2, "replies_late": 0.2, "latency_ms_max": 400}


def a_story(seed: int) -> list[Any]:
    """Calls and recordings on a bad network, as the log has them."""
    phones = {f"sip:{n}": {"behaviours": [{"answer_after_s": n % 7}]} for n in range(200, 220)}
    office = GatewayHarness(phones, network=NASTY, seed=seed)
    for n in range(200, 220):
        office.tell(dial(f"sip:{n}", f"leg-{n}", ring_ms=4_000))
        office.run(300)
    leg_id = office.calls_in()
    office.tell(answer(leg_id))
    office.tell(play(leg_id, "short.wav"))
    office.tell(record(leg_id, silence_ms=1_000))
    office.run(20_000)
    return [(entry.fact, entry.at) for entry in office.log]


def test_the_same_seed_is_the_same_story() -> None:
    """A failure found in a simulation can be looked at again."""
    assert a_story(5) == a_story(5)


def test_another_seed_is_another_story() -> None:
    """Otherwise many seeds would prove nothing."""
    assert a_story(5) != a_story(6)


@pytest.mark.rule("G2", "G3")
@pytest.mark.parametrize("seed", range(20))
def test_on_a_bad_network_every_leg_is_dialled_once_and_ends_once(seed: int) -> None:
    """Lost, late and doubled replies, and a PBX that goes away and forgets: each leg starts and ends once."""
    phones = {f"sip:{n}": {"behaviours": [{"answer_after_s": n % 5}]} for n in range(200, 215)}
    office = GatewayHarness(phones, network=NASTY, seed=seed)
    for n in range(200, 215):
        office.tell(dial(f"sip:{n}", f"leg-{n}", ring_ms=3_000))
        office.run(400)
        if n == 205:
            office.network.pbxs[PbxId("cloud")].vanish(office.now, for_ms=3_000, drops=0.5)
        if n == 210:
            office.crash()
    office.run(10_000)
    for line in office.network.pbxs[PbxId("cloud")].legs.values():
        office.network.pbxs[PbxId("cloud")].hang_up(line, office.now)
    office.run(10_000)
    ended = [each.leg_id for each in office.facts(LegEnded)]
    assert len(ended) == len(set(ended))
    assert not office.machine.live_legs()
    assert all(office.dials(f"sip:{n}") <= 1 for n in range(200, 215))
    for leg_id in ended:
        about = [e.fact for e in office.log if getattr(e.fact, "leg_id", None) == leg_id]
        is_answer = [getattr(fact, "source", "") != "" for fact in about]
        last = max(i for i, fact in enumerate(about) if isinstance(fact, LegEnded))
        assert all(is_answer[last + 1 :]), about


def test_an_agent_behind_a_link_that_is_cut_fails_at_once() -> None:
    """EC-91: no 15 s of ring for a phone that can't be reached."""
    office = GatewayHarness()
    script: dict[str, Any] = {"pbxs": {"cloud": {}, "second": {"phones": {"sip:205": {}}}}}
    office.network = SimulatedNetwork(scripts.read(script), AudioLibrary(lambda key: MEDIA.get(key), voice))
    office.network.begin(office.now)
    office.start()
    office.network.pbxs[PbxId("second")].vanish(office.now, for_ms=60_000)
    office.tell(dial("pbx:second/205"))
    office.run(1_000)
    ended = office.facts(LegEnded)[0]
    assert (ended.outcome, ended.code) == (Outcome.FAILED, 503)


@pytest.mark.rule("T2")
@pytest.mark.parametrize(
    ("data", "length"),
    [
        (wav(1_234), 1_234),
        (wav(400, rate=16_000), None),
        (wav(400, bits=8), None),
        (b"", None),
        (b"RIFF", None),
        (wav(100)[:30], None),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), None),
        (wav(1_000)[:-8_000], 500),
    ],
)
def test_only_the_canonical_form_is_played(data: bytes, length: int | None) -> None:
    """As a real PBX that has no codec for anything else; a truncated file plays as far as it goes."""
    assert canonical_ms(data) == length


@pytest.mark.parametrize(
    "step", [{}, {"wait_s": 1, "press": "1"}, {"hang_up": False}, {"dance": True}, {"until": "tomorrow"}]
)
def test_a_script_with_a_mistake_is_refused(step: dict[str, Any]) -> None:
    """A demo that silently does nothing costs an evening."""
    with pytest.raises(msgspec.ValidationError):
        scripts.read({"pbxs": {"cloud": {"calls": [{"line": "+7", "then": [step]}]}}})


@pytest.mark.parametrize("file", ["examples/morning.yaml"])
def test_the_example_can_be_read(file: str) -> None:
    """What the README points to works."""
    script = read_script(Path(__file__).parents[3] / file)
    assert sorted(script.pbxs) == ["cloud", "office", "second"]
    assert scripts.texts(script)


def test_a_recording_whose_end_is_heard_late_is_as_long_as_what_was_sent() -> None:
    """Its leg ended before the last piece went out; a file does not become shorter again."""
    told: list[AnyPbxEvent] = []
    agenda = Agenda()
    recorder = Recorder(agenda, told.append, None)
    leg = SimulatedLeg(leg_id=LegId("leg-1"), is_arrived=True, since_at=0, handset=None)
    recorder.record(leg, record(leg.leg_id), 0)
    while not told:
        agenda.run(agenda.next_at() or 0)
    (tape,) = recorder.tapes.values()
    recorder.close(leg, tape, agenda.now - 20, Cause.HANG_UP)
    closed = told[-1]
    assert isinstance(closed, RecordingClosed)
    assert tape.closed_at is not None
    assert closed.bytes == len(tape.track.until(tape.closed_at))
