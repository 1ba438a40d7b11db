"""M-17: callback was away: what it asks of a PBX when it is back has only just been asked (Q12)."""

import pytest

from contracts import callback, telephony
from contracts.gateway import Outcome
from contracts.ids import LegId
from contracts.log import TimerDue
from tests.unit.callback.stories import Office, answered, bridged, dialling, talked


def rings(office: Office, kind: str, *, late_ms: int) -> None:
    """The timer of this kind rings so late; as on the log, the late ring bears the time at which it came."""
    (timer,) = [each for each in office.state.timers if each.kind == kind]
    office.at = max(office.at, timer.due_at)
    due = TimerDue(
        service="callback",
        timer_id=timer.timer_id,
        due_at=timer.due_at,
        kind=timer.kind,
        subject=timer.subject,
    )
    office.hears(due, after_ms=late_ms)


def heard_late_that_the_customer_answered(late_ms: int) -> tuple[Office, LegId]:
    """The customer answered while callback was away; it bridges, and its timer is over at that instant."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    rings(office, "callback", late_ms=late_ms)
    return office, leg_id


@pytest.mark.rule("Q12", "C3")
@pytest.mark.parametrize("late_ms", [50, 3_000], ids=["back at that moment", "back later"])
def test_two_who_are_bridged_after_an_absence_are_not_taken_apart(late_ms: int) -> None:
    """The bridge was asked for a moment ago, though the customer answered ten seconds ago or more."""
    office, _ = heard_late_that_the_customer_answered(late_ms)
    assert not office.said(telephony.HangUp)
    office.hears(bridged(office.last(telephony.Bridge)), after_ms=200)
    assert talked(office).attempts == 1
    assert not office.said(callback.AttemptFailed)


@pytest.mark.rule("C6")
def test_a_bridge_that_does_not_come_fails_the_attempt() -> None:
    """After one more wait, and not one after the other."""
    office, leg_id = heard_late_that_the_customer_answered(late_ms=3_000)
    rings(office, "bridge", late_ms=30_000)
    assert office.last(callback.AttemptFailed).outcome is Outcome.FAILED
    assert leg_id in [each.leg_id for each in office.said(telephony.HangUp)]
