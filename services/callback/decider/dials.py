"""Dials: the legs on which a customer is rung, for an attempt or for an apology.

A dial counts once the gateway has said that it rings the leg. One that the gateway refused counts as nothing,
until it has refused `rules.REFUSALS_MAX` of them.
"""

import msgspec

from contracts import dialling
from contracts.callback import Origin
from contracts.gateway import LegAnswered, LegRequested
from contracts.ids import Address, DepartmentId, Instant, LegId, PbxId
from contracts.telephony import DialLeg
from services.callback import rules
from services.callback.state import CallbackState
from services.callback.state.records import Callback, Dial


def shown_number(state: CallbackState, pbx_id: PbxId, department_id: DepartmentId, line: str) -> str:
    """The number that the customer sees: the line that was called, as far as this PBX still has it (G5)."""
    department = state.departments.get(department_id)
    lines = () if department is None else department.lines
    return rules.caller_id(line, lines, state.pbx(pbx_id).numbers)


def command(state: CallbackState, callback: Callback, leg_id: LegId, ring_ms: int) -> DialLeg:
    """Ring the customer."""
    return DialLeg(
        pbx_id=callback.pbx_id,
        leg_id=leg_id,
        address=Address(f"tel:{callback.number}"),
        caller_id=shown_number(state, callback.pbx_id, callback.department_id, callback.caller_id),
        ring_ms_max=ring_ms,
        not_after=Instant(state.now_at + rules.DIAL_LATE_MS_MAX),
    )


def is_counted(callback: Callback) -> bool:
    """Whether the dial at hand counts."""
    return _counts(callback, callback.customer)


def _counts(callback: Callback, dial: Dial | None) -> bool:
    return (dial is not None and dial.is_requested) or callback.refusals >= rules.REFUSALS_MAX


def apply_requested(state: CallbackState, fact: LegRequested | LegAnswered) -> None:
    note_requested(state, fact.leg_id, is_requested=True)


def note_requested(state: CallbackState, leg_id: LegId, *, is_requested: bool) -> None:
    """Note whether the gateway rings this leg of a customer."""
    callback = state.callback_on(leg_id)
    if callback is None:
        return
    for name in ("customer", "cancelled"):
        dial: Dial | None = getattr(callback, name)
        if dial is not None and dial.leg_id == leg_id and dial.is_requested is not is_requested:
            changed = msgspec.structs.replace(dial, is_requested=is_requested)
            state.callbacks.change(callback, **{name: changed})


def end_cancelled(state: CallbackState, leg_id: LegId) -> None:
    """A cancelled leg has ended; if the dial does not count, it was no attempt."""
    callback = state.callback_on(leg_id)
    if callback is None or callback.cancelling is None or callback.cancelling.leg_id != leg_id:
        return
    over = msgspec.structs.replace(callback.cancelling, is_over=True)
    uncounted = 0 if _counts(callback, over) else 1
    state.callbacks.change(
        callback,
        cancelled=over,
        attempts=callback.attempts - uncounted,
        refusals=callback.refusals + uncounted,
    )


def is_quiet(state: CallbackState, callback: Callback) -> bool:
    """Whether quiet hours hold this callback back now; they never do if it was ordered in a call (C12)."""
    return callback.origin is not Origin.QUEUE and is_night(state, callback)


def is_night(state: CallbackState, callback: Callback) -> bool:
    """Whether the callback's department has quiet hours now."""
    department = state.departments.get(callback.department_id)
    return department is not None and dialling.quiet_until(state.now_at, department.timezone) is not None
