"""Routing with a real gateway and a simulated PBX: its commands work on a PBX.

The stories beside this one play the PBX themselves; here plays are queued, commands are refused when they
make no sense, keys are collected and legs end as they do on a PBX.
"""

from typing import Any

import pytest

from contracts import directory, gateway, routing
from contracts.gateway import CommandRefused, LegEnded, PbxClaimed
from contracts.ids import AgentId, Instant
from contracts.routing import EndReason
from contracts.scenario import ScenarioSaved
from services.gateway.simulated import script as scripts
from tests import offices
from tests.contract.gateway.benches import MEDIA, wav
from tests.offices import desk
from tests.unit.gateway import harness as gateway_harness
from tests.unit.routing.directory_facts import (
    ANNA,
    BORIS,
    CUSTOMER,
    MENU,
    MINUTE,
    SECOND,
    STANDARD,
    element,
    mobile,
    to_colleague,
    to_voicemail,
)
from tests.unit.routing.harness import RoutingHarness

LINE, MOBILE = gateway_harness.LINE, "+79160000001"
STEP_MS = 20
PROMPTS = ("forward", "ringing_tone", "whisper_press_key", "whisper_call", "nobody_available", "plus")
DIGITS = tuple(f"digit_{n}" for n in range(10))


class Company:
    """Routing, a gateway and a PBX, with a log between them."""

    def __init__(self, **script: Any) -> None:
        self.pbx = gateway_harness.GatewayHarness(**script)
        self.office = RoutingHarness(auto=False)
        self.office.at = Instant(self.pbx.now)
        self._read = self._sent = 0
        self.office.policy()
        self.office.hears(offices.pbx(gateway_harness.PBX, LINE, "+74951230002"))
        self.has(ANNA, desk("201"))
        self.has(BORIS, desk("202"))
        self.office.rules(ANNA, numbers=(LINE,))

    def has(self, agent_id: AgentId, *devices: directory.Device) -> None:
        """An employee of this PBX."""
        self.office.hears(
            offices.agent(agent_id, gateway_harness.PBX, "", version=self.office.version(), devices=devices)
        )

    def calls(self, *then: dict[str, Any]) -> str:
        """A customer calls, and does this."""
        steps = tuple(scripts.Step(**step) for step in then)
        return self.pbx.calls_in(then=steps, caller=CUSTOMER, line=LINE)

    def run(self, ms: int) -> None:
        """Let time pass for all of them."""
        until = self.pbx.now + ms
        while self.pbx.now < until:
            self.pbx.run(STEP_MS)
            while self._exchange():
                pass
            self.office.waits(max(0, self.pbx.now - self.office.at))

    def _exchange(self) -> bool:
        """Pass the PBX's facts to routing and routing's commands to the PBX; whether there were any."""
        told = self.pbx.log[self._read :]
        self._read += len(told)
        for record in told:
            if not isinstance(record.fact, PbxClaimed):
                self.office.at = max(self.office.at, record.at)
                self.office.hears(record.fact)
        wanted = self.office.commands[self._sent :]
        self._sent += len(wanted)
        for command in wanted:
            self.pbx.tell(command, source="routing")  # type: ignore[arg-type]  # routing says these only
        return bool(told or wanted)

    def is_quiet(self) -> bool:
        """Whether every leg has ended exactly once, and no contact is left."""
        legs = {fact.leg_id for fact in self.pbx.facts(gateway.LegRequested)}
        legs |= {fact.leg_id for fact in self.pbx.facts(gateway.CallArrived)}
        ended = [fact.leg_id for fact in self.pbx.facts(LegEnded)]
        return sorted(legs) == sorted(ended) and not list(self.office.state.calls)

    def refused(self) -> list[str]:
        """The commands that the gateway refused, except for legs that were gone."""
        refused = (each for each in self.pbx.facts(CommandRefused) if each.reason != "gone")
        return [f"{each.command}: {each.reason}" for each in refused]


