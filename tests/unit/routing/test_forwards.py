"""Forwards: the notice before them, their targets, and where they end (D2, D3, D6, P5, H2)."""

from itertools import pairwise

import pytest

from contracts import gateway, routing, telephony
from contracts.directory import DirectAction
from contracts.gateway import Outcome
from contracts.ids import AgentId, LegId
from contracts.routing import EndReason, Hop, Rule
from tests.unit.routing.directory_facts import (
    ANNA,
    BORIS,
    FAR,
    GLEB,
    MENU_LINE,
    MINUTE,
    MOSCOW,
    SALES,
    SECOND,
    SILENCE,
    STANDARD,
    VERA,
    VOLGA,
    a_department,
    element,
    mobile,
    to_colleague,
    to_department,
    to_voicemail,
)
from tests.unit.routing.harness import RoutingHarness, an_office


def chain(*people: AgentId, auto: bool = True) -> RoutingHarness:
    """Each forwards to the next when the phone is not taken."""
    office = an_office(auto=auto)
    for one, following in pairwise(people):
        office.rules(one, no_answer=to_colleague(following))
    return office


def visited(office: RoutingHarness) -> list[AgentId]:
    """The employees who were rung, in order."""
    return [fact.agent_id for fact in office.said(routing.PersonRung)]


@pytest.mark.rule("D2")
def test_a_colleague_is_rung_with_the_devices_and_the_time_of_the_colleague() -> None:
    """Boris' own two minutes begin; Anna's are over."""
    office = chain(ANNA, BORIS)
    office.rules(ANNA, no_answer_ms=10 * SECOND)
    office.calls()
    office.waits(10 * SECOND)
    forwarded = office.last(routing.CallForwarded)
    assert (forwarded.from_agent_id, forwarded.to) == (ANNA, Hop(rule=Rule.NO_ANSWER, agent_id=BORIS))
    assert office.ringing() == BORIS
    office.waits(120 * SECOND - 1)
    assert office.ringing() == BORIS
    office.answers()
    assert office.last(routing.CallConnected).agent_id == BORIS


@pytest.mark.rule("D2")
def test_a_forward_to_a_department_joins_its_queue_with_the_trail() -> None:
    """The caller waits there like everybody else; the trail says where the call has been."""
    office = an_office()
    office.rules(ANNA, no_answer=to_department(SALES))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    reached = office.last(routing.DepartmentReached)
    assert (reached.department_id, reached.rule, reached.pbx_id) == (SALES, Rule.NO_ANSWER, MOSCOW)
    assert [(hop.agent_id, hop.department_id) for hop in reached.trail] == [(ANNA, None), (None, SALES)]
    assert (reached.is_answered, office.is_here()) == (False, False)


@pytest.mark.rule("O2", "O7")
def test_a_forward_may_lead_to_a_department_of_another_cloud_pbx() -> None:
    """The call stays where it came in; its department sits on the Volga."""
    office = an_office()
    office.hears(a_department(SALES, "400", version=2, pbx_id=VOLGA))
    office.rules(ANNA, no_answer=to_department(SALES))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    reached = office.last(routing.DepartmentReached)
    assert (reached.department_id, reached.pbx_id) == (SALES, MOSCOW)


@pytest.mark.rule("D3")
def test_before_a_forward_the_caller_hears_that_another_will_answer() -> None:
    """The standard notice plays; the colleague's phone rings after it, not during it."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.said(telephony.Play) == []
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    assert office.heard() == ["forward"]
    assert office.ringing() is None
    play = office.last(telephony.Play)
    office.hears(gateway.PlayFinished(pbx_id=MOSCOW, leg_id=LegId("c1"), play_id=play.play_id, ok=True))
    assert office.ringing() == BORIS


@pytest.mark.rule("D3")
def test_the_notice_before_a_forward_may_be_the_organizations_own_or_none() -> None:
    """Uploaded or spoken if it can be played; «Без сообщения» goes on at once, on an unanswered leg."""
    office = an_office()
    office.rules(ANNA, no_answer=to_colleague(BORIS, office.notice("own")))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.heard() == ["own"]
    office.hangs_up()

    office.rules(ANNA, no_answer=to_colleague(BORIS, SILENCE))
    office.calls(name="c2")
    office.phone_ends(Outcome.BUSY, name="c2")
    assert office.heard("c2") == []
    assert [answer.leg_id for answer in office.said(telephony.AnswerLeg)] == ["c1"]


@pytest.mark.rule("D3", "T5")
def test_a_notice_that_cannot_be_played_yet_gives_way_to_the_standard_one() -> None:
    """No caller waits for rendering."""
    office = an_office()
    own = office.notice("own")
    office.state.notices.drop("own")
    office.rules(ANNA, no_answer=to_colleague(BORIS, own))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.heard() == ["forward"]


@pytest.mark.rule("D3")
def test_a_notice_whose_end_is_never_told_does_not_hold_the_caller() -> None:
    """A minute, then the call goes on."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(MINUTE)
    assert office.ringing() == BORIS


