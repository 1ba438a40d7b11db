"""The verdict of the chaos run accepts a true morning, and every invariant fails on a doctored one.

The true morning is a calm one of the simulation: real services, so every kind of effect is in it. A doctored
one has one record left out, said twice or changed, and numbers that fit again, as a clever liar would.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from contracts import callback, gateway, log, queue, routing, voicemail
from contracts.codec import Envelope
from contracts.directory import DepartmentSaved, PbxSaved
from contracts.ids import Address, Instant, LegId, OrganizationId
from contracts.message import Fact, type_name
from contracts.telephony import DialLeg
from devtools.chaos.asterisk_workload import CROWD, QUIET_S_MAX, asterisk_workload, crowd
from devtools.chaos.plan import (
    AIMED_AT_PBX,
    COMMON,
    DEADLY,
    ON_ASTERISK,
    SITUATIONS,
    SPARED,
    Kind,
    kinds,
    plan,
)
from devtools.chaos.reading import CompanyHistory, Leavings, Sent
from devtools.chaos.verdict import ALL_SENTENCES, EFFECTS, Effect, broken, verdict
from devtools.chaos.workload import NAMES, line_of, workload
from devtools.oracle import no_offer_inverts_the_order
from ringback.log import Reading
from services.gateway.simulated.script import read
from services.queue.service import SERVICE as QUEUE
from tests.sim.workload import ORGANIZATION
from tests.sim.world import CALM, simulate

SEEDS_MAX = 60
WANTED = (
    queue.PlaceConnected,
    queue.PlaceAbandoned,
    queue.NoAnswerReached,
    callback.CustomerDialled,
    callback.CallbackConnected,
    callback.ApologyDialled,
    voicemail.MessageStored,
    voicemail.LetterAccepted,
)
"""A calm morning with callbacks that connect, an apology, voice messages, and letters."""
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def true() -> CompanyHistory:
    """A morning without violations."""
    mornings = (simulate(seed, CALM) for seed in range(1, SEEDS_MAX))
    run = next(run for run in mornings if {type(each.fact) for each in run.facts} >= set(WANTED))
    return CompanyHistory(
        name=ORGANIZATION,
        facts=tuple(
            Reading(
                partition=0, offset=each.offset, at=Instant(each.at), envelope=each.envelope, fact=each.fact
            )
            for each in run.facts
        ),
        commands=tuple(Sent(envelope=each.envelope, command=each.command) for each in run.commands),
        mailbox=run.mailbox,
        dialled=run.dialled,
    )


def leavings(company: CompanyHistory, *, dead_letters: int = 0, unknown: tuple[str, ...] = ()) -> Leavings:
    """A run of this one company."""
    return Leavings((company,), dead_letters, unknown, len(company.facts))


def renumbered(facts: list[Reading]) -> tuple[Reading, ...]:
    """Number the facts without gaps, so that numbers do not betray the change."""
    last: Counter[str] = Counter()
    found = []
    for each in facts:
        envelope = each.envelope
        if envelope.seq > 0:
            last[envelope.source] = (
                envelope.seq if envelope.source.startswith("gateway/") else last[envelope.source] + 1
            )
            envelope = msgspec.structs.replace(envelope, seq=last[envelope.source])
        found.append(msgspec.structs.replace(each, envelope=envelope))
    return tuple(found)


def without(
    company: CompanyHistory, *kinds: type[Fact], last: bool = False, where: Any = None
) -> CompanyHistory:
    """The log without the first (or last) such fact."""
    facts = list(company.facts)
    places = [
        index
        for index, each in enumerate(facts)
        if isinstance(each.fact, kinds) and (where is None or where(each.fact))
    ]
    del facts[places[-1 if last else 0]]
    return replace(company, facts=renumbered(facts))


def twice(company: CompanyHistory, kind: type[Fact]) -> CompanyHistory:
    """The log with the first such fact twice, under two numbers."""
    index = next(index for index, each in enumerate(company.facts) if isinstance(each.fact, kind))
    facts = list(company.facts)
    again = facts[index]
    if again.envelope.source.startswith("gateway/"):
        # A gateway's numbers only rise: behind the last one.
        seq = 1 + max(each.envelope.seq for each in facts if each.envelope.source == again.envelope.source)
        again = msgspec.structs.replace(again, envelope=msgspec.structs.replace(again.envelope, seq=seq))
        return replace(company, facts=renumbered([*facts, again]))
    facts.insert(index + 1, again)
    return replace(company, facts=renumbered(facts))


def broken_names(company: CompanyHistory) -> set[str]:
    """The names of the broken invariants."""
    return {name for name, _ in broken(company)}


def test_a_true_morning_is_accepted(true: CompanyHistory) -> None:
    """A verdict that always finds faults would be useless; and every kind of effect was due."""
    judged = verdict(leavings(true))
    assert judged.wrongs == ()
    assert (judged.lost, judged.doubled) == (0, 0)
    assert [effect.name for effect in judged.effects if not effect.due] == []
    assert judged.is_fine


def test_a_morning_on_which_nothing_happened_is_not_accepted() -> None:
    """Doing nothing loses nothing: it must not pass for a proof."""
    nobody = CompanyHistory(OrganizationId("north"), (), (), (), Counter())
    assert not verdict(leavings(nobody)).is_fine


def _late(company: CompanyHistory) -> CompanyHistory:
    facts = [
        msgspec.structs.replace(each, at=each.at + HOUR_MS)
        if isinstance(each.fact, queue.NoAnswerReached)
        else each
        for each in company.facts
    ]
    return replace(company, facts=tuple(facts))


def _apology_after_an_attempt(company: CompanyHistory) -> CompanyHistory:
    dialled = next(each.fact for each in company.facts if isinstance(each.fact, callback.CustomerDialled))
    apology = callback.ApologyDialled(callback_id=dialled.callback_id, leg_id=LegId("l"), attempt=1)
    return _at_end(company, apology, "callback")


def _at_end(company: CompanyHistory, fact: Fact, source: str) -> CompanyHistory:
    envelope = Envelope(id="x", type="x", source=source, organization_id=ORGANIZATION, seq=1)
    last = company.facts[-1]
    said = Reading(partition=0, offset=last.offset + 1, at=last.at, envelope=envelope, fact=fact)
    return replace(company, facts=renumbered([*company.facts, said]))


def _emergency_dialled(company: CompanyHistory) -> CompanyHistory:
    dial = next(each for each in company.commands if isinstance(each.command, DialLeg))
    command = msgspec.structs.replace(dial.command, address=Address("tel:112"))
    return replace(company, commands=(*company.commands, Sent(envelope=dial.envelope, command=command)))


def _dialled_once_more(company: CompanyHistory) -> CompanyHistory:
    address = next(each.fact.address for each in company.facts if isinstance(each.fact, gateway.LegRequested))
    return replace(company, dialled=company.dialled + Counter({f"dialled {address}": 1}))


def _agent_never_answered(company: CompanyHistory) -> CompanyHistory:
    agents = {
        each.fact.agent_leg_id for each in company.facts if isinstance(each.fact, callback.CustomerDialled)
    }
    return without(company, gateway.LegAnswered, where=lambda fact: fact.leg_id in agents)


def _command_lost(company: CompanyHistory) -> CompanyHistory:
    dial = next(each for each in company.commands if isinstance(each.command, DialLeg))
    return replace(company, commands=tuple(each for each in company.commands if each is not dial))


DOCTORED: dict[str, Callable[[CompanyHistory], CompanyHistory]] = {
    "every place ends exactly once": lambda true: without(true, queue.PlaceConnected),
    "every callback ends exactly once": lambda true: without(true, callback.CallbackConnected),
    "nobody holds two offers": lambda true: without(true, queue.OfferAccepted),
    "every attempt has one agent who answered": _agent_never_answered,
    "no apology after an attempt dialled": _apology_after_an_attempt,
    "no number is dialled more often than its attempts": _dialled_once_more,
    "nothing is dialled outside policy": _emergency_dialled,
    "every recording becomes a message or a reason": lambda true: without(true, voicemail.MessageStored),
    "every recipient gets one letter": lambda true: replace(true, mailbox=(*true.mailbox, true.mailbox[0])),
    "every leg has ended": lambda true: without(true, gateway.LegEnded),
    "no organization is parked": lambda true: _at_end(
        true, log.OrganizationParked(service="queue", offset=1, reason="a bug"), "queue"
    ),
    "nobody waits past a deadline": _late,
    "no letter fails by itself": lambda true: _at_end(
        true, voicemail.LetterFailed(letter_id="x", answer="a day is over"), "voicemail"
    ),
    "every agent is free again": lambda true: without(true, queue.AgentFreed, last=True),
    "the log is explained": _command_lost,
}


@pytest.mark.parametrize("sentence", DOCTORED)
def test_every_sentence_fails_on_a_doctored_log(true: CompanyHistory, sentence: str) -> None:
    """An invariant that can't break proves nothing."""
    assert sentence in broken_names(DOCTORED[sentence](true))


