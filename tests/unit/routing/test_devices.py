"""Which phones of an employee ring, when, how they are answered, and what they show (E4, G5, O2, O9, C10)."""

import msgspec
import pytest

from contracts import directory, gateway, routing, telephony
from contracts.gateway import Outcome
from contracts.ids import LegId
from tests.offices import desk
from tests.unit.routing.directory_facts import (
    ANNA,
    ANNAS_LINE,
    BORIS,
    CUSTOMER,
    FAR,
    MINUTE,
    MOSCOW,
    SECOND,
    VOLGA,
    mobile,
    sim,
    to_colleague,
    to_voicemail,
)
from tests.unit.routing.harness import RoutingHarness, an_office

DESK, MOBILE = 0, 1


def desk_later(extension: str) -> directory.Device:
    """A desk phone that rings five seconds after the first."""
    return msgspec.structs.replace(desk(extension), delay_ms=5 * SECOND)


def with_mobile(*, auto: bool = True) -> RoutingHarness:
    """Anna has a desk phone and, five seconds later, a mobile."""
    office = an_office(auto=auto)
    office.saves_person(ANNA, desk("201"), mobile())
    return office


@pytest.mark.rule("E4")
def test_the_mobile_of_a_direct_call_rings_after_its_delay() -> None:
    """The desk phone first; five seconds later the mobile as well."""
    office = with_mobile()
    office.calls()
    office.waits(5 * SECOND - 1)
    assert office.dialled() == ["sip:201"]
    office.waits(1)
    assert office.dialled() == ["sip:201", "tel:+79160000001"]


@pytest.mark.rule("E4")
def test_on_a_mobile_a_direct_call_is_answered_by_a_key() -> None:
    """Picked up is not answered; until the key comes the desk phone rings on."""
    office = with_mobile()
    office.calls()
    office.waits(6 * SECOND)
    mobile_leg = office.leg(MOBILE)
    office.answers(MOBILE)
    assert office.heard(mobile_leg) == ["whisper_press_key"]
    assert office.said(routing.PersonAnswered) == []
    assert office.said(telephony.CancelLeg) == []
    office.presses("5", mobile_leg)
    assert office.last(routing.PersonAnswered).agent_leg_id == mobile_leg
    [cancelled] = office.said(telephony.CancelLeg)
    assert (cancelled.leg_id, cancelled.is_answered_elsewhere) == ("c1.t1.0", True)


@pytest.mark.rule("E4")
def test_a_mobiles_own_voicemail_cannot_take_a_direct_call() -> None:
    """Eight seconds without a key: it is hung up, and the desk phone may still be answered."""
    office = with_mobile()
    office.calls()
    office.waits(6 * SECOND)
    mobile_leg = office.leg(MOBILE)
    office.answers(MOBILE)
    office.waits(8 * SECOND)
    [cancelled] = office.said(telephony.CancelLeg)
    assert (cancelled.leg_id, cancelled.is_answered_elsewhere) == (mobile_leg, False)
    office.answers(DESK)
    assert office.last(routing.CallConnected).with_leg_id == "c1.t1.0"


@pytest.mark.rule("E4")
def test_a_key_before_it_was_asked_for_or_after_its_time_answers_nothing() -> None:
    """The leg is being hung up: accepting it would give the caller nobody."""
    office = with_mobile(auto=False)
    office.calls()
    office.waits(6 * SECOND)
    mobile_leg = office.leg(MOBILE)
    office.presses("5", mobile_leg)
    office.answers(MOBILE)
    office.waits(8 * SECOND)
    office.presses("5", mobile_leg)
    assert office.said(routing.PersonAnswered) == []


