"""Callbacks on real phones: ordered by a key, connected, expired with a voice message, unanswered."""

import hashlib
from typing import Final

import pytest

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.prompts import Prompt
from devtools.hearing import share_heard, tone_ms
from ringback.stack.asterisk.sounds import BEEP_HZ, BEEP_MS
from services.gateway.simulated.script import Behaviour, Step, Until
from tests.e2e.phones.exchange import (
    KNOWN_MIN,
    ORDERS,
    TALKS,
    UNKNOWN_MAX,
    Exchange,
    decoded,
    desk,
    ordering,
    voice,
)
from tests.e2e.phones.office import AGENT_SAYS, CUSTOMER_SAYS, MESSAGE, MOSKVA

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("phones"),
]

SALES, SUPPORT, DELIVERY = 1, 2, 8
ANNOUNCEMENT_HZ: Final = 600
"""What the town's network tells in its 183 is this tone."""
CUT_OFF_MAX: Final = 0.6
"""The share of a prompt that was heard until a key, half a second after its beginning, ended it."""
FAX_HZ: Final = 1_100
"""The calling tone of a fax (ITU-T T.30)."""
SPEECH_MS_OFF: Final = 800
"""How far the counted speech may be off the sentence's length: pauses may count or not."""
PCM_PER_MS: Final = 16
"""Bytes of samples in a millisecond."""
SPEAKS: Final = (
    Step(during="apology_press_one"),
    Step(wait_s=0.5),
    Step(press="1"),
    Step(until=Until.RECORDING),
    Step(wait_s=0.5),
    Step(say=MESSAGE),
    Step(wait_s=0.5),
    Step(hang_up=True),
)
"""A customer who leaves a voice message after the apology."""


@pytest.mark.rule("C1", "C2", "C3", "G1")
def test_a_customer_hangs_up_and_is_called_back_once_an_agent_has_answered(exchange: Exchange) -> None:
    """The promise of the whole product, over the wire: first the agent, then the customer, then they talk."""
    company, customer = exchange.company, exchange.company.customer(SALES)
    answers = (Step(until=Until.BRIDGED), Step(say=CUSTOMER_SAYS))
    exchange.public(customer, Behaviour(answer_after_s=1, then=answers))
    exchange.call(SALES, *ORDERS)
    exchange.ordered(SALES)
    exchange.agent("anna", Behaviour(answer_after_s=0.5, then=TALKS))
    exchange.until("the callback's end", lambda: company.has(c.CallbackConnected, number=customer))
    end = company.one(c.CallbackConnected, number=customer)
    assert end.agent_id == "anna"
    assert company.offset(g.LegAnswered, leg_id=end.agent_leg_id) < company.offset(
        g.LegRequested, leg_id=end.leg_id
    )
    exchange.until("the end of the talk", lambda: company.has(g.LegEnded, leg_id=end.leg_id))
    assert company.one(g.LegEnded, leg_id=end.leg_id).talk_ms > 0
    exchange.hears(f"tel:{customer}", voice(AGENT_SAYS))
    exchange.hears(desk("anna"), voice(CUSTOMER_SAYS))
    # Nobody hears himself, and who waited heard nobody.
    assert share_heard(voice(AGENT_SAYS), exchange.heard(desk("anna"))) <= UNKNOWN_MAX
    assert share_heard(voice(CUSTOMER_SAYS), exchange.heard(f"tel:{customer}")) <= UNKNOWN_MAX
    waiting = exchange.heard(f"tel:{customer}", call=0)
    assert share_heard(voice(AGENT_SAYS), waiting) <= UNKNOWN_MAX
    # The key has cut the invitation off, and was answered.
    assert 0 < share_heard(exchange.prompt(Prompt.INVITATION), waiting) < CUT_OFF_MAX
    assert share_heard(exchange.prompt(Prompt.ORDER_TAKEN_NUMBER), waiting) > 0
    exchange.leaves("anna")


