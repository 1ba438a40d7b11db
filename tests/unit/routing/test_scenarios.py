"""Call scenarios: greeting, menu, hours, internal subscriber and its arrows (S1, S2, S3)."""

import pytest

from contracts import gateway, routing, telephony
from contracts.gateway import EndedBy, Outcome
from contracts.ids import Instant, LegId
from contracts.message import Interval
from contracts.routing import EndReason, Rule
from tests.unit.routing.directory_facts import (
    ANNA,
    ANNAS_LINE,
    BORIS,
    GLEB,
    MENU_LINE,
    MINUTE,
    MOSCOW,
    SALES,
    SECOND,
    SERVICE_DESK,
    a_department,
    element,
    to_colleague,
    to_voicemail,
)
from tests.unit.routing.harness import RoutingHarness, an_office

END = element("end", "hang_up")


def a_menu(*, auto: bool = True) -> RoutingHarness:
    """A greeting, then 1 for sales, 2 for Anna, and the service desk without a choice."""
    office = an_office(auto=auto)
    office.scenario(
        element("hello", "greeting", ("next", "menu"), notice=office.notice("hello")),
        element(
            "menu",
            "menu",
            ("1", "sales"),
            ("2", "anna"),
            ("no_choice", "desk"),
            notice=office.notice("choose"),
        ),
        element("sales", "department", department_id=SALES),
        element("anna", "internal_subscriber", ("no_answer", "end"), agent_id=ANNA, wait_ms=20 * SECOND),
        element("desk", "department", department_id=SERVICE_DESK),
        END,
    )
    return office


def a_subscriber(wait_ms: int | None, *arrows: tuple[str, str], auto: bool = True) -> RoutingHarness:
    """The line leads to Anna, with or without a limit; then to Boris."""
    office = an_office(auto=auto)
    office.scenario(
        element("anna", "internal_subscriber", *arrows, agent_id=ANNA, wait_ms=wait_ms),
        element("boris", "internal_subscriber", agent_id=BORIS),
    )
    return office


@pytest.mark.rule("S1")
def test_a_caller_is_greeted_asked_and_led_by_the_key() -> None:
    """Greeting, menu, department: the queue gets an answered leg and is told that a digit led there."""
    office = a_menu()
    office.calls(MENU_LINE)
    assert office.heard() == ["hello", "choose"]
    office.presses("1")
    reached = office.last(routing.DepartmentReached)
    assert (reached.department_id, reached.is_answered, reached.rule) == (SALES, True, Rule.CALLERS_DIGIT)
    assert [fact.element_id for fact in office.said(routing.ElementEntered)] == ["hello", "menu", "sales"]


@pytest.mark.rule("S1")
def test_nothing_is_played_before_the_leg_is_answered() -> None:
    """A play on a ringing leg is refused by every PBX."""
    office = a_menu(auto=False)
    office.calls(MENU_LINE)
    assert office.said(telephony.Play) == []
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    assert office.heard() == ["hello"]


@pytest.mark.rule("S1")
def test_a_key_cuts_the_menu_short() -> None:
    """A caller who calls every day knows the menu by heart."""
    office = a_menu()
    office.calls(MENU_LINE)
    greeting, menu = office.said(telephony.Play)
    assert (greeting.barge_in, menu.barge_in) == (False, True)
    office.presses("2")
    assert office.ringing() == ANNA


@pytest.mark.rule("S1")
def test_who_presses_nothing_is_asked_twice_and_goes_along_the_arrow_for_that() -> None:
    """Old phones send no tones, and nobody must be lost for that."""
    office = a_menu()
    office.calls(MENU_LINE)
    office.presses_nothing()
    assert office.heard() == ["hello", "choose", "choose"]
    office.presses_nothing()
    assert office.last(routing.DepartmentReached).department_id == SERVICE_DESK


@pytest.mark.rule("S1")
def test_a_key_that_leads_nowhere_counts_as_none() -> None:
    """The caller hears the choices again."""
    office = a_menu()
    office.calls(MENU_LINE)
    office.presses("9")
    assert office.heard()[-1] == "choose"
    office.presses("1")
    assert office.last(routing.DepartmentReached).department_id == SALES


