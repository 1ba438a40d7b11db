"""The present, folded from facts: places in order, callbacks, agents and what keeps them, PBXs."""

import pytest
from msgspec import structs

from contracts import callback as c
from contracts import directory, gateway
from contracts import queue as q
from contracts.directory import RightsSaved, Role
from contracts.history import CustomerErased
from contracts.ids import Address, AgentId, CallbackId, Instant, LegId, OfferId, PlaceId
from contracts.message import Interval
from contracts.queue import Skip, SkipReason
from contracts.rights import Person
from runtime.masking import masked_number
from services.history.rules import live_reach
from services.history.rules.live_reach import LiveReach
from services.history.rules.live_shown import Agent, Changes, Live
from services.history.rules.live_state import LiveState
from services.history.rules.live_view import View
from tests import offices
from tests.unit.history.stories import (
    ANNA,
    BEGIN,
    BORIS,
    CUSTOMER,
    MOSCOW,
    NORTH,
    SALES,
    SERVICE,
    VERA,
    VOLGA,
    Office,
    a_call,
    at,
    attempt,
    connected,
    hung_up,
    offer,
    offer_accepted,
    offer_missed,
    ordered,
    place,
)

ALL = LiveReach(organization_id=NORTH, sees_numbers=True)


class Present:
    """What somebody sees of an office, from the live rows that its log has changed."""

    def __init__(self, office: Office, reach: LiveReach = ALL) -> None:
        self.office = office
        self.state = LiveState()
        self.view = View(reach)
        self._offset = -1

    def look(self, at_s: float) -> Changes | None:
        """Take in what the log has changed; what has changed for the eye."""
        rows = sorted(self.office.batch.live.rows.items(), key=lambda each: each[1].offset)
        for (kind, subject), row in rows:
            if row.offset > self._offset:
                self.state.put(kind, subject, row)
        self._offset = max(row.offset for _, row in rows)
        return self.view.refresh(self.state, self._offset, at(at_s))

    def now(self, at_s: float = 100) -> Live:
        """All of it."""
        self.look(at_s)
        return self.view.whole(self._offset, at(at_s))

    def agent(self, agent_id: AgentId, at_s: float = 100) -> Agent:
        """One agent."""
        return next(each for each in self.now(at_s).agents if each.agent_id == agent_id)


def three_wait() -> Office:
    """Three callers wait in Sales, one after the other."""
    office = Office()
    for number in (1, 2, 3):
        office.say(a_call(f"in{number}"), place(f"in{number}", at_s=number), at_s=number)
    return office


def order(live: Live) -> list[tuple[str, int | None]]:
    """Places and their positions."""
    return [(each.place_id, each.position) for each in live.places]


@pytest.mark.rule("Q3")
def test_places_stand_in_the_order_of_the_queue_and_a_department_counts_them() -> None:
    """The wall shows who waits longest, and which department has it."""
    present = Present(three_wait())
    live = present.now()
    assert order(live) == [("p.in1", 1), ("p.in2", 2), ("p.in3", 3)]
    first = live.places[0]
    assert (first.contact_id, first.number, first.held, first.joined_at, first.deadline_at) == (
        "in1",
        CUSTOMER,
        "line",
        at(1),
        at(601),
    )
    sales = next(each for each in live.departments if each.department_id == SALES)
    assert (sales.waiting, sales.oldest_at, sales.callbacks) == (3, at(1), 0)


def test_a_change_has_only_the_rows_that_changed_and_the_ids_of_those_that_went() -> None:
    """However many wait, somebody's hang-up costs one row."""
    office = three_wait()
    present = Present(office)
    present.now()
    office.say(q.PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=9_000), hung_up("in1"), at_s=10)
    changes = present.look(10)
    assert changes is not None
    assert (changes.places, changes.removed.places) == ((), ("p.in1",))
    assert [each.waiting for each in changes.departments] == [2]
    assert order(present.now()) == [("p.in2", 1), ("p.in3", 2)]
    assert present.look(11) is None