def test_no_sentence_is_without_its_doctored_log() -> None:
    """A new invariant needs a doctored log; the one about order needs another decider, below."""
    named = {sentence.__name__.replace("_", " ") for sentence in ALL_SENTENCES}
    assert named == {*DOCTORED, "no inversion"}


def test_an_agent_left_free_beside_a_place_is_an_inversion(true: CompanyHistory) -> None:
    """The order is judged from the states that the log makes: a decider that offers nothing leaves it so."""
    idle = msgspec.structs.replace(QUEUE, settle=None)
    assert list(no_offer_inverts_the_order(true, idle)) != []


def test_a_letter_that_was_accepted_and_never_came_is_found(true: CompanyHistory) -> None:
    """The verdict reads the mail server's folder and does not rely on its answer."""
    gone = replace(true, mailbox=true.mailbox[1:])
    assert "every recipient gets one letter" in broken_names(gone)
    assert [len(effect.lost) for effect in verdict(leavings(gone)).effects if "letters" in effect.name] == [1]


def test_a_letters_second_copy_is_allowed_only_when_it_was_announced(true: CompanyHistory) -> None:
    """V4: the server's answer was lost, the log says so, and it is counted apart."""
    copied = replace(true, mailbox=(*true.mailbox, true.mailbox[0]))
    letter_id = true.mailbox[0].letter_id
    announced = replace(
        copied,
        facts=tuple(
            msgspec.structs.replace(each, fact=msgspec.structs.replace(each.fact, is_repeat_possible=True))
            if isinstance(each.fact, voicemail.LetterAccepted) and each.fact.letter_id == letter_id
            else each
            for each in copied.facts
        ),
    )
    assert verdict(leavings(copied)).doubled == 1
    judged = verdict(leavings(announced))
    assert (judged.doubled, judged.wrongs) == (0, ())
    assert sum(effect.repeats_allowed for effect in judged.effects) == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_who_hung_up_before_the_call_was_handed_over_has_no_place_to_lose(
    true: CompanyHistory, is_gone: bool
) -> None:
    """Routing was away while the customer called and left; only a customer who still waits gets a place."""
    leg_id = next(each.fact.leg_id for each in true.facts if isinstance(each.fact, queue.PlaceTaken))
    reached = next(
        each.offset
        for each in true.facts
        if isinstance(each.fact, routing.DepartmentReached) and each.fact.leg_id == leg_id
    )
    doctored = tuple(
        msgspec.structs.replace(each, offset=reached - 1)
        if is_gone and isinstance(each.fact, gateway.LegEnded) and each.fact.leg_id == leg_id
        else each
        for each in without(true, queue.PlaceTaken).facts
    )
    effects = {effect.name: effect for effect in verdict(leavings(replace(true, facts=doctored))).effects}
    assert effects["callers who got a place"].lost == ([] if is_gone else [leg_id])