@pytest.mark.rule("S1")
def test_a_menu_whose_keys_are_never_told_ends_by_itself() -> None:
    """The gateway was away: the menu plays again, then the call goes on as without a key."""
    office = a_menu(auto=False)
    office.calls(MENU_LINE)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(MINUTE)
    assert office.heard() == ["hello", "choose"]
    office.waits(75 * SECOND)
    assert office.heard() == ["hello", "choose", "choose"]
    office.waits(75 * SECOND)
    assert office.last(routing.DepartmentReached).department_id == SERVICE_DESK


@pytest.mark.rule("S1")
def test_keys_outside_a_menu_choose_nothing() -> None:
    """A nervous finger during the greeting, or while Anna rings, leads nowhere."""
    office = a_menu(auto=False)
    office.calls(MENU_LINE)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.presses("1")
    assert office.is_here()
    assert office.heard() == ["hello"]


@pytest.mark.rule("S1")
@pytest.mark.parametrize(
    ("hours", "known_until_ms", "arrow"),
    [
        ((-MINUTE, MINUTE), None, "open"),
        ((MINUTE, 2 * MINUTE), None, "closed"),
        ((MINUTE, 2 * MINUTE), -1, "open"),
    ],
)
def test_a_call_goes_by_the_hours(hours: tuple[int, int], known_until_ms: int | None, arrow: str) -> None:
    """Open, closed, and open beyond the known hours (E5): an unattended calendar must not close a shop."""
    office = an_office()
    interval = Interval(from_at=Instant(office.at + hours[0]), until_at=Instant(office.at + hours[1]))
    office.scenario(
        element("when", "hours", ("open", "sales"), ("closed", "machine"), hours=(interval,)),
        element("sales", "department", department_id=SALES),
        element("machine", "voicemail", department_id=SALES),
        known_until_at=None if known_until_ms is None else Instant(office.at + known_until_ms),
    )
    office.calls(MENU_LINE)
    reached: routing.DepartmentReached | routing.VoicemailReached
    if arrow == "open":
        reached = office.last(routing.DepartmentReached)
    else:
        reached = office.last(routing.VoicemailReached)
    assert reached.department_id == SALES
    assert office.commands == []


@pytest.mark.rule("S2")
def test_an_internal_subscriber_with_a_limit_passes_the_call_on_after_its_seconds() -> None:
    """The scenario wins over Anna's own rule (D5): twenty seconds, then Boris."""
    office = a_subscriber(20 * SECOND, ("no_answer", "boris"))
    office.rules(ANNA, no_answer=to_voicemail())
    office.calls(MENU_LINE)
    office.waits(20 * SECOND - 1)
    assert office.ringing() == ANNA
    office.waits(1)
    assert office.ringing() == BORIS
    assert office.said(routing.VoicemailReached) == []


@pytest.mark.rule("S3")
def test_the_seconds_of_a_scenario_include_the_set_up() -> None:
    """A phone that needs four seconds to ring has sixteen left: the caller waits as long as was set."""
    office = a_subscriber(20 * SECOND, ("no_answer", "boris"), auto=False)
    office.calls(MENU_LINE)
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=office.leg()), after_ms=4 * SECOND)
    office.waits(16 * SECOND)
    assert office.ringing() == BORIS


@pytest.mark.rule("S2", "D4")
def test_an_absent_or_closed_subscriber_with_a_limit_is_passed_by_at_once() -> None:
    """The arrow, not the own target of the absence."""
    for away in (RoutingHarness.is_absent, RoutingHarness.is_out_of_hours):
        office = a_subscriber(20 * SECOND, ("no_answer", "boris"))
        office.rules(ANNA, absence=to_colleague(GLEB), out_of_hours=to_colleague(GLEB))
        away(office, ANNA)
        office.calls(MENU_LINE)
        assert office.dialled() == ["sip:202"]


@pytest.mark.rule("S2")
def test_a_subscriber_without_a_limit_ends_the_route() -> None:
    """EC-98: Anna's own rule applies, and an arrow that exists all the same is not followed."""
    office = a_subscriber(None, ("no_answer", "boris"))
    office.rules(ANNA, no_answer=to_colleague(GLEB))
    office.calls(MENU_LINE)
    office.waits(2 * MINUTE - 1)
    assert office.ringing() == ANNA
    office.waits(1)
    assert office.ringing() == GLEB


