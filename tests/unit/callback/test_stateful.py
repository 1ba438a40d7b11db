"""Callback among fakes, step by step: what must hold in whatever order things happen."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts import callback, dialling, directory, gateway, telephony
from contracts.dialling import DiallingPolicy
from contracts.gateway import EndedBy, Outcome
from contracts.ids import CallbackId, LegId
from contracts.queue import CallbackTakenOver
from tests import offices
from tests.unit.callback.fakes import Fakes, Leg
from tests.unit.callback.stories import PBX, SALES

NUMBERS = [f"+7912000000{n}" for n in range(8)]
AGENTS = ["anna", "boris", "clara"]
pick = st.integers(0, 50)


class Callbacks(RuleBasedStateMachine):
    """Rules are what people and machines do; invariants are the promises of callback."""

    def __init__(self) -> None:
        super().__init__()
        self.fakes = Fakes()
        self.policy = DiallingPolicy()
        self.version = 1
        self.checked = 0
        self.commands_checked = 0
        self.was_bad = False
        self.asked = 0

    # ---- customers and their phones

    @rule(
        caller=st.sampled_from([*NUMBERS, *NUMBERS, None]),
        waited_ms=st.sampled_from([30_000, 570_000, 599_000]),
        hangs_up=st.booleans(),
    )
    def somebody_orders(self, caller: str | None, waited_ms: int, hangs_up: bool) -> None:
        self.fakes.calls_and_orders(caller, waited_ms)
        if hangs_up:
            self.fakes.ends(f"c{self.fakes.calls}")
            self.the_machines_catch_up()

    @precondition(lambda self: self.fakes.live())
    @rule(n=pick)
    def somebody_hangs_up(self, n: int) -> None:
        live = self.fakes.live()
        self.fakes.ends(live[n % len(live)])

    @precondition(lambda self: self.fakes.live())
    @rule(n=pick, key=st.sampled_from(["1", "1", "1", "0", "2"]))
    def somebody_presses_a_key(self, n: int, key: str) -> None:
        live = self.fakes.live()
        self.fakes.tell(gateway.DigitsEntered(pbx_id=PBX, leg_id=LegId(live[n % len(live)]), digits=key))

    @precondition(lambda self: self.fakes.live())
    @rule(n=pick, digits=st.sampled_from(["112", "", "1", "1", *NUMBERS]))
    def somebody_types(self, n: int, digits: str) -> None:
        live = self.fakes.live()
        leg_id = LegId(live[n % len(live)])
        self.fakes.tell(gateway.DigitsEntered(pbx_id=PBX, leg_id=leg_id, digits=digits, is_complete=True))

    @precondition(lambda self: self.fakes.ringing())
    @rule(n=pick, catches_up=st.booleans())
    def a_customer_answers(self, n: int, catches_up: bool) -> None:
        ringing = self.fakes.ringing()
        self.fakes.answers(ringing[n % len(ringing)])
        if catches_up:
            self.the_machines_catch_up()

    @precondition(lambda self: self.fakes.ringing())
    @rule(n=pick, outcome=st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER, Outcome.BAD_NUMBER]))
    def a_customer_is_not_reached(self, n: int, outcome: Outcome) -> None:
        ringing = self.fakes.ringing()
        self.fakes.ends(ringing[n % len(ringing)], outcome, EndedBy.NETWORK)

    # ---- gateway, queue, voicemail, in their own time

    @precondition(lambda self: self.fakes.commands)
    @rule(count=st.integers(1, 6))
    def the_gateway_works(self, count: int) -> None:
        for _ in range(min(count, len(self.fakes.commands))):
            self.fakes.gateway_works()

    @precondition(lambda self: self.fakes.plays)
    @rule(count=st.integers(1, 3))
    def plays_end(self, count: int) -> None:
        for _ in range(min(count, len(self.fakes.plays))):
            self.fakes.a_play_ends()

    @precondition(lambda self: self.fakes.inbox)
    @rule(count=st.integers(1, 12))
    def the_queue_works(self, count: int) -> None:
        for _ in range(min(count, len(self.fakes.inbox))):
            self.fakes.queue_works()

    @rule()
    def the_machines_catch_up(self) -> None:
        for _ in range(60):
            if self.fakes.commands:
                self.fakes.gateway_works()
            elif self.fakes.inbox:
                self.fakes.queue_works()

    @precondition(lambda self: self.fakes.plays)
    @rule()
    def what_was_said_is_heard_and_acted_on(self) -> None:
        while self.fakes.plays:
            self.fakes.a_play_ends()
        self.the_machines_catch_up()

    def offerable(self) -> list[str]:
        """Places that an agent may be offered now."""
        return [
            place_id
            for place_id, place in self.fakes.places.items()
            if place.phase == "waiting" and place.held_until_at <= self.fakes.office.at
        ]

    def free(self) -> list[str]:
        """Agents who are free."""
        return [agent for agent in AGENTS if agent not in self.fakes.busy]

    @precondition(lambda self: self.offerable() and self.free())
    @rule(n=pick, catches_up=st.booleans())
    def an_agent_answers(self, n: int, catches_up: bool) -> None:
        offerable, free = self.offerable(), self.free()
        self.fakes.an_agent_answers(offerable[n % len(offerable)], free[n % len(free)])
        if catches_up:
            self.what_was_said_is_heard_and_acted_on()
            self.what_was_said_is_heard_and_acted_on()

    @precondition(lambda self: self.offerable() and self.free() and not self.fakes.is_away)
    @rule(n=pick, outcome=st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER]))
    def an_agent_tries_in_vain(self, n: int, outcome: Outcome) -> None:
        self.an_agent_answers(n, catches_up=True)
        for leg_id in self.fakes.ringing():
            self.fakes.ends(leg_id, outcome, EndedBy.NETWORK)
        self.the_machines_catch_up()
        self.what_was_said_is_heard_and_acted_on()
        self.fakes.passes(60_000)

    @precondition(lambda self: not self.was_bad)
    @rule()
    def a_bad_hour(self) -> None:
        self.was_bad = True
        for number in NUMBERS:
            self.somebody_orders(number, waited_ms=599_000, hangs_up=True)
        self.fakes.passes(1_000)
        self.deadlines_pass()

    @precondition(lambda self: any(p.phase == "accepted" and p.leg_id for p in self.fakes.places.values()))
    @rule()
    def the_queue_bridges(self) -> None:
        for place_id, place in list(self.fakes.places.items()):
            if place.phase == "accepted" and place.leg_id is not None:
                self.fakes.queue_bridges(place_id)
                return

    @rule()
    def deadlines_pass(self) -> None:
        for place_id, place in list(self.fakes.places.items()):
            is_due = place.phase == "waiting" and place.deadline_at <= self.fakes.office.at
            if is_due and place.callback_id is not None:
                self.fakes.deadline(place_id)
        self.the_machines_catch_up()

    @precondition(lambda self: self.fakes.recording)
    @rule(has_message=st.booleans())
    def voicemail_is_done(self, has_message: bool) -> None:
        self.fakes.voicemail_says(has_message=has_message)

    @rule(number=st.sampled_from(NUMBERS), again=st.booleans())
    def somebody_asks_on_the_web(self, number: str, again: bool) -> None:
        self.asked += 0 if again else 1
        self.fakes.tell(
            directory.CallbackAsked(
                callback_id=CallbackId(f"web{self.asked}"), department_id=SALES, number=number
            )
        )

    @precondition(lambda self: len(self.fakes.office.state.callbacks) > 0)
    @rule(n=pick)
    def somebody_withdraws_a_callback(self, n: int) -> None:
        known = list(self.fakes.office.state.callbacks)
        callback_id = known[n % len(known)].callback_id
        self.fakes.tell(directory.CallbackCancelAsked(callback_id=callback_id))

    @precondition(lambda self: self.offerable())
    @rule(n=pick)
    def a_customer_calls_and_takes_the_place(self, n: int) -> None:
        offerable = self.offerable()
        place = self.fakes.places[offerable[n % len(offerable)]]
        if place.leg_id is not None or place.callback_id is None:
            return
        self.fakes.calls += 1
        leg_id = f"t{self.fakes.calls}"
        self.fakes.legs[leg_id] = Leg("caller", is_up=True)
        place.leg_id = leg_id
        self.fakes.tell(
            CallbackTakenOver(
                place_id=f"p.{place.name}",  # type: ignore[arg-type]
                new_place_id=f"p.{leg_id}",  # type: ignore[arg-type]
                callback_id=place.callback_id,
                leg_id=LegId(leg_id),
            )
        )

    # ---- time, process, PBX, policy

    @rule(ms=st.sampled_from([500, 500, 2_000, 2_000, 5_000, 30_000, 61_000, 540_000]))
    def time_passes(self, ms: int) -> None:
        self.fakes.passes(ms)

    @rule()
    def the_process_is_replaced(self) -> None:
        self.fakes.reload()

    @precondition(lambda self: not self.fakes.is_away)
    @rule()
    def the_pbx_is_lost(self) -> None:
        self.fakes.is_away = True
        self.fakes.tell(gateway.PbxLost(pbx_id=PBX))

    @precondition(lambda self: self.fakes.is_away)
    @rule()
    def the_pbx_returns(self) -> None:
        self.fakes.is_away = False
        for leg_id in (*self.fakes.live(), *self.fakes.ringing())[::2]:
            self.fakes.ends(leg_id, Outcome.FAILED, EndedBy.NETWORK)
        live = tuple(LegId(each) for each in (*self.fakes.live(), *self.fakes.ringing()))
        self.fakes.tell(gateway.PbxReturned(pbx_id=PBX, live_legs=live))

    @rule(denied=st.sets(st.sampled_from(NUMBERS[:3])))
    def the_policy_changes(self, denied: set[str]) -> None:
        self.version += 1
        self.policy = DiallingPolicy(denied_numbers=tuple(sorted(denied)))
        self.fakes.tell(offices.organization(version=self.version, dialling_policy=self.policy))

    @rule(n=pick)
    def something_is_heard_twice(self, n: int) -> None:
        echoes = (gateway.LegEnded, gateway.PlayFinished, gateway.Bridged)
        heard = [fact for fact in self.fakes.log if isinstance(fact, echoes)]
        if heard:
            self.fakes.echoes(heard[n % len(heard)])

    # ---- what must hold

    @invariant()
    def every_callback_ends_at_most_once(self) -> None:
        ends = Counter(each.callback_id for each in self.fakes.office.said(callback.CallbackEnd))
        assert all(count == 1 for count in ends.values())
        assert not set(ends) & {each.callback_id for each in self.fakes.office.state.callbacks}

    @invariant()
    def every_customers_leg_has_one_agent_and_no_agent_two(self) -> None:
        dialled = self.fakes.office.said(callback.CustomerDialled)
        assert len({each.leg_id for each in dialled}) == len(dialled)
        agents = [
            each.agent_leg_id
            for each in self.fakes.office.state.callbacks
            if each.phase in ("whispering", "dialling", "bridging")
        ]
        assert len(set(agents)) == len(agents)
        legs = Counter(each.agent_leg_id for each in dialled)
        assert all(count == 1 for count in legs.values()), "an agent's leg serves one dial"

    @invariant()
    def nobody_is_dialled_for_an_agent_who_is_known_to_be_gone(self) -> None:
        for said in self.fakes.office.facts[self.checked :]:
            if isinstance(said, callback.CustomerDialled):
                log = self.fakes.log[: self.fakes.log.index(said)]
                started_at = max(
                    n
                    for n, each in enumerate(log)
                    if isinstance(each, callback.AttemptStarted) and each.agent_leg_id == said.agent_leg_id
                )
                ended = {each.leg_id for each in log[started_at:] if isinstance(each, gateway.LegEnded)}
                assert said.agent_leg_id not in ended
        self.checked = len(self.fakes.office.facts)

    @invariant()
    def an_apology_only_if_no_attempt_ever_dialled(self) -> None:
        """What gave way to the customer's own call was no attempt (C8)."""
        rung: Counter[str] = Counter()
        for fact in self.fakes.log:
            if isinstance(fact, gateway.LegRequested) and ".dial" in fact.leg_id:
                rung[fact.leg_id.partition(".dial")[0]] += 1
            if isinstance(fact, callback.AttemptFailed) and fact.is_uncounted:
                rung[fact.callback_id] -= 1
            if isinstance(fact, callback.ApologyDialled):
                assert rung[fact.callback_id] <= 0

    @invariant()
    def never_more_dials_than_attempts_and_two_apologies(self) -> None:
        made = [each.leg_id for each in self.fakes.log if isinstance(each, gateway.LegRequested)]
        attempts = Counter(each.partition(".dial")[0] for each in made if ".dial" in each)
        apologies = Counter(each.partition(".apology")[0] for each in made if ".apology" in each)
        attempts.subtract(
            each.callback_id
            for each in self.fakes.log
            if isinstance(each, callback.AttemptFailed) and each.is_uncounted
        )
        apologies.subtract(
            each.callback_id
            for each in self.fakes.log
            if isinstance(each, callback.ApologyFailed) and each.is_uncounted
        )
        assert all(count <= 2 for count in attempts.values())
        assert all(count <= 2 for count in apologies.values())

    @invariant()
    def nothing_is_dialled_outside_the_policy(self) -> None:
        new = self.fakes.office.commands[self.commands_checked :]
        for command in new:
            if isinstance(command, telephony.DialLeg):
                number = command.address.removeprefix("tel:")
                assert dialling.refusal(number, self.policy) is None
        self.commands_checked = len(self.fakes.office.commands)

    @invariant()
    def five_apologies_at_once(self) -> None:
        at = self.fakes.office.at
        waiting = [each for each in self.fakes.commands if isinstance(each, telephony.DialLeg)]
        lines = sum(".apology" in each.leg_id and (each.not_after or at) >= at for each in waiting)
        lines += sum(leg.kind == "apology" and not leg.is_over for leg in self.fakes.legs.values())
        assert lines <= 5

    # ---- and in the end

    def settle(self) -> None:
        """Let the machines do what is asked, and the people give up."""
        fakes = self.fakes
        while fakes.commands or fakes.inbox or fakes.plays:
            if fakes.commands:
                fakes.gateway_works()
            if fakes.inbox:
                fakes.queue_works()
            if fakes.plays:
                fakes.a_play_ends()
        self.five_apologies_at_once()
        self.never_more_dials_than_attempts_and_two_apologies()
        for leg_id in fakes.ringing():
            fakes.ends(leg_id, Outcome.NO_ANSWER, EndedBy.NETWORK)
        for leg_id in fakes.live():
            if fakes.legs[leg_id].kind != "agent":
                fakes.ends(leg_id)
        while fakes.recording:
            fakes.voicemail_says(has_message=True)
        self.deadlines_pass()

    def is_open(self) -> bool:
        """Whether anything may still happen."""
        state = self.fakes.office.state
        left = (state.callbacks, state.orders, state.farewells, state.lines)
        return any(len(table) for table in left) or bool(self.fakes.commands or self.fakes.inbox)

    def teardown(self) -> None:
        """In the end every callback has ended once, and nothing is left to wait for."""
        if self.fakes.is_away:
            self.the_pbx_returns()
        self.settle()
        for _ in range(400):
            if not self.is_open():
                break
            self.fakes.passes(30_000)
            self.settle()
        state = self.fakes.office.state
        assert [each.callback_id for each in state.callbacks] == []
        assert len(state.orders) == len(state.farewells) == len(state.lines) == 0
        assert self.fakes.office.waiting_for() == []
        ordered = {each.callback_id for each in self.fakes.office.said(callback.CallbackOrdered)}
        assert ordered == {each.callback_id for each in self.fakes.office.said(callback.CallbackEnd)}
        self.every_callback_ends_at_most_once()
        self.an_apology_only_if_no_attempt_ever_dialled()


Callbacks.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestCallbacks = pytest.mark.rule("C2", "C3", "C4", "C6", "C7", "C8", "C9", "C10", "C13")(Callbacks.TestCase)