@pytest.mark.rule("E4")
def test_who_picks_the_mobile_up_in_the_last_second_gets_the_eight_seconds() -> None:
    """The finger needs its time to find the key."""
    office = with_mobile()
    office.rules(ANNA, no_answer_ms=20 * SECOND)
    office.calls()
    office.waits(19 * SECOND)
    mobile_leg = office.leg(MOBILE)
    office.answers(MOBILE)
    office.waits(7 * SECOND)
    office.presses("1", mobile_leg)
    assert office.last(routing.PersonAnswered).agent_id == ANNA


@pytest.mark.rule("E4")
def test_with_the_desk_phone_dead_the_mobile_rings_at_once() -> None:
    """The mobile's delay exists only for the desk phone's sake."""
    office = with_mobile()
    office.calls()
    office.phone_ends(Outcome.UNREACHABLE, DESK)
    assert office.dialled() == ["sip:201", "tel:+79160000001"]


@pytest.mark.rule("E4")
def test_a_busy_mobile_is_no_miss_while_the_desk_phone_rings() -> None:
    """The desk phone goes on for its time."""
    office = with_mobile()
    office.calls()
    office.waits(6 * SECOND)
    office.phone_ends(Outcome.BUSY, MOBILE)
    assert office.ringing() == ANNA
    assert office.missed() == []


@pytest.mark.rule("E4")
def test_a_call_declined_on_one_phone_is_declined() -> None:
    """It is the same person who holds both."""
    office = with_mobile()
    office.rules(ANNA, no_answer=to_voicemail())
    office.calls()
    office.waits(6 * SECOND)
    office.phone_ends(Outcome.DECLINED, DESK)
    assert office.missed() == [(ANNA, "declined")]
    assert [cancel.leg_id for cancel in office.said(telephony.CancelLeg)] == ["c1.t1.1"]


@pytest.mark.rule("E4")
def test_a_company_sim_answers_like_an_office_phone() -> None:
    """A company SIM needs no key: it has no voicemail of its own."""
    office = an_office()
    office.saves_person(ANNA, sim())
    office.calls()
    office.answers()
    assert office.said(routing.TryKeyWanted) == []
    assert office.said(routing.PersonAnswered)


@pytest.mark.rule("G5")
def test_office_phones_show_the_caller_and_public_ones_the_line_that_was_called() -> None:
    """What goes over the public network carries a number of the dialling PBX, and nothing else."""
    office = with_mobile()
    office.calls()
    office.waits(6 * SECOND)
    at_desk, on_mobile = office.said(telephony.DialLeg)
    assert (at_desk.caller_id, at_desk.headers["caller"]) == (CUSTOMER, CUSTOMER)
    assert (on_mobile.caller_id, on_mobile.headers) == (ANNAS_LINE, {})


@pytest.mark.rule("G5")
def test_an_employee_on_a_mobile_hears_who_calls_after_the_key_and_before_the_bridge() -> None:
    """The screen could not show it; the caller hears ringing meanwhile."""
    office = with_mobile(auto=False)
    office.calls()
    office.waits(6 * SECOND)
    mobile_leg = office.leg(MOBILE)
    office.answers(MOBILE)
    office.presses("1", mobile_leg)
    assert office.heard(mobile_leg)[1] == "whisper_call"
    assert office.said(telephony.AnswerLeg) == []
    whisper = office.last(telephony.Play)
    assert whisper.interrupts  # nobody who has pressed the key is asked for it to the end
    office.hears(gateway.PlayFinished(pbx_id=MOSCOW, leg_id=mobile_leg, play_id=whisper.play_id, ok=True))
    assert office.said(telephony.AnswerLeg)


@pytest.mark.rule("G5")
def test_a_withheld_number_is_neither_shown_nor_spoken() -> None:
    """A caller who withholds the number has a reason."""
    office = with_mobile()
    office.calls(caller=None)
    office.waits(6 * SECOND)
    mobile_leg = office.leg(MOBILE)
    office.answers(MOBILE)
    office.presses("1", mobile_leg)
    at_desk = office.said(telephony.DialLeg)[0]
    assert (at_desk.caller_id, "caller" in at_desk.headers) == ("", False)
    assert office.heard(mobile_leg) == ["whisper_press_key"]
    assert office.said(routing.CallConnected)