@pytest.mark.rule("C2", "C6")
def test_a_callback_holds_the_place_and_shows_deadline_attempts_and_the_next_one() -> None:
    """The promise is a row of its own, beside the place that it keeps."""
    office = three_wait().say(ordered("in2"), hung_up("in2"), at_s=40)
    office.say(*attempt(ANNA, "in2"), at_s=60)
    office.say(
        c.AttemptFailed(
            callback_id=CallbackId("cb.p.in2"),
            place_id=PlaceId("p.in2"),
            attempt=1,
            agent_id=ANNA,
            agent_leg_id=LegId("agent.in2.1"),
            outcome=gateway.Outcome.BUSY,
            next_attempt_at=at(150),
            give_up_at=at(900),
        ),
        at_s=90,
    )
    live = Present(office).now()
    held = live.places[1]
    assert (held.place_id, held.position, held.held, held.callback_id) == ("p.in2", 2, "callback", "cb.p.in2")
    assert (held.held_until_at, held.deadline_at) == (at(150), at(900))
    (standing,) = live.callbacks
    assert (standing.attempts, standing.next_attempt_at, standing.deadline_at) == (1, at(150), at(600))
    assert (standing.last, standing.last_reason, standing.last_agent) == ("attempt_failed", "busy", "Anna")
    [tried] = standing.tried
    assert (tried.agent_label, tried.at, tried.outcome, tried.ended_at) == ("Anna", at(60), "busy", at(90))
    sales = next(each for each in live.departments if each.department_id == SALES)
    assert (sales.callbacks, sales.next_deadline_at) == (1, at(600))


@pytest.mark.rule("C7")
def test_a_place_whose_agent_has_left_comes_first_again() -> None:
    """As the queue has it, not by joining time alone."""
    office = three_wait().say(ordered("in3"), hung_up("in3"), at_s=40)
    office.say(
        c.AgentLost(callback_id=CallbackId("cb.p.in3"), place_id=PlaceId("p.in3"), agent_id=ANNA), at_s=50
    )
    assert order(Present(office).now()) == [("p.in3", 1), ("p.in1", 2), ("p.in2", 3)]


@pytest.mark.rule("C8")
def test_a_caller_who_takes_over_a_callbacks_place_is_on_the_line_until_hanging_up() -> None:
    """Then the callback holds it again."""
    office = Office().say(a_call("in1"), place("in1"), ordered("in1"), hung_up("in1"))
    office.say(a_call("in2"), place("in2", at_s=50), at_s=50)
    office.say(
        q.CallbackTakenOver(
            place_id=PlaceId("p.in1"),
            new_place_id=PlaceId("p.in2"),
            callback_id=CallbackId("cb.p.in1"),
            leg_id=LegId("in2"),
        ),
        at_s=60,
    )
    present = Present(office)
    assert [(each.place_id, each.held) for each in present.now().places] == [("p.in1", "line")]
    office.say(hung_up("in2"), at_s=70)
    assert [(each.place_id, each.held) for each in present.now().places] == [("p.in1", "callback")]


@pytest.mark.rule("H7")
def test_a_place_shows_who_rings_who_declined_and_who_was_passed_over() -> None:
    """«Why not yet?» is answered from the row and the agents' states."""
    office = three_wait()
    skipped = (Skip(agent_id=VERA, reason=SkipReason.PAUSED),)
    office.say(offer(ANNA, 1, "in1"), at_s=10)
    office.say(
        q.OfferDeclined(offer_id=OfferId("p.in1.o1"), place_id=PlaceId("p.in1"), agent_id=ANNA), at_s=15
    )
    office.say(offer(VERA, 2, "in1", skipped), at_s=16)
    first = Present(office).now().places[0]
    assert [(each.agent_id, each.label, each.since_at) for each in first.ringing] == [
        (VERA, "Vera (Volga)", at(16))
    ]
    assert [(each.agent_id, each.at) for each in first.declined] == [(ANNA, at(15))]
    assert (first.offers, first.skipped) == (2, skipped)


def test_an_accepted_place_keeps_its_position_and_goes_when_both_talk() -> None:
    """Nobody is shown as waiting who talks."""
    office = three_wait().say(offer(ANNA, 1, "in1"), offer_accepted(ANNA, 1, "in1"), at_s=10)
    present = Present(office)
    first = present.now().places[0]
    assert (first.position, first.phase, first.agent_id, first.agent) == (1, "accepted", ANNA, "Anna")
    office.say(connected(ANNA, 1, "in1", waited_ms=9_000), at_s=11)
    assert order(present.now()) == [("p.in2", 1), ("p.in3", 2)]


@pytest.mark.rule("Q5")
def test_a_place_whose_time_is_over_has_no_position_any_more() -> None:
    """Its notice plays; it is not counted among those who wait."""
    office = three_wait().say(
        q.NoAnswerReached(place_id=PlaceId("p.in1"), reason=q.DivertReason.DEADLINE, play_id=None), at_s=601
    )
    assert order(Present(office).now()) == [("p.in2", 1), ("p.in3", 2), ("p.in1", None)]


