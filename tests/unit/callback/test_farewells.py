"""Farewells: what the agent hears when an attempt ends, on the real gateway with a simulated PBX (C6).

Prompts are as long as they may be, and the ringing tone has its real length: with plays that end at once
nothing would be seen of plays that wait for each other.
"""

from typing import Any

import pytest

from contracts import callback, directory, gateway, telephony
from contracts.ids import Instant, LegId
from contracts.message import Fact
from services.callback.service import SERVICE
from tests.contract.gateway.benches import wav
from tests.unit.callback.stories import CUSTOMER, an_office, cb, ended, pressed_one, ready
from tests.unit.gateway import harness as gateway_harness

AGENT = LegId("anna.leg")
TONE_MS = 45_000
WORD_MS = 1_500
STOPPED_MS_MAX, FREE_MS_MAX = 500, 2_000
RINGS_ON: dict[str, Any] = {}


class Attempt:
    """Anna is on the line and hears the whisper; the customer's phone does as it is told."""

    def __init__(self, customer: dict[str, Any], *, word_ms: int = WORD_MS) -> None:
        lengths = {"ringing_tone.wav": TONE_MS, "customer_busy.wav": word_ms}
        self.pbx = gateway_harness.GatewayHarness(
            {"sip:201": gateway_harness.ANSWERS},
            public={CUSTOMER: {"behaviours": [customer]}},
            media=lambda key: wav(lengths.get(key.rpartition("/")[2], WORD_MS)),
        )
        self.callback = an_office()
        self._heard = self._carried_out = 0
        self.pbx.tell(gateway_harness.dial("sip:201", AGENT), source="queue")
        self.pbx.run(2_000)
        self.callback.at = Instant(self.pbx.now)
        self._hears(pressed_one(joined=self.pbx.now), ended("c1"))
        self._hears(ready())

    def _hears(self, *facts: Fact) -> None:
        """Callback hears what somebody else said, and what it says is carried out."""
        self.callback.hears(*facts)
        self._carry_out()

    def _carry_out(self) -> None:
        commands = self.callback.commands[self._carried_out :]
        self._carried_out = len(self.callback.commands)
        for command in commands:
            self.pbx.tell(command, source="callback")  # type: ignore[arg-type]  # callback has no others

    def runs(self, ms: int) -> None:
        """Time passes for both; each hears of the other as long as there is something to hear."""
        until = self.pbx.now + ms
        while self.pbx.now < until:
            self.pbx.run(10)
            for entry in self.pbx.log[self._heard :]:
                self.callback.waits_until(entry.at)
                if isinstance(entry.fact, SERVICE.hears):
                    self.callback.hears(entry.fact)
            self._heard = len(self.pbx.log)
            self.callback.waits_until(Instant(self.pbx.now))
            self._carry_out()

    def is_cancelled(self) -> int:
        """A colleague withdraws the callback; the instant."""
        at = self.pbx.now
        self._hears(directory.CallbackCancelAsked(callback_id=cb(), by=None))
        return at

    def at_of(self, kind: type[gateway.PbxFact], **fields: Any) -> int:
        """When the only fact of this type was said."""
        (at,) = (
            entry.at
            for entry in self.pbx.log
            if isinstance(entry.fact, kind)
            and all(getattr(entry.fact, name) == value for name, value in fields.items())
        )
        return at

    def heard(self) -> list[str]:
        """What was in Anna's ear, by name."""
        line = self.pbx.network.pbxs[gateway_harness.PBX].legs[AGENT]
        return [key.rpartition("/")[2].removesuffix(".wav") for key in line.heard]

    def is_told_and_freed(self, told: str, over_at: int) -> None:
        """C6: the tone stops, the farewell is heard, and she is free, each in its time."""
        self.runs(3_000)
        assert self.heard()[-1] == told
        playing = [each for each in self.pbx.facts(gateway.PlayFinished) if each.was_interrupted]
        assert len(playing) == 1
        assert self.at_of(gateway.PlayFinished, play_id=playing[0].play_id) - over_at <= STOPPED_MS_MAX
        word = self.pbx.facts(gateway.PlayFinished)[-1]
        assert (word.ok, word.was_interrupted) == (True, False)
        assert self.at_of(gateway.LegEnded, leg_id=AGENT) - over_at <= FREE_MS_MAX