@pytest.mark.rule("C4", "V1", "V3", "V4")
def test_a_callback_that_nobody_makes_ends_with_a_voice_message_in_a_letter(exchange: Exchange) -> None:
    """The customer hears the apology and the tone; the MP3 says what the customer said, and nothing else."""
    company, customer = exchange.company, exchange.company.customer(SUPPORT)
    exchange.public(customer, Behaviour(answer_after_s=1, then=SPEAKS))
    exchange.call(SUPPORT, *ORDERS)
    exchange.until("the callback's end", lambda: company.has(c.CallbackExpired, number=customer))
    end = company.one(c.CallbackExpired, number=customer)
    assert (end.has_voice_message, end.attempts) == (True, 0)
    taken = company.one(v.MessageTaken, callback_id=end.callback_id)
    about = {"voice_message_id": taken.voice_message_id}
    exchange.until("the letter", lambda: company.has(v.LetterDue, **about))
    due = company.one(v.LetterDue, **about)
    exchange.until("its acceptance", lambda: company.has(v.LetterAccepted, letter_id=due.letter_id))
    (letter,) = (each for each in exchange.cluster.letters(company) if each.is_about(customer))
    assert letter.mp3 is not None
    apology = exchange.heard(f"tel:{customer}")
    assert share_heard(exchange.prompt(Prompt.APOLOGY_AFTER_NAME), apology) >= KNOWN_MIN
    assert tone_ms(apology, BEEP_HZ) >= BEEP_MS / 2
    said = decoded(letter.mp3, "mp3")
    assert share_heard(voice(MESSAGE), said) == 1.0
    assert share_heard(exchange.prompt(Prompt.APOLOGY_PRESS_ONE), said) <= UNKNOWN_MAX
    assert tone_ms(said, BEEP_HZ) == 0
    stored = company.one(v.MessageStored, **about)
    assert hashlib.sha256(letter.mp3).hexdigest() == stored.mp3_sha256
    assert stored.speech_ms == pytest.approx(len(voice(MESSAGE)) / PCM_PER_MS, abs=SPEECH_MS_OFF)


@pytest.mark.rule("V2")
def test_a_tone_after_the_beep_is_no_voice_message(exchange: Exchange) -> None:
    """A fax waits until the deadline and sends what it sends: nobody gets a letter with that."""
    company, caller = exchange.company, "+79000004109"
    sends = (Step(until=Until.RECORDING), Step(wait_s=0.5), Step(tone_hz=FAX_HZ), Step(hang_up=True))
    exchange.call(SUPPORT, *sends, caller=caller)
    exchange.until("the fax's place", lambda: company.has(q.PlaceTaken, caller=caller))
    place = company.one(q.PlaceTaken, caller=caller)
    exchange.until("the greeting", lambda: company.has(v.GreetingPlayed, place_id=place.place_id))
    greeting = company.one(v.GreetingPlayed, place_id=place.place_id)
    about = {"voice_message_id": greeting.voice_message_id}
    exchange.until("the recording's end", lambda: company.has(v.MessageMissing, **about))
    missing = company.one(v.MessageMissing, **about)
    assert missing.reason is v.MissingReason.TOO_SHORT
    assert not company.has(v.LetterDue, **about)


@pytest.mark.rule("C6")
def test_an_announcement_of_the_network_and_then_480_is_unanswered(exchange: Exchange) -> None:
    """«The phone is switched off», said with 183, is no answer; the agent hears nothing of it.

    This customer's phone sends keys by INFO; the others' send them by RFC 4733.
    """
    company, customer = exchange.company, exchange.company.customer(DELIVERY)
    exchange.public(customer, Behaviour(is_progress_only=True, gives_up_after_s=5))
    with exchange.wire(MOSKVA) as wire:
        exchange.call(DELIVERY, *ordering(by_info=True))
        exchange.ordered(DELIVERY)
    assert any(each.startswith("INFO ") for each in wire)
    exchange.agent("ivan", Behaviour(answer_after_s=0.5))
    exchange.until("the callback's end", lambda: company.has(c.CallbackUnreached, number=customer))
    order = company.one(c.CallbackOrdered, number=customer)
    dialled = company.one(c.CustomerDialled, callback_id=order.callback_id)
    leg = company.one(g.LegEnded, leg_id=dialled.leg_id)
    assert (leg.code, leg.talk_ms) == (480, 0)
    assert not company.has(g.LegAnswered, leg_id=dialled.leg_id)
    assert tone_ms(exchange.heard(desk("ivan")), ANNOUNCEMENT_HZ) == 0
    exchange.leaves("ivan")