LOST: dict[str, Callable[[CompanyHistory], CompanyHistory]] = {
    "calls that routing took": lambda true: without(true, routing.CallTaken),
    "callers who got a place": lambda true: without(true, queue.PlaceTaken),
    "places that ended": lambda true: without(true, queue.PlaceAbandoned),
    "callbacks that ended": lambda true: without(true, callback.CallbackConnected),
    "phones dialled": lambda true: without(true, gateway.LegRequested),
    "legs that ended": lambda true: without(true, gateway.LegEnded),
    "recordings kept or explained": lambda true: without(true, voicemail.MessageStored),
    "letters delivered": lambda true: replace(true, mailbox=true.mailbox[1:]),
}
DOUBLED: dict[str, Callable[[CompanyHistory], CompanyHistory]] = {
    "calls that routing took": lambda true: twice(true, routing.CallTaken),
    "callers who got a place": lambda true: twice(true, queue.PlaceTaken),
    "places that ended": lambda true: twice(true, queue.PlaceAbandoned),
    "callbacks that ended": lambda true: twice(true, callback.CallbackConnected),
    "phones dialled": _dialled_once_more,
    "legs that ended": lambda true: twice(true, gateway.LegEnded),
    "letters delivered": lambda true: replace(true, mailbox=(*true.mailbox, true.mailbox[0])),
}


def counted(name: str, company: CompanyHistory) -> Effect:
    """One effect of a company."""
    effect = Effect(name)
    dict(EFFECTS)[name](company, effect)
    return effect