@pytest.mark.rule("S2", "D4")
def test_without_a_limit_absence_has_its_own_target() -> None:
    """D1 to D4 as if the caller had dialled Anna."""
    office = a_subscriber(None)
    office.rules(ANNA, absence=to_voicemail())
    office.is_absent(ANNA)
    office.calls(MENU_LINE)
    assert office.last(routing.VoicemailReached).agent_id == ANNA


@pytest.mark.rule("S2", "D6")
def test_who_was_rung_on_this_trail_already_is_passed_by() -> None:
    """A scenario that names Anna twice rings her once."""
    office = an_office()
    office.scenario(
        element("anna", "internal_subscriber", ("no_answer", "again"), agent_id=ANNA, wait_ms=20 * SECOND),
        element("again", "internal_subscriber", ("no_answer", "boris"), agent_id=ANNA, wait_ms=20 * SECOND),
        element("boris", "internal_subscriber", agent_id=BORIS),
    )
    office.calls(MENU_LINE)
    office.waits(20 * SECOND)
    assert office.ringing() == BORIS


@pytest.mark.rule("S1")
def test_the_end_of_a_scenario_hangs_up() -> None:
    """An unanswered leg is rejected, an answered one is hung up."""
    office = an_office()
    office.scenario(END)
    office.calls(MENU_LINE)
    assert office.last(routing.CallEnded).reason is EndReason.SCENARIO_ENDED
    assert office.said(telephony.RejectLeg)
    office = a_menu()
    office.calls(MENU_LINE)
    office.presses("2")
    office.waits(20 * SECOND)
    ended = office.last(routing.CallEnded)
    assert (ended.reason, ended.missed_by) == (EndReason.SCENARIO_ENDED, ANNA)
    assert office.last(telephony.HangUp).leg_id == "c1"


@pytest.mark.rule("S1")
def test_an_external_number_is_dialled_and_bridged() -> None:
    """A partner, a duty mobile: the PBX's own line is shown, and the talk is in history."""
    office = with_external("+79165550000", wait_ms=30 * SECOND)
    office.calls(MENU_LINE)
    dial = office.last(telephony.DialLeg)
    assert (dial.address, dial.caller_id, dial.headers) == ("tel:+79165550000", MENU_LINE, {})
    office.answers()
    connected = office.last(routing.CallConnected)
    assert (connected.agent_id, connected.with_leg_id) == (None, "c1.t1.0")
    office.hangs_up()
    assert office.last(routing.CallEnded).reason is EndReason.TALKED


@pytest.mark.rule("S3")
@pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.DECLINED, Outcome.BAD_NUMBER, Outcome.NO_ANSWER])
def test_an_external_number_that_does_not_take_the_call_leads_along_its_arrow(outcome: Outcome) -> None:
    """At once when the network says no, else after the seconds of the element."""
    office = with_external("+79165550000", wait_ms=30 * SECOND)
    office.calls(MENU_LINE)
    if outcome is Outcome.NO_ANSWER:
        office.waits(30 * SECOND)
    else:
        office.hears(office.leg_ended(office.leg(), outcome, EndedBy.NETWORK))
    assert office.last(routing.ExternalEnded).outcome is outcome
    assert office.ringing() == BORIS


@pytest.mark.rule("G4", "C10")
@pytest.mark.parametrize("number", ["112", "911", "+19001234567", "+8816123456789", "nonsense", ""])
def test_an_external_number_that_may_not_be_dialled_never_is(number: str) -> None:
    """Policy is asked when the number would be dialled, whatever the scenario says."""
    office = with_external(number)
    office.calls(MENU_LINE)
    assert office.dialled() == ["sip:202"]
    ended = office.last(routing.ExternalEnded)
    assert ended.outcome is None
    assert ended.reason


@pytest.mark.rule("S3", "C10")
def test_a_satellite_phone_is_dialled_only_if_the_administrator_allowed_that_number() -> None:
    """An expedition has one; nobody else's expensive number is dialled."""
    office = with_external("+8816123456789")
    office.policy(satellite_numbers=("+8816123456789",))
    office.calls(MENU_LINE)
    assert office.dialled() == ["tel:+8816123456789"]


