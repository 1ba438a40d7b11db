"""Calls on real phones: forwarded, ringing everywhere, on a mobile, at another PBX, recorded."""

from typing import Final

import pytest

from contracts import gateway as g
from contracts import queue as q
from contracts import routing as r
from contracts.gateway import EndedBy, Outcome
from contracts.ids import Address, LegId
from contracts.prompts import Prompt
from devtools.hearing import share_heard, tone_ms
from services.gateway.simulated.script import Behaviour, Step, Until
from tests.e2e.phones.exchange import KNOWN_MIN, TALKS, UNKNOWN_MAX, Exchange, decoded, desk, voice
from tests.e2e.phones.office import AGENT_SAYS, CUSTOMER_SAYS, MOBILE, VOLGA

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("phones"),
]

DIRECT, HOTLINE, FIELD, SERVICE, ARCHIVE = 3, 4, 5, 6, 7
AGENT_HZ, CUSTOMER_HZ = 700, 500
"""Tones that neither prompts nor music have."""
TONE_MS_MIN: Final = 2_500
"""Of three seconds; the bridge may be heard a little earlier than the phone begins."""
LISTENS = (Step(until=Until.BRIDGED), Step(wait_s=1), Step(say=CUSTOMER_SAYS))


@pytest.mark.rule("D2", "D3")
def test_a_direct_call_is_forwarded_after_the_whole_notice(exchange: Exchange) -> None:
    """The person does not answer; the caller is told, and then a colleague's phone rings."""
    company = exchange.company
    exchange.agent("orlov", Behaviour())
    exchange.agent("petrova", Behaviour(answer_after_s=1, then=TALKS))
    exchange.call(DIRECT, *LISTENS)
    exchange.until("the colleague's answer", lambda: company.has(r.CallConnected, agent_id="petrova"))
    connected = company.one(r.CallConnected, agent_id="petrova")
    forward = company.one(r.CallForwarded, leg_id=connected.leg_id)
    assert forward.play_id is not None
    rung = [each.offset for each in company.where(r.PersonRung, leg_id=connected.leg_id)]
    assert company.one(g.PlayFinished, play_id=forward.play_id).ok
    assert company.offset(g.PlayFinished, play_id=forward.play_id) < rung[-1]
    exchange.until("the end", lambda: company.has(g.LegEnded, leg_id=connected.leg_id))
    caller = f"tel:{company.customer(DIRECT)}"
    exchange.hears(caller, exchange.prompt(Prompt.FORWARD))
    exchange.hears(caller, voice(AGENT_SAYS))
    exchange.hears(desk("petrova"), voice(CUSTOMER_SAYS))
    assert desk("orlov") not in exchange.cluster.phones.heard()
    exchange.leaves("orlov", "petrova")


@pytest.mark.rule("Q1", "Q9")
def test_of_two_who_pick_up_at_once_one_talks_and_the_others_ring_no_longer(exchange: Exchange) -> None:
    """Three phones ring; the cancelled ones note no missed call, since another one has answered."""
    company = exchange.company
    for name in ("sergey", "tamara"):
        exchange.agent(name, Behaviour(answer_after_s=3, then=TALKS))
    exchange.agent("ulyana", Behaviour())
    exchange.call(HOTLINE, *LISTENS)
    end = exchange.connected(HOTLINE)
    assert end.agent_id in ("sergey", "tamara")
    rung = {company.one(g.LegRequested, leg_id=leg_id).address for leg_id in _rung(exchange, end.place_id)}
    assert rung == {desk(name) for name in ("sergey", "tamara", "ulyana")}
    exchange.until("the end", lambda: company.has(g.LegEnded, leg_id=end.leg_id))
    winner, loser = sorted(("sergey", "tamara"), key=lambda name: name != end.agent_id)
    exchange.hears(desk(winner), voice(CUSTOMER_SAYS))
    assert share_heard(voice(CUSTOMER_SAYS), exchange.heard(desk(loser))) <= UNKNOWN_MAX
    dials = exchange.cluster.dials()
    assert not [each for each in dials if each.startswith("missed sip:20")], "a missed call is noted"
    for leg_id in _rung(exchange, end.place_id):
        leg = company.one(g.LegEnded, leg_id=leg_id)
        address = company.one(g.LegRequested, leg_id=leg_id).address
        if leg_id != end.agent_leg_id:
            # The other one who picked up may have been quicker than the cancel: that leg was hung up.
            assert leg.by is EndedBy.US
            assert leg.outcome is Outcome.CANCELLED or address != desk("ulyana")
    exchange.leaves("sergey", "tamara", "ulyana")