@pytest.mark.rule("G5")
def test_a_colleagues_call_to_a_mobile_shows_a_number_of_the_pbx() -> None:
    """An extension is not a number of the public network."""
    office = an_office()
    office.saves_person(ANNA, mobile(delay_ms=0))
    office.dials("201")
    assert office.last(telephony.DialLeg).caller_id == "+74951110000"


@pytest.mark.rule("C10", "G4")
def test_a_phone_that_policy_forbids_is_not_dialled_for_a_direct_call() -> None:
    """Toll fraud and emergency numbers: an employee's card can't bypass the policy."""
    office = an_office()
    office.saves_person(ANNA, desk("201"), mobile("+19001234567"), mobile("112"))
    office.calls()
    office.waits(MINUTE)
    assert office.dialled() == ["sip:201"]


@pytest.mark.rule("C10")
def test_a_phone_is_checked_again_when_its_delay_is_over() -> None:
    """The administrator pulled the kill switch while the desk phone rang."""
    office = with_mobile()
    office.calls()
    office.policy(is_on=False)
    office.waits(MINUTE)
    assert office.dialled() == ["sip:201"]
    assert office.said(routing.TryLegSkipped)
    assert office.ringing() == ANNA


@pytest.mark.rule("O2", "O8")
def test_a_call_forwarded_to_another_pbx_is_dialled_from_where_it_came_in() -> None:
    """Every leg is in Moscow; the Volga's employee is reached by the link, and answers under the own name."""
    office = an_office()
    office.rules(ANNA, no_answer=to_colleague(FAR))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    dial = office.last(telephony.DialLeg)
    assert (dial.pbx_id, dial.address) == (MOSCOW, "pbx:volga/205")
    office.answers()
    assert office.last(routing.CallConnected).agent_id == FAR


@pytest.mark.rule("O9")
def test_a_pbx_that_cannot_be_reached_costs_one_failed_dialling_and_not_one_per_call() -> None:
    """The second caller goes straight on; a minute later the next one probes the link."""
    office = an_office()
    office.rules(FAR, numbers=("+78431110205",), no_answer=to_colleague(BORIS))
    office.calls("+78431110205")
    office.phone_ends(Outcome.UNREACHABLE)
    office.hangs_up()
    office.calls("+78431110205", "c2")
    assert office.dialled() == ["pbx:volga/205", "sip:202", "sip:202"]
    office.hangs_up("c2")
    office.waits(MINUTE)
    office.calls("+78431110205", "c3")
    assert office.dialled()[-1] == "pbx:volga/205"


@pytest.mark.rule("O9")
def test_an_employee_whose_pbx_is_away_is_unreachable_there_but_not_on_the_mobile() -> None:
    """A mobile needs no link between two PBXs."""
    office = an_office()
    office.saves_person(FAR, desk("205"), mobile())
    office.rules(FAR, numbers=("+78431110205",))
    office.hears(gateway.PbxLost(pbx_id=VOLGA))
    office.calls("+78431110205")
    assert office.dialled() == ["tel:+79160000001"]


@pytest.mark.rule("G3")
def test_while_the_pbx_of_a_call_is_away_nobody_is_judged_by_its_silence() -> None:
    """A link that is down for some seconds drops no caller; what the PBX lost it reports on its return."""
    office = an_office()
    office.calls()
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    office.waits(3 * MINUTE)
    assert office.ringing() == ANNA
    office.hears(gateway.PbxReturned(pbx_id=MOSCOW, live_legs=(LegId("c1"),)))
    office.hears(office.leg_ended("c1.t1.0", Outcome.FAILED))
    assert office.missed() == [(ANNA, "unreachable")]


