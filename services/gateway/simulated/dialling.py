"""What becomes of a dialled number: the phone behind it, and how it behaves this time."""

from typing import TYPE_CHECKING, Final

from contracts.telephony import DialLeg
from services.gateway.port import Progressed, Result
from services.gateway.simulated.lines import Line
from services.gateway.simulated.phones import Handset
from services.gateway.simulated.script import Behaviour, Condition

if TYPE_CHECKING:
    from services.gateway.simulated.exchange import SimulatedPbx

DEAD_MS: Final = 32_000
"""SIP's timer B: 64 times T1 of 500 ms (RFC 3261 17.1.1.2)."""
NETWORK_RING_MS: Final = 180_000
"""Public networks give up by themselves after about three minutes."""
ANSWER_FAST_MS: Final = 60
"""How long a network takes to say that a number does not exist."""

CODES: Final = {
    Condition.BUSY: 486,
    Condition.UNAVAILABLE: 480,
    Condition.UNKNOWN: 404,
    Condition.BLOCKED: 403,
    Condition.NO_CODEC: 488,
}


def dial(pbx: "SimulatedPbx", command: DialLeg, now: int) -> Result:
    """Dial a phone; a leg id that was used is not dialled again."""
    if command.leg_id in pbx.lines:
        return Result.ALREADY
    handset = pbx.phones.of(pbx.pbx_id, command.address)
    behaviour = handset.next_behaviour() if handset is not None else Behaviour(condition=Condition.UNKNOWN)
    line = Line(
        leg_id=command.leg_id,
        is_arrived=False,
        since_at=now,
        handset=handset,
        behaviour=behaviour,
        caller_id=command.caller_id,
        headers=command.headers,
        ring_ms_max=command.ring_ms_max,
    )
    pbx.lines[line.leg_id] = line
    pbx.counts["dials"] += 1
    pbx.counts[f"dialled {command.address}"] += 1
    if pbx.phones.is_cut_off(command.address):
        pbx.agenda.put(now + ANSWER_FAST_MS, lambda at: pbx.end(line, at, by_party=False, code=503))
    else:
        _ring(pbx, line, _condition(handset, behaviour), now)
    return Result.DONE


def _condition(handset: Handset | None, behaviour: Behaviour) -> Condition:
    if handset is not None and not handset.is_reachable:
        return Condition.UNAVAILABLE
    if handset is not None and handset.is_busy:
        return Condition.BUSY
    return behaviour.condition


def _ring(pbx: "SimulatedPbx", line: Line, condition: Condition, now: int) -> None:
    behaviour = line.behaviour
    rings_at = now + _ms(behaviour.ring_after_s)
    if condition is Condition.DEAD:
        pbx.agenda.put(now + DEAD_MS, lambda at: pbx.end(line, at, by_party=False, code=408))
        return
    if condition is not Condition.RINGS:
        code = CODES[condition]
        is_person = condition is Condition.BUSY
        pbx.agenda.put(now + ANSWER_FAST_MS, lambda at: pbx.end(line, at, by_party=is_person, code=code))
        return
    pbx.agenda.put(rings_at, lambda _: _rings(pbx, line))
    if behaviour.answer_after_s is not None:
        pbx.agenda.put(rings_at + _ms(behaviour.answer_after_s), lambda at: _answered(pbx, line, at))
    if behaviour.decline_after_s is not None:
        declined_at = rings_at + _ms(behaviour.decline_after_s)
        pbx.agenda.put(declined_at, lambda at: pbx.end(line, at, by_party=True, code=603))
    pbx.agenda.put(now + NETWORK_RING_MS, lambda at: _rung_out(pbx, line, at))


def _rings(pbx: "SimulatedPbx", line: Line) -> None:
    if not line.is_over:
        line.is_ringing = True
        pbx.tell(Progressed(leg_id=line.leg_id))


def _answered(pbx: "SimulatedPbx", line: Line, now: int) -> None:
    """The person takes the call, unless another one came first."""
    if line.handset is not None and line.handset.is_busy:
        pbx.end(line, now, by_party=True, code=486)
        return
    pbx.pick_up(line, now)


def _rung_out(pbx: "SimulatedPbx", line: Line, now: int) -> None:
    if not line.is_answered:
        pbx.end(line, now, by_party=False, code=408)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
