"""Announcements to a waiting caller: welcome, position, wait, invitation (Q4, C1, C12)."""

from typing import Any

import pytest

from contracts import callback, directory, queue, telephony, tts
from contracts.gateway import DeviceState
from contracts.ids import AgentId, MediaKey, NoticeId
from contracts.prompts import Prompt, prompt_key
from services.queue.rules import waiting
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    SECOND,
    Office,
    an_office,
    by,
    played,
    silence,
)

RU = directory.Language.RUSSIAN


def a_busy_office(*agents: AgentId, **settings: Any) -> Office:
    """All agents are on other calls."""
    office = an_office(*(agents or (ANNA,)), **settings)
    for agent_id in agents or (ANNA,):
        office.phone_is(agent_id, DeviceState.IN_USE)
    return office


def after_calls_of(for_ms: int, *agents: AgentId, **settings: Any) -> Office:
    """The department has had calls of this length; all agents are on other calls now."""
    office = an_office(*(agents or (ANNA,)), **settings)
    for number in range(waiting.CALLS_MIN):
        office.talks(ANNA, f"before{number}", for_ms=for_ms)
    for agent_id in agents or (ANNA,):
        office.phone_is(agent_id, DeviceState.IN_USE)
    return office


@pytest.mark.rule("Q4")
def test_position_and_wait_are_announced_on_joining() -> None:
    """The caller hears the welcome, the position and the wait, with music before and after."""
    office = after_calls_of(3 * MINUTE)
    office.calls("c1")
    office.calls("c2", caller=None)
    welcome = played(office, queue.AnnouncementKind.WELCOME)[-1]
    assert (welcome.place_id, welcome.position, welcome.wait_estimate_ms) == ("p.c2", 2, 6 * MINUTE)
    assert office.last(telephony.Play).media == (
        prompt_key(RU, Prompt.QUEUE_WELCOME),
        prompt_key(RU, "position_2"),
        prompt_key(RU, "wait_6"),
    )
    assert office.last(telephony.StartHoldMusic).leg_id == "c2"


@pytest.mark.rule("Q4")
def test_the_position_is_announced_again_every_thirty_seconds_if_it_got_better() -> None:
    """Nothing is announced when nothing changed."""
    office = a_busy_office()
    office.calls("c1")
    office.calls("c2", caller=None)
    office.waits(30 * SECOND)
    assert not played(office, queue.AnnouncementKind.POSITION)
    office.waits(10 * SECOND)
    office.hangs_up("c1")
    office.waits(19 * SECOND)
    assert not played(office, queue.AnnouncementKind.POSITION)
    office.waits(SECOND)
    told = played(office, queue.AnnouncementKind.POSITION)
    assert [(fact.place_id, fact.position) for fact in told] == [("p.c2", 1)]
    office.waits(5 * MINUTE)
    assert len(played(office, queue.AnnouncementKind.POSITION)) == 1


@pytest.mark.rule("Q4", "C7")
def test_the_spoken_position_never_rises() -> None:
    """A place that becomes first again pushes others back, who are not told."""
    office = a_busy_office(strategy=by("longest_idle"))
    office.calls("c1")
    callback_id = office.orders("c1")
    office.phone_is(ANNA, DeviceState.IDLE)
    office.answers(ANNA)
    office.calls("c2", caller=None)
    office.waits(5 * MINUTE)
    positions = [fact.position for fact in office.said(queue.AnnouncementMade) if fact.place_id == "p.c2"]
    office.hears(
        callback.AgentLost(callback_id=callback_id, place_id=office.place("c1").place_id, agent_id=ANNA)
    )
    office.waits(2 * MINUTE)
    after = [fact.position for fact in office.said(queue.AnnouncementMade) if fact.place_id == "p.c2"]
    assert [position for position in after if position is not None] == [2]
    assert positions[0] == 2


@pytest.mark.rule("Q4")
def test_with_no_agent_at_work_no_estimate_is_invented() -> None:
    """EC-22: the caller hears «we cannot say» and no number, and nothing is divided by zero."""
    office = a_busy_office()
    office.calls("c1")
    office.orders("c1")
    office.saves(office.hours(ANNA, hours=()))
    assert waiting.wait_estimate_ms(office.state, office.place("c1").department_id, 1) is None
    office.calls("again")
    told = played(office, queue.AnnouncementKind.CALLBACK_EXISTS)
    assert not told or told[-1].wait_estimate_ms is None


@pytest.mark.rule("Q4")
def test_the_estimate_follows_the_departments_own_calls_and_its_agents_at_work() -> None:
    """Two agents halve the wait; calls of one minute count as one minute."""
    office = after_calls_of(MINUTE, ANNA, BORIS)
    office.calls("c1")
    assert played(office, queue.AnnouncementKind.WELCOME)[-1].wait_estimate_ms == MINUTE // 2


