"""Workloads in which a rare coincidence is likely (for `run_mutants.py`)."""

import random
from collections.abc import Callable
from typing import Any, Final

import msgspec

from contracts.directory import AgentSaved, DepartmentSaved, Membership, Strategy, StrategyKind
from contracts.message import Fact
from services.gateway.simulated.script import Behaviour, Condition, OwnCall, Phone, Script, Step, Until
from tests.sim import direct, late_deciders
from tests.sim.returning_customers import AFTER_S_MAX, BeErased, CallIn, Moment, Plan
from tests.sim.workload import ZERO_S, Workload

Bend = Callable[[Workload], Workload]
LOWERED_VERSION: Final = 9
"""Newer than the cards of the morning's book."""


def of_shared_rings(usual: Workload) -> Workload:
    """All departments ring one agent more every four seconds, and agents decline after five to seven (Q1)."""
    seats = max((each.agents for each in usual.departments), key=len)

    def cumulative(department: DepartmentSaved) -> DepartmentSaved:
        strategy = Strategy(kind=StrategyKind.CUMULATIVE, ring_ms=15_000, step_ms=4_000)
        return msgspec.structs.replace(
            department, agents=seats, strategy=strategy, legs_max=None, auto_pause_misses=None
        )

    chance = random.Random(usual.script.seed)
    declining = [(Behaviour(decline_after_s=chance.uniform(5, 7)), Behaviour()) for _ in range(4)]
    return _bent(usual, cumulative, lambda number, phone: _first(phone, *declining[number % 4]))


def of_dropped_callbacks(usual: Workload) -> Workload:
    """One agent drops callbacks or takes long calls, and customers are busy: gaps end together (C6, C7)."""

    def lonely(department: DepartmentSaved) -> DepartmentSaved:
        callback = msgspec.structs.replace(department.callback, attempt_gap_ms=20_000)
        return msgspec.structs.replace(
            department, agents=usual.departments[0].agents[:1], callback=callback, no_answer_ms=150_000
        )

    drops = Behaviour(answer_after_s=1.0, then=(Step(wait_s=2.0), Step(hang_up=True)))
    stays = Behaviour(
        answer_after_s=1.0, then=(Step(until=Until.BRIDGED), Step(wait_s=5.0), Step(hang_up=True))
    )

    chance = random.Random(usual.script.seed)

    def in_time(behaviour: Behaviour) -> Behaviour:
        """Impatient agents wait for the tone of a dial; here a caller might wait for them for ever."""
        steps = (Step(wait_s=chance.uniform(8, 20)) if each.during else each for each in behaviour.then)
        return msgspec.structs.replace(behaviour, then=tuple(steps))

    # During the agent's own call gaps end, those of dropped callbacks and of others.
    def busy_agent(_: int, phone: Phone) -> Phone:
        patient = msgspec.structs.replace(phone, behaviours=tuple(map(in_time, phone.behaviours)))
        behaving = _first(patient, stays, drops, stays, stays, drops, stays)
        return msgspec.structs.replace(behaving, own_calls=(OwnCall(at_s=100, for_s=60),))

    bent = _bent(usual, lonely, busy_agent)
    orders = (Step(after="invitation"), Step(press="1"), Step(wait_s=1.0), Step(hang_up=True))
    pbxs = {
        pbx_id: msgspec.structs.replace(
            pbx, calls=tuple(msgspec.structs.replace(call, then=orders) for call in pbx.calls)
        )
        for pbx_id, pbx in bent.script.pbxs.items()
    }
    busy = Behaviour(condition=Condition.BUSY)
    public = {number: _first(phone, busy) for number, phone in bent.script.public.items()}
    return msgspec.structs.replace(
        bent, script=msgspec.structs.replace(bent.script, pbxs=pbxs, public=public)
    )