@pytest.mark.parametrize("name", [name for name, _ in EFFECTS])
def test_every_lost_effect_is_counted(true: CompanyHistory, name: str) -> None:
    """The 0 in the report would be worth nothing otherwise."""
    assert counted(name, true).lost == []
    assert len(counted(name, LOST[name](true)).lost) == 1


@pytest.mark.parametrize("name", DOUBLED)
def test_every_doubled_effect_is_counted(true: CompanyHistory, name: str) -> None:
    """A recording that is stored twice is the same object (V3): all others count."""
    assert counted(name, true).doubled == []
    assert len(counted(name, DOUBLED[name](true)).doubled) == 1


def test_dead_letters_and_letters_nobody_asked_for_are_wrong(true: CompanyHistory) -> None:
    """Both would mean that a service invents something."""
    names = [name for name, _ in verdict(leavings(true, dead_letters=1, unknown=("ab",))).wrongs]
    assert names == ["no record is unreadable", "every letter was asked for"]


def test_a_plan_has_more_than_sixty_kills_on_both_brokers_together() -> None:
    """Sixty kills or more; broker kills are for Kafka only, since the embedded broker forgets."""
    planned = [each.kind for broker in ("embedded", "apache") for each in plan(1, broker, 120.0)]
    assert sum(kind in (Kind.KILL, Kind.KILL_AT) for kind in planned) >= 60
    assert Kind.BROKER_KILL not in kinds("embedded")
    assert set(kinds("apache")) | set(kinds("embedded")) | set(kinds("asterisk")) == set(Kind)
    assert COMMON.keys() <= kinds("apache").keys()


def test_a_seed_says_who_calls_and_what_breaks() -> None:
    """So a failing morning can be played again, as far as real processes are repeatable."""
    assert plan(7, "apache", 120.0) == plan(7, "apache", 120.0)
    assert plan(7, "apache", 120.0) != plan(8, "apache", 120.0)
    assert workload(7, 60.0) == workload(7, 60.0)
    assert workload(7, 60.0).script != workload(8, 60.0).script


def test_a_morning_on_asterisks_has_every_fault_and_spares_the_long_conversation() -> None:
    """Each of Asterisk's faults comes at least once, however short the morning is."""
    for storm_s in (60.0, 300.0):
        planned = plan(3, "asterisk", storm_s)
        assert {each.kind for each in planned} == set(ON_ASTERISK)
        assert all(each.target != SPARED for each in planned if each.kind in DEADLY)
        assert [each.target for each in planned if each.kind is Kind.LONG_CALL] == [SPARED]
        assert {each.target for each in planned if each.kind in AIMED_AT_PBX} <= set(NAMES)


def test_asterisk_and_gateway_are_killed_in_each_situation() -> None:
    """Somebody waits, is rung, talks, leaves a message."""
    planned = plan(3, "asterisk", 300.0)
    situations = {type_name(fact) for fact in SITUATIONS.values()}
    for kind in (Kind.PBX_KILL, Kind.KILL_AT):
        assert {each.point for each in planned if each.kind is kind} == situations


def test_on_real_phones_nobody_waits_silently_and_each_company_has_a_phone_more() -> None:
    """Whoever is bridged with somebody must have something to hear."""
    found = asterisk_workload(7, 60.0)
    read(found.script)
    silent = [step for step in steps_of(found.script) if step.get("wait_s", 0) > QUIET_S_MAX]
    assert silent == []
    lone = [max(address for address in each.addresses if address[:3] == "sip") for each in found.companies]
    assert lone == ["sip:298", "sip:398", "sip:498"]
    for company in found.companies:
        lines = {line for fact in company.book if isinstance(fact, DepartmentSaved) for line in fact.lines}
        saved = next(fact for fact in company.book if isinstance(fact, PbxSaved))
        assert lines == set(saved.numbers)


def steps_of(found: Any) -> list[dict[str, Any]]:
    """Every step of a script."""
    if isinstance(found, dict):
        own = [each for each in found.get("then", []) if isinstance(each, dict)]
        return own + [step for value in found.values() for step in steps_of(value)]
    if isinstance(found, list):
        return [step for each in found for step in steps_of(each)]
    return []


def test_the_crowd_calls_from_two_hundred_numbers() -> None:
    """Each of them is to have a place, so each is another caller."""
    calls = crowd(1, 0)
    assert len({each.caller for each in calls}) == CROWD == 200
    assert {each.line for each in calls} == {line_of(1, 0)}