@pytest.mark.rule("Q4")
def test_a_departments_own_notice_plays_once_it_can_be_played_with_its_values() -> None:
    """Until then the standard notice plays; placeholders become position, wait and number."""
    own = directory.NoticeChoice(kind=directory.NoticeKind.SPOKEN, notice_id=NoticeId("n1"))
    choices = directory.NoticeChoices(welcome=silence(), position=own)
    office = after_calls_of(3 * MINUTE, notices=choices)
    office.calls("c1")
    assert office.last(telephony.Play).media == (
        prompt_key(RU, "position_1"),
        prompt_key(RU, "wait_3"),
    )
    parts = ("s1", "{position}", "s2", "{wait_minutes}")
    office.hears(
        tts.NoticeRendered(notice_id=NoticeId("n1"), version=1, language=RU, parts=parts, duration_ms=1)
    )
    office.calls("c2", caller=None)
    assert office.last(telephony.Play).media == (
        MediaKey("s1"),
        prompt_key(RU, "position_2"),
        MediaKey("s2"),
        prompt_key(RU, "wait_6"),
    )


@pytest.mark.rule("T1", "Q4")
def test_without_a_notice_nothing_plays_and_the_position_is_still_on_the_log() -> None:
    """«Без сообщения»: console and API show the position, which is not spoken."""
    office = a_busy_office(notices=directory.NoticeChoices(welcome=silence(), position=silence()))
    office.calls("c1")
    assert not office.said(telephony.Play)
    assert office.last(queue.AnnouncementMade).position == 1


@pytest.mark.rule("C1")
def test_a_waiting_caller_is_invited_after_thirty_seconds_and_once() -> None:
    """A key interrupts the prompt."""
    office = a_busy_office()
    office.calls("c1")
    office.waits(30 * SECOND - 1)
    assert not played(office, queue.AnnouncementKind.INVITATION)
    office.waits(1)
    assert len(played(office, queue.AnnouncementKind.INVITATION)) == 1
    assert office.last(telephony.Play).barge_in
    office.waits(9 * MINUTE)
    assert len(played(office, queue.AnnouncementKind.INVITATION)) == 1


@pytest.mark.rule("C1")
def test_a_caller_with_a_withheld_number_may_wait_and_is_invited_too() -> None:
    """EC-23: the queue hands over no number, and callback asks for one."""
    office = a_busy_office()
    office.calls("c1", caller=None)
    office.waits(30 * SECOND)
    office.presses("c1")
    assert office.last(queue.CallbackRequested).caller is None
    assert office.waits_for("c1")


@pytest.mark.rule("C1", "Q11")
@pytest.mark.parametrize("why", ["off", "internal"])
def test_no_invitation_where_callbacks_are_off_nor_for_internal_callers(why: str) -> None:
    """Internal callers get no invitation."""
    settings = directory.CallbackSettings(is_on=why != "off")
    office = a_busy_office(callback=settings)
    office.calls("c1", caller="204", is_internal=why == "internal")
    office.waits(MINUTE)
    office.presses("c1")
    assert not played(office, queue.AnnouncementKind.INVITATION)
    assert not office.said(queue.CallbackRequested)


@pytest.mark.rule("C12")
@pytest.mark.parametrize(("left_ms", "is_invited"), [(15_000, True), (14_999, False)])
def test_less_than_fifteen_seconds_before_the_deadline_nobody_is_invited(
    left_ms: int, is_invited: bool
) -> None:
    """EC-34: the wait goes on and Q5 decides."""
    office = a_busy_office(no_answer_ms=30 * SECOND + left_ms)
    office.calls("c1")
    office.waits(30 * SECOND)
    assert bool(played(office, queue.AnnouncementKind.INVITATION)) is is_invited
    office.waits(left_ms)
    assert office.last(queue.PlaceDiverted).action is directory.ActionKind.VOICEMAIL


@pytest.mark.rule("C1")
def test_nothing_is_announced_on_a_leg_on_which_callback_speaks() -> None:
    """One service commands a leg's sound at any moment."""
    office = a_busy_office()
    office.calls("c0", caller=None)
    office.calls("c1")
    office.waits(30 * SECOND)
    office.presses("c1")
    said = len(office.said(telephony.Play))
    office.hangs_up("c0")
    office.waits(MINUTE)
    assert len(office.said(telephony.Play)) == said
    office.ordered("c1")
    office.waits(MINUTE)
    assert len(office.said(telephony.Play)) == said