def busy(agent_id: AgentId) -> q.AgentBusy:
    """An agent is on a call."""
    return q.AgentBusy(agent_id=agent_id, leg_id=LegId("x"), lease_until_at=at(9_999))


def freed(agent_id: AgentId, at_s: float) -> q.AgentFreed:
    """The call is over."""
    return q.AgentFreed(agent_id=agent_id, cause="ended", idle_since_at=at(at_s))


@pytest.mark.rule("O4", "Q2", "Q13")
def test_an_agent_rings_talks_writes_notes_and_is_free_each_with_its_beginning() -> None:
    """In a department of another PBX the agent's own stands in brackets."""
    office = Office()
    present = Present(office)

    def state(at_s: float) -> tuple[str, Instant, str | None]:
        vera = present.agent(VERA, at_s)
        return vera.state, vera.since_at, vera.not_offered

    assert [each.label for each in present.agent(VERA).seats] == ["Vera (Volga)", "Vera"]
    office.say(a_call("in1"), place("in1"), offer(VERA, 1), at_s=10)
    assert state(11) == ("ringing", at(10), "holds_offer")
    assert present.agent(VERA, 11).place_id == "p.in1"
    office.say(offer_accepted(VERA, 1), busy(VERA), at_s=20)
    assert state(21) == ("talking", at(20), "on_call")
    office.say(freed(VERA, 80), q.WrapUpStarted(agent_id=VERA, until_at=at(110)), at_s=80)
    assert state(81) == ("wrap_up", at(80), "wrap_up")
    assert present.agent(VERA, 81).until_at == at(110)
    assert state(111) == ("free", at(110), None)
    counted = {each.department_id: each.agents["free"] for each in present.now(111).departments}
    assert counted == {SALES: 2, SERVICE: 1}


@pytest.mark.rule("Q8")
def test_a_pause_says_whose_it_is_and_since_when() -> None:
    """After misses in a row the queue pauses an agent; the head sees that it was no break."""
    office = Office()
    present = Present(office)
    office.say(q.AgentPaused(agent_id=ANNA, department_id=SALES, misses=3), at_s=30)
    anna = present.agent(ANNA)
    assert (anna.state, anna.since_at, anna.not_offered) == ("paused", at(30), "paused")
    assert anna.pause is not None
    assert (anna.pause.by, anna.pause.misses) == ("misses", 3)
    office.say(directory.AgentPauseSaved(agent_id=ANNA, version=1, is_paused=False), at_s=40)
    assert (present.agent(ANNA).state, present.agent(ANNA).since_at) == ("free", at(40))
    lunch = directory.AgentPauseSaved(
        agent_id=ANNA, version=2, is_paused=True, reason=directory.PauseReason.LUNCH
    )
    office.say(lunch, at_s=50)
    pause = present.agent(ANNA).pause
    assert pause is not None
    assert (pause.by, pause.misses, pause.reason) == ("person", None, "lunch")


@pytest.mark.rule("E5", "E6")
def test_the_clock_alone_sends_an_agent_home() -> None:
    """No fact says that it is six o'clock."""
    office = Office()
    present = Present(office)
    hours = (Interval(from_at=at(0), until_at=at(200)),)
    office.say(directory.AgentAvailabilitySaved(agent_id=ANNA, version=1, hours=hours, absences=()))
    assert present.agent(ANNA, 199).state == "free"
    changes = present.look(200)
    assert changes is not None
    (anna,) = changes.agents
    assert (anna.state, anna.since_at, anna.not_offered) == ("away", at(200), "out_of_hours")


@pytest.mark.rule("O9")
def test_a_pbx_that_is_away_takes_its_agents_with_it() -> None:
    """And says since when."""
    office = Office().say(gateway.PbxLost(pbx_id=VOLGA), at_s=30)
    office.say(q.PbxAway(pbx_id=VOLGA, probe_at=at(90), reason="lost"), at_s=31)
    present = Present(office)
    volga = next(each for each in present.now().pbxs if each.pbx_id == VOLGA)
    assert (volga.is_away, volga.since_at, volga.probe_at) == (True, at(30), at(90))
    vera = present.agent(VERA)
    assert (vera.state, vera.since_at, vera.not_offered) == ("away", at(30), "pbx_away")
    office.say(gateway.PbxReturned(pbx_id=VOLGA, live_legs=()), q.PbxBack(pbx_id=VOLGA), at_s=50)
    assert (present.agent(VERA).state, present.agent(VERA).since_at) == ("free", at(50))