def test_a_caller_whose_leg_is_answered_hears_ringing_while_a_phone_rings() -> None:
    """The own network no longer rings for them; silence sounds like a dead line."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(MINUTE)
    tone = office.last(telephony.Play)
    assert "ringing_tone" in tone.media[0]
    assert len(tone.media) == 25
    office.phone_ends(Outcome.BUSY)
    assert office.last(telephony.StopPlay).play_id == tone.play_id


@pytest.mark.rule("D3")
def test_m2_a_notice_does_not_wait_for_the_ringing_tone() -> None:
    """Even if the command that stops the tone is late, a new play ends the one before it."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.rules(BORIS, no_answer=to_colleague(VERA, STANDARD))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(MINUTE)
    office.phone_ends(Outcome.BUSY)
    assert [play.interrupts for play in office.said(telephony.Play)] == [True] * 3


def test_the_ringing_tone_stops_too_when_who_answered_is_gone_before_the_bridge() -> None:
    """Whatever follows, Boris' rule or his voicemail, must not play under a ringing tone."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.rules(BORIS, no_answer=to_voicemail())
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(MINUTE)
    office.answers()
    office.hangs_up("c1.t2.0")
    assert office.last(telephony.StopPlay).play_id == "c1.t2.tone"
    assert office.last(routing.VoicemailReached).agent_id == BORIS


def test_a_notice_that_was_heard_in_time_leaves_nothing_behind() -> None:
    """A minute later Boris hears who calls on his mobile: that must not be cut short by an old timer."""
    office = an_office(auto=False)
    office.saves_person(BORIS, mobile(delay_ms=0))
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    play = office.last(telephony.Play)
    office.hears(gateway.PlayFinished(pbx_id=MOSCOW, leg_id=LegId("c1"), play_id=play.play_id, ok=True))
    mobile_leg = office.leg()
    office.waits(59 * SECOND)
    office.answers()
    office.presses("1", mobile_leg)
    office.waits(2 * SECOND)
    assert office.said(telephony.Bridge) == []


def test_a_caller_we_were_too_late_to_answer_is_answered_all_the_same() -> None:
    """The process was away for a while, and the caller has more patience than that."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS, STANDARD))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.hears(
        gateway.CommandRefused(
            pbx_id=MOSCOW, command="telephony.answer_leg", reason="too_late", leg_id=LegId("c1")
        )
    )
    assert len(office.said(telephony.AnswerLeg)) == 2


@pytest.mark.rule("D6")
def test_forwarded_and_answered_by_nobody_is_missed_by_the_first() -> None:
    """EC-78: the customer wanted Anna; Boris is a try in her row."""
    office = chain(ANNA, BORIS)
    office.calls()
    office.phone_ends(Outcome.NO_ANSWER)
    office.waits(2 * MINUTE)
    ended = office.last(routing.CallEnded)
    assert (ended.reason, ended.missed_by) == (EndReason.DROPPED, ANNA)
    assert office.missed() == [(ANNA, "no_answer"), (BORIS, "no_answer")]


@pytest.mark.rule("D6")
def test_a_caller_who_gives_up_while_the_second_rings_is_missed_by_the_first() -> None:
    """H2: the caller wanted the first one, who should call back."""
    office = chain(ANNA, BORIS)
    office.calls()
    office.phone_ends(Outcome.NO_ANSWER)
    office.hangs_up()
    assert office.last(routing.CallEnded).missed_by == ANNA
    assert office.missed()[-1] == (BORIS, "caller_gone")


@pytest.mark.rule("D6")
def test_a_loop_of_two_is_cut_at_the_second_visit() -> None:
    """EC-79: two people forwarded to each other at once; the caller gets Anna's voicemail, in one row."""
    office = chain(ANNA, BORIS, ANNA)
    office.calls()
    office.phone_ends(Outcome.NO_ANSWER)
    office.phone_ends(Outcome.NO_ANSWER)
    assert visited(office) == [ANNA, BORIS]
    reached = office.last(routing.VoicemailReached)
    assert (reached.agent_id, reached.rule, reached.missed_by) == (ANNA, Rule.LIMIT, ANNA)
    assert len(office.said(routing.CallTaken)) == 1


@pytest.mark.rule("D6")
def test_who_forwards_to_themselves_is_no_loop() -> None:
    """Cut at once: the last target's voicemail is their own."""
    office = chain(ANNA, BORIS)
    office.rules(BORIS, no_answer=to_colleague(BORIS))
    office.calls()
    office.phone_ends(Outcome.NO_ANSWER)
    office.phone_ends(Outcome.NO_ANSWER)
    assert office.last(routing.VoicemailReached).agent_id == BORIS