@pytest.fixture(autouse=True)
def prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard prompts that these tests need, one second each."""
    for name in (*PROMPTS, *DIGITS):
        monkeypatch.setitem(MEDIA, f"standard/en/{name}.wav", wav(1_000))
    monkeypatch.setitem(MEDIA, "notices/choose.wav", wav(2_000))


def a_menu(version: int, choice: directory.NoticeChoice) -> ScenarioSaved:
    """1 for Anna; hang up without a choice."""
    return ScenarioSaved(
        scenario_id=MENU,
        version=version,
        pbx_id=gateway_harness.PBX,
        name="Menu",
        lines=(LINE,),
        elements=(
            element("menu", "menu", ("1", "anna"), ("no_choice", "end"), notice=choice),
            element("anna", "internal_subscriber", agent_id=ANNA),
            element("end", "hang_up"),
        ),
    )


def answers(after_s: float, *then: dict[str, Any]) -> dict[str, Any]:
    """A phone that is picked up."""
    return {"behaviours": [{"answer_after_s": after_s, "then": list(then)}]}


def test_a_direct_call_is_talked_on_a_pbx() -> None:
    """Three seconds of ringing, a talk, and both legs gone."""
    company = Company(phones={"sip:201": answers(3, {"until": "bridged"}, {"wait_s": 5}, {"hang_up": True})})
    company.calls()
    company.run(12 * SECOND)
    ended = company.office.last(routing.CallEnded)
    assert ended.reason is EndReason.TALKED
    assert 4_800 < ended.talk_ms < 5_300
    assert company.is_quiet()
    assert company.refused() == []


@pytest.mark.rule("D3", "E4", "G5")
def test_a_forward_after_a_notice_is_answered_on_a_mobile_by_a_key() -> None:
    """Anna's phone rings in vain; the caller hears why; Boris presses a key, hears who it is, and talks."""
    key = (
        {"after": "whisper_press_key"},
        {"press": "1"},
        {"until": "bridged"},
        {"wait_s": 4},
        {"hang_up": True},
    )
    company = Company(phones={"sip:201": {}}, public={MOBILE: answers(2, *key)})
    company.has(BORIS, mobile(MOBILE, delay_ms=0))
    company.office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD), no_answer_ms=5 * SECOND)
    company.calls()
    company.run(40 * SECOND)
    assert company.office.missed() == [(ANNA, "no_answer")]
    assert company.office.last(routing.CallConnected).agent_id == BORIS
    ended = company.office.last(routing.CallEnded)
    assert (ended.reason, ended.missed_by) == (EndReason.TALKED, None)
    assert company.is_quiet()
    assert company.refused() == []


@pytest.mark.rule("E4")
def test_a_mobiles_voicemail_that_picks_up_is_hung_up_on_a_pbx() -> None:
    """It listens to the request for a key and says nothing; the caller gets Anna's voicemail in the end."""
    company = Company(public={MOBILE: answers(1)})
    company.has(ANNA, mobile(MOBILE, delay_ms=0))
    company.office.rules(ANNA, no_answer=to_voicemail())
    company.calls()
    company.run(20 * SECOND)
    assert company.office.missed() == [(ANNA, "no_answer")]
    assert company.office.last(routing.VoicemailReached).agent_id == ANNA
    assert company.pbx.facts(LegEnded, leg_id=f"{company.office.last(routing.PersonRung).try_id}.0")


@pytest.mark.rule("S1")
def test_a_menu_listens_while_it_speaks_and_after_it() -> None:
    """One caller knows the key by heart, one waits for the end, one says nothing at all."""
    for then, element_id in (
        (({"during": "choose"}, {"wait_s": 0.2}, {"press": "1"}), "anna"),
        (({"after": "choose"}, {"wait_s": 3}, {"press": "1"}), "anna"),
        ((), "end"),
    ):
        company = Company(phones={"sip:201": {}})
        choice = company.office.notice("choose")
        company.office.hears(a_menu(company.office.version(), choice))
        company.calls(*then)
        company.run(25 * SECOND)
        assert company.office.last(routing.ElementEntered).element_id == element_id
        assert len(company.office.said(routing.ElementEntered)) == (2 if then else 3)


def test_a_caller_who_hangs_up_leaves_no_phone_ringing_on_a_pbx() -> None:
    """The desk phone and the mobile that is being set up stop with the caller."""
    company = Company(phones={"sip:201": {}}, public={MOBILE: {"behaviours": [{"ring_after_s": 3}]}})
    company.has(ANNA, desk("201"), mobile(MOBILE, delay_ms=SECOND))
    company.calls({"wait_s": 2}, {"hang_up": True})
    company.run(10 * SECOND)
    assert company.office.last(routing.CallEnded).missed_by == ANNA
    assert company.is_quiet()
    assert company.refused() == []


@pytest.mark.rule("G2", "G3")
@pytest.mark.parametrize("seed", range(8))
def test_on_a_bad_network_every_contact_ends_once_and_no_leg_is_left(seed: int) -> None:
    """Replies lost, late and doubled, and a PBX that vanishes with half of its legs."""
    talk = ({"until": "bridged"}, {"wait_s": 6}, {"hang_up": True})
    key = ({"after": "whisper_press_key"}, {"press": "1"})
    company = Company(
        phones={"sip:201": answers(7, *talk), "sip:202": {"behaviours": [{"decline_after_s": 4}]}},
        public={MOBILE: answers(2, *key, *talk)},
        network={"replies_lost": 0.2, "replies_doubled": 0.2, "replies_late": 0.2, "latency_ms_max": 400},
        seed=seed,
    )
    company.has(BORIS, desk("202"), mobile(MOBILE))
    company.office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD), no_answer_ms=5 * SECOND)
    for number in range(6):
        company.calls({"wait_s": 4 + 9 * (number % 3)}, {"hang_up": True})
        company.run(3 * SECOND)
        if number == 3:
            company.pbx.network.pbxs[gateway_harness.PBX].vanish(company.pbx.now, for_ms=4_000, drops=0.5)
    company.run(3 * MINUTE)
    assert company.is_quiet()
    taken = [fact.leg_id for fact in company.office.said(routing.CallTaken)]
    over = [fact.leg_id for fact in company.office.said(routing.CallEnded)]
    over += [fact.leg_id for fact in company.office.said(routing.VoicemailReached)]
    assert sorted(over) == sorted(taken)