def test_a_phone_in_use_is_a_talk_and_one_that_is_gone_an_absence() -> None:
    """Calls that are none of ours keep an agent, too."""
    office = Office()
    present = Present(office)
    address = office.batch.cards.agent(ANNA).devices[0].address  # type: ignore[union-attr]
    for state, at_s, wanted in (
        (gateway.DeviceState.IN_USE, 10, ("talking", at(10), "on_call")),
        (gateway.DeviceState.UNREACHABLE, 20, ("away", at(20), "unreachable")),
        (gateway.DeviceState.IDLE, 30, ("free", at(30), None)),
    ):
        office.say(gateway.DeviceChanged(pbx_id=MOSCOW, address=Address(address), state=state), at_s=at_s)
        anna = present.agent(ANNA)
        assert (anna.state, anna.since_at, anna.not_offered) == wanted


@pytest.mark.rule("P2", "P3", "O6")
def test_a_reach_has_its_departments_their_people_and_nothing_of_others() -> None:
    """A head of Service sees neither Sales' places nor who sits there."""
    office = three_wait()
    live = Present(office, structs.replace(ALL, departments=frozenset({SERVICE}))).now()
    assert [each.department_id for each in live.departments] == [SERVICE]
    assert live.places == ()
    assert [(each.agent_id, [x.department_id for x in each.seats]) for each in live.agents] == [
        (VERA, [SERVICE])
    ]
    assert [each.pbx_id for each in live.pbxs] == [VOLGA]


@pytest.mark.rule("P8")
def test_numbers_are_masked_for_who_may_not_see_them() -> None:
    """In places and callbacks alike."""
    office = three_wait().say(ordered("in2"), at_s=40)
    live = Present(office, structs.replace(ALL, sees_numbers=False)).now()
    shown = {each.number for each in live.places} | {each.number for each in live.callbacks}
    assert shown == {masked_number(CUSTOMER)}


@pytest.mark.rule("V6")
def test_an_erased_customer_has_no_number_in_the_present() -> None:
    """The place stands, since somebody waits; the number is in no row."""
    office = three_wait().say(ordered("in2"), at_s=40).say(CustomerErased(number=CUSTOMER), at_s=50)
    live = Present(office).now()
    assert [each.number for each in live.places] == [None, None, None]
    assert [each.number for each in live.callbacks] == [""]
    assert not any(CUSTOMER in (row.document or "") for row in office.batch.live.rows.values())


def test_colleagues_with_the_same_rights_share_what_is_made_for_them() -> None:
    """Else a hundred browsers would cost a hundred times as much as one."""
    cards = Office().batch.cards.departments()

    def reach(agent_id: AgentId) -> LiveReach:
        person = Person(
            organization_id=NORTH, agent_id=agent_id, role=Role.USER, departments=frozenset({SALES})
        )
        found = live_reach.of(person)
        assert found is not None
        return live_reach.without_own(found, cards)

    assert reach(ANNA) == reach(VERA)
    assert reach(ANNA).digest != reach(BORIS).digest


@pytest.mark.rule("P4")
def test_a_restricted_user_sees_nothing_of_the_present() -> None:
    """Not even of the own departments."""
    person = Person(
        organization_id=NORTH,
        agent_id=ANNA,
        role=Role.RESTRICTED_USER,
        departments=frozenset({SALES}),
    )
    assert live_reach.of(person) is None


def test_an_older_card_that_comes_late_changes_nothing() -> None:
    """The directory's facts may come twice and in any order."""
    office = Office().say(offices.pbx(VOLGA, version=2, name="Nizhny"), at_s=10)
    office.say(offices.pbx(VOLGA, version=1, name="Volga"), at_s=20)
    assert [each.name for each in Present(office).now().pbxs] == ["Moscow", "Nizhny"]


def test_what_may_change_rights_is_noted_and_nothing_else() -> None:
    """Streams look at rights again only then."""
    office = three_wait()
    before = office.batch.live.rights_offset
    office.say(offer(ANNA, 1, "in1"), offer_missed(ANNA, 1, "in1"))
    assert office.batch.live.rights_offset == before
    office.say(RightsSaved(agent_id=ANNA, version=1, role=Role.USER))
    assert office.batch.live.rights_offset > before
    ended = directory.LoginEnded(login_id="desk", agent_id=ANNA, until_at=Instant(BEGIN + 1))
    noted = office.batch.live.rights_offset
    office.say(ended)
    assert office.batch.live.rights_offset > noted
