"""A call that is answered late because the queue was down when it came."""

import pytest

from contracts import queue, telephony
from contracts.gateway import DeviceState, LegAnswered
from contracts.ids import LegId
from tests.unit.queue.stories import ANNA, MOSCOW, SECOND, Office, an_office, played


def _calls_unanswered() -> Office:
    """A call has arrived while all agents talk; the gateway has not answered it yet."""
    office = an_office(ANNA)
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.auto = False
    office.calls("c1")
    assert office.said(telephony.AnswerLeg)
    return office


@pytest.mark.rule("C1", "Q12")
def test_an_invitation_that_came_due_before_the_call_was_answered_is_made_then() -> None:
    """A caller who has waited so long must not lose the callback as well."""
    office = _calls_unanswered()
    office.waits(31 * SECOND)
    assert played(office, queue.AnnouncementKind.INVITATION) == []
    office.hears(LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(SECOND)
    assert [fact.place_id for fact in played(office, queue.AnnouncementKind.INVITATION)] == ["p.c1"]


@pytest.mark.rule("C1")
def test_a_repeated_answer_invites_nobody_again_or_earlier() -> None:
    """The caller is invited once, thirty seconds after joining."""
    office = _calls_unanswered()
    answered = LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1"))
    office.hears(answered, answered)
    office.waits(29 * SECOND)
    assert played(office, queue.AnnouncementKind.INVITATION) == []
    office.waits(SECOND)
    office.hears(answered)
    office.waits(60 * SECOND)
    assert len(played(office, queue.AnnouncementKind.INVITATION)) == 1