@pytest.mark.rule("C6")
@pytest.mark.parametrize(
    ("customer", "told"),
    [
        ({"condition": "busy"}, "customer_busy"),
        ({"condition": "unknown"}, "customer_bad_number"),
        ({"condition": "unavailable"}, "customer_unavailable"),
        ({"decline_after_s": 4}, "customer_declined"),
        (RINGS_ON, "customer_no_answer"),
    ],
)
def test_m2_the_agent_of_an_ended_attempt_is_told_why_and_is_free(
    customer: dict[str, Any], told: str
) -> None:
    """The ringing tone stops, the agent hears the outcome, and is free within 2 s of the customer's end."""
    attempt = Attempt(customer)
    attempt.runs(50_000)
    leg_id = attempt.callback.last(callback.CustomerDialled).leg_id
    assert "ringing_tone" in attempt.heard()
    attempt.is_told_and_freed(told, attempt.at_of(gateway.LegEnded, leg_id=leg_id))


@pytest.mark.rule("C6", "C9")
def test_m2_a_callback_that_is_cancelled_while_it_rings_lets_the_agent_go() -> None:
    """Nobody listens to the tone of a phone that rings no more."""
    attempt = Attempt(RINGS_ON)
    attempt.runs(20_000)
    assert attempt.heard()[-1] == "ringing_tone"
    attempt.is_told_and_freed("callback_cancelled", attempt.is_cancelled())


@pytest.mark.rule("C6", "C9")
def test_m2_a_callback_that_is_cancelled_in_the_whisper_lets_the_agent_go() -> None:
    """The whisper is not spoken to its end."""
    attempt = Attempt(RINGS_ON)
    attempt.runs(3_000)
    attempt.is_told_and_freed("callback_cancelled", attempt.is_cancelled())
    assert not attempt.callback.said(callback.CustomerDialled)


@pytest.mark.rule("C6")
def test_m2_an_agent_who_is_ready_for_a_callback_that_has_ended_is_told_and_free() -> None:
    """The callback was withdrawn between the agent's answer and queue's word."""
    attempt = Attempt(RINGS_ON)
    attempt.runs(3_000)
    attempt.is_cancelled()
    attempt.callback.hears(ready(leg="boris.leg"))
    play = attempt.callback.last(telephony.Play)
    assert (play.interrupts, play.media[0].rpartition("/")[2]) == (True, "callback_cancelled.wav")
    attempt.callback.waits_until(Instant(attempt.callback.at + FREE_MS_MAX))
    assert attempt.callback.last(telephony.HangUp).leg_id == "boris.leg"


@pytest.mark.rule("C6")
def test_an_agent_whose_leg_had_ended_before_the_farewell_is_not_hung_up_for_ever() -> None:
    """Whoever hung up first is heard of before queue's word, and of that leg nothing more will be heard."""
    attempt = Attempt(RINGS_ON)
    attempt.runs(3_000)
    attempt.is_cancelled()
    office = attempt.callback
    office.hears(ended("boris.leg"), ready(leg="boris.leg"))
    office.waits_until(Instant(office.at + 600_000))
    hung_up = [each for each in office.commands if isinstance(each, telephony.HangUp)]
    assert [each.leg_id for each in hung_up].count(LegId("boris.leg")) == 1
    assert len(office.state.farewells) == 0


@pytest.mark.rule("C6")
def test_m2_a_word_that_is_too_long_keeps_no_agent() -> None:
    """An engine that speaks slowly is cut off: the agent must be free on time."""
    attempt = Attempt({"condition": "busy"}, word_ms=4_000)
    attempt.runs(30_000)
    leg_id = attempt.callback.last(callback.CustomerDialled).leg_id
    over_at = attempt.at_of(gateway.LegEnded, leg_id=leg_id)
    assert attempt.heard()[-1] == "customer_busy"
    assert attempt.at_of(gateway.LegEnded, leg_id=AGENT) - over_at <= FREE_MS_MAX