@pytest.mark.rule("G3")
def test_a_caller_whose_leg_the_pbx_has_lost_is_no_caller_any_more() -> None:
    """The contact ends with a reason that says whose fault it was."""
    office = an_office()
    office.calls()
    office.hears(office.leg_ended("c1", Outcome.FAILED))
    assert office.last(routing.CallEnded).reason == "lost"
    assert not office.is_here()


@pytest.mark.rule("G3")
def test_no_call_lasts_for_ever() -> None:
    """A leg end that was never reported must not keep an employee busy until the next deploy."""
    office = an_office()
    office.calls()
    office.answers()
    office.auto = False
    office.waits(4 * 60 * MINUTE)
    assert not office.is_here()
    assert [hang_up.leg_id for hang_up in office.said(telephony.HangUp)] == ["c1.t1.0", "c1"]
    office.calls(name="c2")
    assert office.ringing("c2") == ANNA


@pytest.mark.rule("E8")
def test_the_phones_of_a_removed_employee_stop_ringing_and_a_call_in_progress_goes_on() -> None:
    """An employee removed at noon gets no new call, and nobody is cut off in mid-sentence."""
    office = an_office()
    office.calls()
    office.answers()
    office.rules(BORIS, no_answer=to_colleague(ANNA))
    office.dials("202", "c2")
    office.saves_person(BORIS, is_removed=True)
    office.saves_person(ANNA, is_removed=True)
    assert office.is_here("c1")
    assert office.missed() == [(BORIS, "removed")]
    office.calls(name="c3")
    assert office.last(routing.CallEnded).reason == "unknown_number"


@pytest.mark.rule("E8")
def test_a_reused_extension_never_receives_an_old_leg() -> None:
    """EC-89: Anna moved to 111 and Boris got her 201 while her call rang; her later phone stays silent."""
    office = an_office()
    office.saves_person(ANNA, mobile(delay_ms=0), desk_later("201"))
    office.calls()
    office.saves_person(ANNA, mobile(delay_ms=0), desk_later("111"))
    office.saves_person(BORIS, desk("201"), extension="201")
    office.waits(10 * SECOND)
    assert office.dialled() == ["tel:+79160000001"]
    assert office.ringing() == ANNA


@pytest.mark.rule("E8")
def test_a_leg_that_rings_belongs_to_the_person_and_not_to_the_extension() -> None:
    """EC-89: a phone dialled for Anna is answered as Anna, whoever has her extension now."""
    office = an_office()
    office.calls()
    office.saves_person(ANNA, extension="111")
    office.saves_person(BORIS, extension="201")
    office.answers()
    assert office.last(routing.PersonAnswered).agent_id == ANNA


def test_n3_a_phone_that_we_were_too_late_to_dial_is_dialled_again() -> None:
    """The employee did nothing wrong: no miss, and the call rings as before."""
    office = an_office(auto=False)
    office.calls()
    dialled = office.last(telephony.DialLeg)
    office.hears(
        gateway.CommandRefused(
            pbx_id=MOSCOW, command="telephony.dial_leg", reason="too_late", leg_id=dialled.leg_id
        ),
        after_ms=11 * SECOND,
    )
    again = office.last(telephony.DialLeg)
    assert (again.leg_id, len(office.said(telephony.DialLeg))) == (dialled.leg_id, 2)
    assert (again.not_after or 0) > office.at
    assert office.said(routing.PersonMissed) == []
    office.answers()
    assert office.said(routing.PersonMissed) == []


def test_n3_a_machine_that_is_always_late_rings_nobody_beyond_the_ring_time() -> None:
    """The no-answer rule follows as ever."""
    office = an_office(auto=False)
    office.calls()
    for _ in range(20):
        if office.said(routing.PersonMissed):
            break
        office.hears(
            gateway.CommandRefused(
                pbx_id=MOSCOW,
                command="telephony.dial_leg",
                reason="too_late",
                leg_id=office.last(telephony.DialLeg).leg_id,
            )
        )
        office.waits(11 * SECOND)
    assert len(office.said(routing.PersonMissed)) == 1