@pytest.mark.rule("E4", "G5")
def test_an_agents_mobile_is_answered_by_a_key(exchange: Exchange) -> None:
    """Over the public network nothing but a key says that a person picked up."""
    company = exchange.company
    answers = (Step(during="whisper_press_key"), Step(wait_s=1), Step(press="1"), *TALKS)
    exchange.public(MOBILE, Behaviour(answer_after_s=1, then=answers))
    exchange.call(FIELD, *LISTENS)
    end = exchange.connected(FIELD)
    asked = company.one(g.LegRequested, leg_id=end.agent_leg_id)
    assert asked.address == Address(f"tel:{MOBILE}")
    pressed = company.one(g.DigitsEntered, leg_id=end.agent_leg_id)
    assert pressed.digits == "1"
    exchange.until("the end", lambda: company.has(g.LegEnded, leg_id=end.leg_id))
    exchange.hears(f"tel:{MOBILE}", voice(CUSTOMER_SAYS))
    # The key has cut it off.
    assert 0 < share_heard(exchange.prompt(Prompt.WHISPER_PRESS_KEY), exchange.heard(f"tel:{MOBILE}")) < 0.8
    caller = f"tel:{company.customer(FIELD)}"
    exchange.hears(caller, voice(AGENT_SAYS))
    assert share_heard(exchange.prompt(Prompt.WHISPER_PRESS_KEY), exchange.heard(caller)) <= UNKNOWN_MAX


@pytest.mark.rule("O2", "O4")
def test_an_agent_of_another_pbx_talks_to_a_caller_of_this_one(exchange: Exchange) -> None:
    """The PBX at which the call came in dials the other one; history names it in brackets."""
    company, customer = exchange.company, exchange.company.customer(SERVICE)
    hums = (Step(until=Until.BRIDGED), Step(tone_hz=AGENT_HZ), Step(wait_s=1), Step(hang_up=True))
    exchange.agent("vera", Behaviour(answer_after_s=1, then=hums))
    with exchange.wire(VOLGA) as wire:
        exchange.call(SERVICE, Step(until=Until.BRIDGED), Step(tone_hz=CUSTOMER_HZ))
        end = exchange.connected(SERVICE)
    invitations = [each for each in wire if each.startswith("INVITE ")]
    assert len(invitations) >= 2, "from the first PBX, and to the phone"
    for invitation in invitations:
        assert f'"Сервис" <sip:{customer}@' in invitation
    asked = company.one(g.LegRequested, leg_id=end.agent_leg_id)
    assert (asked.address, end.agent_id) == (f"pbx:{VOLGA}/221", "vera")
    exchange.until("the end", lambda: company.has(g.LegEnded, leg_id=end.leg_id))
    agent, caller = exchange.heard(desk("vera")), exchange.heard(f"tel:{customer}")
    # Each hears the other's tone and not the own one, and the caller none before the bridge.
    assert tone_ms(agent, CUSTOMER_HZ) >= TONE_MS_MIN
    assert tone_ms(caller, AGENT_HZ) >= TONE_MS_MIN
    assert (tone_ms(agent, AGENT_HZ), tone_ms(caller, CUSTOMER_HZ)) == (0, 0)
    (row,) = exchange.history(customer)
    assert row.agent_label == "Вера Зимина (Волга)"
    exchange.leaves("vera")


@pytest.mark.rule("R1")
def test_a_caller_hears_that_the_talk_is_recorded_before_it_is(exchange: Exchange) -> None:
    """The recording has both voices, and neither the announcement nor the whisper."""
    company = exchange.company
    # One speaks after the other, or neither could be recognized in the recording.
    waits = (Step(until=Until.BRIDGED), Step(wait_s=6), *TALKS)
    exchange.agent("grigory", Behaviour(answer_after_s=1, then=waits))
    exchange.call(ARCHIVE, *LISTENS)
    end = exchange.connected(ARCHIVE)
    recording_id = end.recording_id
    assert recording_id is not None
    exchange.until("the recording", lambda: company.has(g.RecordingFinished, recording_id=recording_id))
    told = exchange.prompt(Prompt.CALL_RECORDED)
    exchange.hears(f"tel:{company.customer(ARCHIVE)}", told)
    recorded = company.one(g.RecordingFinished, recording_id=recording_id)
    assert recorded.key is not None
    sound = decoded(exchange.stored(recorded.key), "wav")
    assert share_heard(voice(AGENT_SAYS), sound) >= KNOWN_MIN
    assert share_heard(voice(CUSTOMER_SAYS), sound) >= KNOWN_MIN
    assert share_heard(told, sound) <= UNKNOWN_MAX
    exchange.leaves("grigory")


def _rung(exchange: Exchange, place_id: str) -> list[LegId]:
    """The legs that rang for a place."""
    offers = exchange.company.all(q.OfferMade, place_id=place_id)
    return [leg.leg_id for offer in offers for leg in offer.legs]