@pytest.mark.rule("D6")
def test_after_five_forwards_the_sixth_target_gets_the_call_as_a_voice_message() -> None:
    """EC-82: nobody waits through seven people; the trail crosses PBXs like everything else."""
    office = an_office()
    people = [ANNA, BORIS, VERA, FAR, GLEB, AgentId("ilya"), AgentId("kira")]
    for number, agent_id in enumerate(people[5:]):
        office.saves_person(agent_id, extension=f"60{number}")
    for one, following in pairwise(people):
        office.rules(one, no_answer=to_colleague(following))
    office.calls()
    for _ in range(6):
        office.phone_ends(Outcome.BUSY)
    assert visited(office) == people[:6]
    assert len(office.said(routing.CallForwarded)) == 5
    reached = office.last(routing.VoicemailReached)
    assert (reached.agent_id, reached.rule) == (people[6], Rule.LIMIT)


@pytest.mark.rule("D6", "D4")
def test_the_own_rule_of_an_absent_target_applies_once() -> None:
    """EC-82: Boris is away and forwards his calls; no caller waits for him."""
    office = chain(ANNA, BORIS)
    office.rules(BORIS, absence=to_colleague(VERA))
    office.is_absent(BORIS)
    office.calls()
    office.phone_ends(Outcome.NO_ANSWER)
    assert office.ringing() == VERA
    assert office.missed() == [(ANNA, "no_answer"), (BORIS, "absent")]
    assert [hop.agent_id for hop in office.call().trail] == [ANNA, BORIS, VERA]


@pytest.mark.rule("D6", "D4")
def test_targets_who_are_all_away_end_at_the_last_ones_voicemail() -> None:
    """EC-82: everybody is out of hours and forwards in a loop; it ends in one step, without a ring."""
    office = an_office()
    for one, following in ((ANNA, BORIS), (BORIS, VERA), (VERA, ANNA)):
        office.rules(one, out_of_hours=to_colleague(following))
        office.is_out_of_hours(one)
    office.calls()
    assert office.dialled() == []
    assert office.last(routing.VoicemailReached).agent_id == ANNA


@pytest.mark.rule("D6", "E8")
def test_a_target_who_was_removed_leaves_the_call_to_the_one_before() -> None:
    """The directory should not have let that happen; the customer must not pay for it."""
    office = chain(ANNA, BORIS)
    office.saves_person(BORIS, is_removed=True)
    office.calls()
    office.phone_ends(Outcome.NO_ANSWER)
    reached = office.last(routing.VoicemailReached)
    assert (reached.agent_id, reached.rule) == (ANNA, Rule.LIMIT)
    assert office.missed()[-1] == (BORIS, "removed")


@pytest.mark.rule("D6")
def test_with_nobody_left_the_caller_hears_so_before_the_end() -> None:
    """Forwards to a removed department, from a removed employee: an apology, then the end."""
    office = an_office()
    office.rules(ANNA, no_answer=to_department(SALES))
    office.hears(a_department(SALES, "400", version=2, is_removed=True))
    office.calls()
    office.saves_person(ANNA, is_removed=True)
    assert office.heard() == ["nobody_available"]
    assert office.last(routing.CallEnded).reason is EndReason.DROPPED


@pytest.mark.rule("D6")
def test_a_trail_that_ends_in_a_department_has_everybody_on_it() -> None:
    """EC-80: A, then department D, whose fallback is A again: the queue sees that A was there already."""
    office = chain(ANNA, BORIS)
    office.rules(BORIS, no_answer=to_department(SALES))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.phone_ends(Outcome.BUSY)
    trail = office.last(routing.DepartmentReached).trail
    assert [hop.agent_id or hop.department_id for hop in trail] == [ANNA, BORIS, SALES]


@pytest.mark.rule("D6")
def test_a_digit_pressed_by_the_caller_starts_a_new_trail() -> None:
    """A caller who chooses Anna again after nobody answered means it."""
    office = an_office()
    office.scenario(
        element("menu", "menu", ("1", "anna"), ("no_choice", "end"), notice=office.notice("menu")),
        element("anna", "internal_subscriber", ("no_answer", "menu"), agent_id=ANNA, wait_ms=20 * SECOND),
        element("end", "hang_up"),
    )
    office.calls(MENU_LINE)
    for _ in range(8):
        office.presses("1")
        assert office.ringing() == ANNA
        office.waits(20 * SECOND)
    assert office.call().trail == (Hop(rule=Rule.CALLERS_DIGIT, agent_id=ANNA),)


@pytest.mark.rule("D2")
def test_voicemail_after_a_forward_is_the_second_ones_and_the_call_missed_by_the_first() -> None:
    """H2 and H3 together: whose voicemail it is, and whose call it was."""
    office = chain(ANNA, BORIS)
    office.rules(BORIS, no_answer=to_voicemail())
    office.calls()
    office.phone_ends(Outcome.BUSY)
    office.phone_ends(Outcome.BUSY)
    reached = office.last(routing.VoicemailReached)
    assert (reached.agent_id, reached.missed_by) == (BORIS, ANNA)


def test_a_rule_that_leads_to_nobody_is_not_a_dead_end() -> None:
    """The directory refuses it; if it exists all the same, the caller gets the voicemail."""
    office = an_office()
    office.rules(ANNA, no_answer=DirectAction(kind=to_colleague(BORIS).kind, notice=SILENCE))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.last(routing.VoicemailReached).agent_id == ANNA