def test_a_call_goes_on_in_the_version_of_the_scenario_in_which_it_began() -> None:
    """A caller who was told «1 for sales» gets sales; the old version is dropped with its last call."""
    office = a_menu()
    office.calls(MENU_LINE)
    office.scenario(element("menu", "menu", ("1", "end"), notice=office.notice("new")), END)
    office.restarts()
    office.calls(MENU_LINE, "c2")
    office.presses("1")
    assert office.last(routing.DepartmentReached).department_id == SALES
    assert list(office.state.former_scenarios) == []
    office.presses("1", "c2")
    assert office.last(routing.CallEnded).leg_id == "c2"


def test_a_scenario_that_was_removed_serves_the_calls_that_are_in_it_and_no_more() -> None:
    """The line leads to whoever has it next."""
    office = a_menu()
    office.calls(MENU_LINE)
    office.scenario(is_removed=True)
    office.calls(MENU_LINE, "c2")
    assert office.last(routing.CallEnded).reason is EndReason.UNKNOWN_NUMBER
    office.presses("2")
    assert office.ringing() == ANNA


def test_a_dead_end_in_a_scenario_is_told_to_the_caller() -> None:
    """Saving refuses it (S4); if it exists, the caller hears an apology first."""
    office = an_office()
    office.scenario(element("hello", "greeting", ("next", "gone"), notice=office.notice("hello")))
    office.calls(MENU_LINE)
    assert office.heard() == ["hello", "nobody_available"]
    assert office.last(routing.CallEnded).reason is EndReason.SCENARIO_ENDED


def test_a_department_or_a_voicemail_that_is_gone_ends_at_the_voicemail_of_who_was_rung() -> None:
    """The department was dissolved this morning, and the scenario not yet mended."""
    office = an_office()
    office.scenario(
        element("anna", "internal_subscriber", ("no_answer", "sales"), agent_id=ANNA, wait_ms=20 * SECOND),
        element("sales", "department", department_id=SALES),
    )
    office.hears(a_department(SALES, "400", version=2, is_removed=True))
    office.calls(MENU_LINE)
    office.waits(20 * SECOND)
    assert office.last(routing.VoicemailReached).agent_id == ANNA


def test_a_circle_without_a_callers_choice_comes_to_an_end() -> None:
    """Saving refuses it (S4); a decider that meets it anyway must not loop for ever."""
    office = an_office()
    office.scenario(
        element("a", "hours", ("closed", "b")),
        element("b", "hours", ("closed", "a")),
    )
    office.calls(MENU_LINE)
    assert office.heard() == ["nobody_available"]
    assert office.last(routing.CallEnded).reason is EndReason.SCENARIO_ENDED


@pytest.mark.rule("D5")
def test_a_scenario_wins_over_the_department_and_the_person_of_its_line() -> None:
    """One line in three cards: the scenario is asked first, the department next, the person last."""
    office = an_office()
    office.hears(a_department(SALES, "400", MENU_LINE, ANNAS_LINE, version=2))
    office.rules(ANNA, numbers=(MENU_LINE, ANNAS_LINE))
    office.scenario(element("boris", "internal_subscriber", agent_id=BORIS))
    office.calls(MENU_LINE)
    assert office.ringing() == BORIS
    office.calls(ANNAS_LINE, "c2")
    assert office.last(routing.DepartmentReached).leg_id == "c2"


def test_a_caller_who_hangs_up_in_a_menu_has_wanted_nobody_yet() -> None:
    """History has the call, but no employee has missed it."""
    office = a_menu()
    office.calls(MENU_LINE)
    office.waits(3 * SECOND)
    office.hangs_up()
    ended = office.last(routing.CallEnded)
    assert (ended.reason, ended.missed_by, ended.waited_ms) == (EndReason.ABANDONED, None, 3 * SECOND)


def with_external(number: str, wait_ms: int | None = None) -> RoutingHarness:
    """The line leads to an external number; then to Boris."""
    office = an_office()
    office.scenario(
        element("outside", "external_number", ("no_answer", "boris"), number=number, wait_ms=wait_ms),
        element("boris", "internal_subscriber", agent_id=BORIS),
    )
    return office