def of_talks_during_attempts(usual: Workload) -> Workload:
    """Customers call in during the whisper, and another agent talks to them for a little over 15 s (C14)."""
    chance = random.Random(usual.script.seed)
    everybody = tuple(
        Membership(agent_id=each.agent_id) for each in usual.book if isinstance(each, AgentSaved)
    )

    def of_all(department: DepartmentSaved) -> DepartmentSaved:
        strategy = Strategy(kind=StrategyKind.LONGEST_IDLE)
        return msgspec.structs.replace(
            department,
            agents=everybody,
            strategy=strategy,
            waiting_max=None,
            no_answer_ms=150_000,
            wrap_up_ms=0,
        )

    # Nobody is free before the orders are made; then everybody answers at once and stays.
    stays = Behaviour(
        answer_after_s=0.5, then=(Step(until=Until.BRIDGED), Step(wait_s=60.0), Step(hang_up=True))
    )
    agent = Phone(behaviours=(stays,), own_calls=(OwnCall(at_s=0.0, for_s=60.0),))
    bent = _bent(usual, of_all, lambda _, __: agent)
    orders = (Step(after="invitation"), Step(press="1"), Step(wait_s=1.0), Step(hang_up=True))
    pbxs = {
        pbx_id: msgspec.structs.replace(
            pbx,
            calls=tuple(
                msgspec.structs.replace(call, at_s=chance.uniform(0, 20), then=orders)
                for call in pbx.calls[:3]
            ),
        )
        for pbx_id, pbx in bent.script.pbxs.items()
    }
    silent = {number: Phone() for number in bent.script.public}
    script = msgspec.structs.replace(bent.script, pbxs=pbxs, public=silent)
    plans = tuple(
        Plan(
            moment=Moment.WHISPER,
            after_s=chance.uniform(0.1, 1.0),
            deed=CallIn(line=None, then=_talk(chance)),
        )
        for _ in range(3)
    )
    return msgspec.structs.replace(bent, script=script, plans=plans, changes=())


def of_late_deciders(usual: Workload) -> Workload:
    """Customers who have ordered call again, and a decider is behind when agents come free (C8, C15)."""
    chance = random.Random(usual.script.seed)

    def of_few_seconds(department: DepartmentSaved) -> DepartmentSaved:
        return msgspec.structs.replace(department, waiting_max=None, wrap_up_ms=0, no_answer_ms=75_000)

    def agent(_: int, phone: Phone) -> Phone:
        talks = (Step(until=Until.BRIDGED), Step(wait_s=chance.uniform(5, 20)), Step(hang_up=True))
        hears_nobody = (Step(wait_s=chance.uniform(1, 4)), Step(hang_up=True))
        behaviours = tuple(
            Behaviour(answer_after_s=chance.uniform(1, 6), then=chance.choice((talks, talks, hears_nobody)))
            for _ in range(3)
        )
        # Nobody is free before the customers have called again and heard the invitation.
        busy = (OwnCall(at_s=0.0, for_s=chance.uniform(25, 45)),)
        return msgspec.structs.replace(_first(phone, *behaviours), own_calls=busy)

    bent = _bent(usual, of_few_seconds, agent)
    orders = (Step(after="invitation"), Step(press="1"), Step(wait_s=1.0), Step(hang_up=True))
    pbxs = {
        pbx_id: msgspec.structs.replace(
            pbx,
            calls=tuple(
                msgspec.structs.replace(call, at_s=chance.uniform(0, 8), then=orders)
                for call in pbx.calls[:4]
            )
            + tuple(
                msgspec.structs.replace(call, at_s=chance.uniform(45, 80))
                for call in pbx.calls[4:]
                if call.line in direct.LINES
            ),
        )
        for pbx_id, pbx in bent.script.pbxs.items()
    }
    waits = ({"wait_s": 60.0}, {"hang_up": True})
    plans = [
        Plan(moment=Moment.WAITING, after_s=chance.uniform(1, 4), deed=CallIn(line=None, then=waits))
        for _ in range(2)
    ]
    plans += [late_deciders.order_again(chance), late_deciders.order_again(chance)]
    plans.append(late_deciders.direct_call(chance))
    plans += [each for _ in range(2) for each in late_deciders.crossing(chance)]
    script = msgspec.structs.replace(bent.script, pbxs=pbxs)
    return msgspec.structs.replace(bent, script=script, plans=tuple(plans))


