"""Callback in a world that does what it likes, step by step: what must hold in every order of things."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts import callback, dialling, directory, gateway, telephony
from contracts.dialling import DiallingPolicy
from contracts.gateway import EndedBy, Outcome
from contracts.ids import CallbackId, LegId, OrganizationId
from contracts.queue import CallbackTakenOver
from tests.unit.callback.stories import PBX, SALES
from tests.unit.callback.world import Leg, World

NUMBERS = [f"+7912000000{n}" for n in range(8)]
AGENTS = ["anna", "boris", "clara"]
pick = st.integers(0, 50)


class Callbacks(RuleBasedStateMachine):
    """Rules are what people and machines do; invariants are what callback promises."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
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
        self.world.calls_and_orders(caller, waited_ms)
        if hangs_up:
            self.world.ends(f"c{self.world.calls}")
            self.the_machines_catch_up()

    @precondition(lambda self: self.world.live())
    @rule(n=pick)
    def somebody_hangs_up(self, n: int) -> None:
        live = self.world.live()
        self.world.ends(live[n % len(live)])

    @precondition(lambda self: self.world.live())
    @rule(n=pick, key=st.sampled_from(["1", "1", "1", "0", "2"]))
    def somebody_presses_a_key(self, n: int, key: str) -> None:
        live = self.world.live()
        self.world.tell(gateway.DigitsEntered(pbx_id=PBX, leg_id=LegId(live[n % len(live)]), digits=key))

    @precondition(lambda self: self.world.live())
    @rule(n=pick, digits=st.sampled_from(["112", "", "1", "1", *NUMBERS]))
    def somebody_types(self, n: int, digits: str) -> None:
        live = self.world.live()
        leg_id = LegId(live[n % len(live)])
        self.world.tell(gateway.DigitsEntered(pbx_id=PBX, leg_id=leg_id, digits=digits, is_complete=True))

    @precondition(lambda self: self.world.ringing())
    @rule(n=pick, catches_up=st.booleans())
    def a_customer_answers(self, n: int, catches_up: bool) -> None:
        ringing = self.world.ringing()
        self.world.answers(ringing[n % len(ringing)])
        if catches_up:
            self.the_machines_catch_up()

    @precondition(lambda self: self.world.ringing())
    @rule(n=pick, outcome=st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER, Outcome.BAD_NUMBER]))
    def a_customer_is_not_reached(self, n: int, outcome: Outcome) -> None:
        ringing = self.world.ringing()
        self.world.ends(ringing[n % len(ringing)], outcome, EndedBy.NETWORK)

    # ---- gateway, queue, voicemail, in their own time

    @precondition(lambda self: self.world.commands)
    @rule(count=st.integers(1, 6))
    def the_gateway_works(self, count: int) -> None:
        for _ in range(min(count, len(self.world.commands))):
            self.world.gateway_works()

    @precondition(lambda self: self.world.plays)
    @rule(count=st.integers(1, 3))
    def plays_end(self, count: int) -> None:
        for _ in range(min(count, len(self.world.plays))):
            self.world.a_play_ends()

    @precondition(lambda self: self.world.inbox)
    @rule(count=st.integers(1, 12))
    def the_queue_works(self, count: int) -> None:
        for _ in range(min(count, len(self.world.inbox))):
            self.world.queue_works()

    @rule()
    def the_machines_catch_up(self) -> None:
        for _ in range(60):
            if self.world.commands:
                self.world.gateway_works()
            elif self.world.inbox:
                self.world.queue_works()

    @precondition(lambda self: self.world.plays)
    @rule()
    def what_was_said_is_heard_and_acted_on(self) -> None:
        while self.world.plays:
            self.world.a_play_ends()
        self.the_machines_catch_up()

    def offerable(self) -> list[str]:
        """Places that an agent may be offered now."""
        return [
            place_id
            for place_id, place in self.world.places.items()
            if place.phase == "waiting" and place.held_until_at <= self.world.office.at
        ]

    def free(self) -> list[str]:
        """Agents who are free."""
        return [agent for agent in AGENTS if agent not in self.world.busy]

    @precondition(lambda self: self.offerable() and self.free())
    @rule(n=pick, catches_up=st.booleans())
    def an_agent_answers(self, n: int, catches_up: bool) -> None:
        offerable, free = self.offerable(), self.free()
        self.world.an_agent_answers(offerable[n % len(offerable)], free[n % len(free)])
        if catches_up:
            self.what_was_said_is_heard_and_acted_on()
            self.what_was_said_is_heard_and_acted_on()

    @precondition(lambda self: self.offerable() and self.free() and not self.world.is_away)
    @rule(n=pick, outcome=st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER]))
    def an_agent_tries_in_vain(self, n: int, outcome: Outcome) -> None:
        self.an_agent_answers(n, catches_up=True)
        for leg_id in self.world.ringing():
            self.world.ends(leg_id, outcome, EndedBy.NETWORK)
        self.the_machines_catch_up()
        self.what_was_said_is_heard_and_acted_on()
        self.world.passes(60_000)

    @precondition(lambda self: not self.was_bad)
    @rule()
    def a_bad_hour(self) -> None:
        self.was_bad = True
        for number in NUMBERS:
            self.somebody_orders(number, waited_ms=599_000, hangs_up=True)
        self.world.passes(1_000)
        self.deadlines_pass()

    @precondition(lambda self: any(p.phase == "accepted" and p.leg_id for p in self.world.places.values()))
    @rule()
    def the_queue_bridges(self) -> None:
        for place_id, place in list(self.world.places.items()):
            if place.phase == "accepted" and place.leg_id is not None:
                self.world.queue_bridges(place_id)
                return

    @rule()
    def deadlines_pass(self) -> None:
        for place_id, place in list(self.world.places.items()):
            is_due = place.phase == "waiting" and place.deadline_at <= self.world.office.at
            if is_due and place.callback_id is not None:
                self.world.deadline(place_id)
        self.the_machines_catch_up()

    @precondition(lambda self: self.world.recording)
    @rule(has_message=st.booleans())
    def voicemail_is_done(self, has_message: bool) -> None:
        self.world.voicemail_says(has_message=has_message)

    @rule(number=st.sampled_from(NUMBERS), again=st.booleans())
    def somebody_asks_on_the_web(self, number: str, again: bool) -> None:
        self.asked += 0 if again else 1
        self.world.tell(
            directory.CallbackAsked(
                callback_id=CallbackId(f"web{self.asked}"), department_id=SALES, number=number
            )
        )

    @precondition(lambda self: len(self.world.office.state.callbacks) > 0)
    @rule(n=pick)
    def somebody_withdraws_a_callback(self, n: int) -> None:
        known = list(self.world.office.state.callbacks)
        callback_id = known[n % len(known)].callback_id
        self.world.tell(directory.CallbackCancelAsked(callback_id=callback_id))

    @precondition(lambda self: self.offerable())
    @rule(n=pick)
    def a_customer_calls_and_takes_the_place(self, n: int) -> None:
        offerable = self.offerable()
        place = self.world.places[offerable[n % len(offerable)]]
        if place.leg_id is not None or place.callback_id is None:
            return
        self.world.calls += 1
        leg_id = f"t{self.world.calls}"
        self.world.legs[leg_id] = Leg("caller", is_up=True)
        place.leg_id = leg_id
        self.world.tell(
            CallbackTakenOver(
                place_id=f"p.{place.name}",  # type: ignore[arg-type]
                new_place_id=f"p.{leg_id}",  # type: ignore[arg-type]
                callback_id=place.callback_id,
                leg_id=LegId(leg_id),
            )
        )

    # ---- the rest of the world

    @rule(ms=st.sampled_from([500, 500, 2_000, 2_000, 5_000, 30_000, 61_000, 540_000]))
    def time_passes(self, ms: int) -> None:
        self.world.passes(ms)

    @rule()
    def the_process_is_replaced(self) -> None:
        self.world.reload()

    @precondition(lambda self: not self.world.is_away)
    @rule()
    def the_pbx_is_lost(self) -> None:
        self.world.is_away = True
        self.world.tell(gateway.PbxLost(pbx_id=PBX))

    @precondition(lambda self: self.world.is_away)
    @rule()
    def the_pbx_returns(self) -> None:
        self.world.is_away = False
        for leg_id in (*self.world.live(), *self.world.ringing())[::2]:
            self.world.ends(leg_id, Outcome.FAILED, EndedBy.NETWORK)
        live = tuple(LegId(each) for each in (*self.world.live(), *self.world.ringing()))
        self.world.tell(gateway.PbxReturned(pbx_id=PBX, live_legs=live))

    @rule(denied=st.sets(st.sampled_from(NUMBERS[:3])))
    def the_policy_changes(self, denied: set[str]) -> None:
        self.version += 1
        self.policy = DiallingPolicy(denied_numbers=tuple(sorted(denied)))
        self.world.tell(
            directory.OrganizationSaved(
                organization_id=OrganizationId("org"),
                version=self.version,
                name="Org",
                language=directory.Language.RUSSIAN,
                timezone="Europe/Moscow",
                dialling_policy=self.policy,
                administrators=(),
            )
        )

    @rule(n=pick)
    def something_is_heard_twice(self, n: int) -> None:
        echoes = (gateway.LegEnded, gateway.PlayFinished, gateway.Bridged)
        heard = [fact for fact in self.world.log if isinstance(fact, echoes)]
        if heard:
            self.world.echoes(heard[n % len(heard)])

    # ---- what must hold

    @invariant()
    def every_callback_ends_at_most_once(self) -> None:
        ends = Counter(each.callback_id for each in self.world.office.said(callback.CallbackEnd))
        assert all(count == 1 for count in ends.values())
        assert not set(ends) & {each.callback_id for each in self.world.office.state.callbacks}

    @invariant()
    def every_customers_leg_has_one_agent_and_no_agent_two(self) -> None:
        dialled = self.world.office.said(callback.CustomerDialled)
        assert len({each.leg_id for each in dialled}) == len(dialled)
        agents = [
            each.agent_leg_id
            for each in self.world.office.state.callbacks
            if each.phase in ("whispering", "dialling", "bridging")
        ]
        assert len(set(agents)) == len(agents)
        legs = Counter(each.agent_leg_id for each in dialled)
        assert all(count == 1 for count in legs.values()), "an agent's leg serves one dial"

    @invariant()
    def nobody_is_dialled_for_an_agent_who_is_known_to_be_gone(self) -> None:
        for said in self.world.office.facts[self.checked :]:
            if isinstance(said, callback.CustomerDialled):
                log = self.world.log[: self.world.log.index(said)]
                started_at = max(
                    n
                    for n, each in enumerate(log)
                    if isinstance(each, callback.AttemptStarted) and each.agent_leg_id == said.agent_leg_id
                )
                ended = {each.leg_id for each in log[started_at:] if isinstance(each, gateway.LegEnded)}
                assert said.agent_leg_id not in ended
        self.checked = len(self.world.office.facts)

    @invariant()
    def an_apology_only_if_no_attempt_ever_dialled(self) -> None:
        rung: set[str] = set()
        for fact in self.world.log:
            if isinstance(fact, gateway.LegRequested) and ".dial" in fact.leg_id:
                rung.add(fact.leg_id.partition(".dial")[0])
            if isinstance(fact, callback.ApologyDialled):
                assert fact.callback_id not in rung

    @invariant()
    def never_more_dials_than_attempts_and_two_apologies(self) -> None:
        made = [each.leg_id for each in self.world.log if isinstance(each, gateway.LegRequested)]
        attempts = Counter(each.partition(".dial")[0] for each in made if ".dial" in each)
        apologies = Counter(each.partition(".apology")[0] for each in made if ".apology" in each)
        assert all(count <= 2 for count in attempts.values())
        assert all(count <= 2 for count in apologies.values())

    @invariant()
    def nothing_is_dialled_outside_the_policy(self) -> None:
        new = self.world.office.commands[self.commands_checked :]
        for command in new:
            if isinstance(command, telephony.DialLeg):
                number = command.address.removeprefix("tel:")
                assert dialling.refusal(number, self.policy) is None
        self.commands_checked = len(self.world.office.commands)

    @invariant()
    def five_apologies_at_once(self) -> None:
        at = self.world.office.at
        waiting = [each for each in self.world.commands if isinstance(each, telephony.DialLeg)]
        lines = sum(".apology" in each.leg_id and (each.not_after or at) >= at for each in waiting)
        lines += sum(leg.kind == "apology" and not leg.is_over for leg in self.world.legs.values())
        assert lines <= 5

    # ---- and in the end

    def settle(self) -> None:
        """Let the machines do what is asked, and the people give up."""
        world = self.world
        while world.commands or world.inbox or world.plays:
            if world.commands:
                world.gateway_works()
            if world.inbox:
                world.queue_works()
            if world.plays:
                world.a_play_ends()
        self.five_apologies_at_once()
        self.never_more_dials_than_attempts_and_two_apologies()
        for leg_id in world.ringing():
            world.ends(leg_id, Outcome.NO_ANSWER, EndedBy.NETWORK)
        for leg_id in world.live():
            if world.legs[leg_id].kind != "agent":
                world.ends(leg_id)
        while world.recording:
            world.voicemail_says(has_message=True)
        self.deadlines_pass()

    def is_open(self) -> bool:
        """Whether anything may still happen."""
        state = self.world.office.state
        left = (state.callbacks, state.orders, state.farewells, state.lines)
        return any(len(table) for table in left) or bool(self.world.commands or self.world.inbox)

    def teardown(self) -> None:
        """In the end every callback has ended once, and nothing is left to wait for."""
        if self.world.is_away:
            self.the_pbx_returns()
        self.settle()
        for _ in range(400):
            if not self.is_open():
                break
            self.world.passes(30_000)
            self.settle()
        state = self.world.office.state
        assert [each.callback_id for each in state.callbacks] == []
        assert len(state.orders) == len(state.farewells) == len(state.lines) == len(state.timers) == 0
        ordered = {each.callback_id for each in self.world.office.said(callback.CallbackOrdered)}
        assert ordered == {each.callback_id for each in self.world.office.said(callback.CallbackEnd)}
        self.every_callback_ends_at_most_once()
        self.an_apology_only_if_no_attempt_ever_dialled()


Callbacks.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestCallbacks = pytest.mark.rule("C2", "C3", "C4", "C6", "C7", "C8", "C9", "C10", "C13")(Callbacks.TestCase)