def of_lowered_limits(usual: Workload) -> Workload:
    """More wait than a department's new limit allows when customers with callbacks call again (C8, Q13)."""
    chance = random.Random(usual.script.seed)

    def busy_agent(_: int, phone: Phone) -> Phone:
        return msgspec.structs.replace(phone, own_calls=(OwnCall(at_s=0.0, for_s=chance.uniform(80, 120)),))

    def open_to_all(department: DepartmentSaved) -> DepartmentSaved:
        return msgspec.structs.replace(department, waiting_max=None, no_answer_ms=150_000)

    bent = _bent(usual, open_to_all, busy_agent)
    orders = (Step(after="invitation"), Step(press="1"), Step(wait_s=1.0), Step(hang_up=True))
    waits = (Step(wait_s=chance.uniform(80, 120)), Step(hang_up=True))
    pbxs = {
        pbx_id: msgspec.structs.replace(
            pbx,
            calls=tuple(
                msgspec.structs.replace(
                    call,
                    at_s=chance.uniform(0, 8),
                    line=pbx.calls[0].line,
                    then=waits if number % 2 else orders,
                )
                for number, call in enumerate(pbx.calls[:8])
            ),
        )
        for pbx_id, pbx in bent.script.pbxs.items()
    }
    lowered = tuple(
        (ZERO_S + 30.0, msgspec.structs.replace(each, version=LOWERED_VERSION, waiting_max=1))
        for each in bent.departments
    )
    again = CallIn(line=None, then=({"wait_s": 40.0}, {"hang_up": True}))
    plans = tuple(Plan(moment=Moment.WAITING, after_s=chance.uniform(15, 30), deed=again) for _ in range(3))
    script = msgspec.structs.replace(bent.script, pbxs=pbxs)
    return msgspec.structs.replace(bent, script=script, changes=lowered, plans=plans)


def of_erasures(usual: Workload) -> Workload:
    """A customer is erased before queue has heard of the key, or callback hears late of the erasure (V6)."""
    chance = random.Random(usual.script.seed)

    # Nobody is free at first, so the first caller waits until the key, and a callback until the erasure.
    def busy_agent(_: int, phone: Phone) -> Phone:
        return msgspec.structs.replace(phone, own_calls=(OwnCall(at_s=0.0, for_s=chance.uniform(35, 60)),))

    moment, service = chance.choice(((Moment.JOINED, "queue"), (Moment.WAITING, "callback")))
    for_s, after_s = chance.choice(late_deciders.BEHIND_S), chance.uniform(0.1, 2.0)
    deed = BeErased(service=service, for_s=for_s, after_s=after_s)
    plan = Plan(moment=moment, after_s=chance.uniform(2, AFTER_S_MAX[moment]), deed=deed)
    return msgspec.structs.replace(_bent(usual, lambda each: each, busy_agent), plans=(plan,))


def _talk(chance: random.Random) -> tuple[dict[str, Any], ...]:
    return ({"until": "bridged"}, {"wait_s": chance.uniform(15.2, 19.0)}, {"hang_up": True})


def _first(phone: Phone, *behaviours: Behaviour) -> Phone:
    """A phone that behaves so before it does as usual."""
    return msgspec.structs.replace(phone, behaviours=(*behaviours, *phone.behaviours))


def _bent(
    usual: Workload,
    department: Callable[[DepartmentSaved], DepartmentSaved],
    phone: Callable[[int, Phone], Phone],
) -> Workload:
    """The workload with other departments and other phones of agents."""

    def fact(each: Fact) -> Fact:
        return department(each) if isinstance(each, DepartmentSaved) else each

    return msgspec.structs.replace(
        usual,
        book=tuple(fact(each) for each in usual.book),
        changes=tuple((at_s, fact(each)) for at_s, each in usual.changes),
        departments=tuple(department(each) for each in usual.departments),
        script=_with_phones(usual.script, phone),
    )


def _with_phones(script: Script, phone: Callable[[int, Phone], Phone]) -> Script:
    pbxs = {}
    for pbx_id, pbx in script.pbxs.items():
        phones = {address: phone(number, usual) for number, (address, usual) in enumerate(pbx.phones.items())}
        pbxs[pbx_id] = msgspec.structs.replace(pbx, phones=phones)
    return msgspec.structs.replace(script, pbxs=pbxs)
