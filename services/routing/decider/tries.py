"""A try: one person's phones, or an external number, rung until one answers or none can any more (E4, D1)."""

from typing import Final

from contracts.addresses import far_pbx
from contracts.gateway import TOO_LATE, LegEnded, LegRinging, Outcome
from contracts.ids import AgentId, Instant, LegId, PlayId, TryId
from contracts.log import TimerDue
from contracts.queue import OfferLeg
from contracts.routing import (
    ExternalDialled,
    ExternalEnded,
    MissReason,
    PersonMissed,
    PersonRung,
    TryLegDialled,
    TryLegSkipped,
)
from contracts.telephony import CancelLeg, Play, StopPlay
from runtime.decision import NOTHING, Decision, together
from services.routing.decider import calls
from services.routing.rules import notice_media, ring_plans
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Try

NO_LINK: Final = (Outcome.UNREACHABLE, Outcome.FAILED)
"""Ends of a leg through the inter-PBX link that say that the other PBX can't be reached."""


def begin(
    state: RoutingState,
    fact: PersonRung | ExternalDialled,
    agent_id: AgentId | None,
    legs: tuple[OfferLeg, ...],
    ring_ms_max: int,
) -> None:
    """Keep the try with its time limit, and a timer for each phone that rings later. In `apply` only."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    due = tuple(leg.leg_id for leg in legs if leg.dial_at <= state.now_at)
    state.tries.put(
        Try(
            fact.try_id,
            call.leg_id,
            call.pbx_id,
            agent_id,
            legs,
            tuple(leg.leg_id for leg in legs),
            due,
            fact.until_at,
            ring_ms_max,
        )
    )
    for leg in legs:
        if leg.leg_id not in due:
            state.set_timer("dial", leg.leg_id, leg.dial_at)
    state.set_timer("ring", fact.try_id, fact.until_at)
    state.drop_timer("notice", call.leg_id)
    state.calls.change(call, stage=Stage.RINGING, try_id=fact.try_id, try_count=call.try_count + 1)


def apply_rung(state: RoutingState, fact: PersonRung) -> None:
    """A try of an employee begins."""
    call = state.calls.get(fact.leg_id)
    if call is not None:
        state.calls.put(calls.visited(call, fact.agent_id))
        begin(state, fact, fact.agent_id, fact.legs, fact.ring_ms_max)


def decide_begun(state: RoutingState, fact: PersonRung | ExternalDialled) -> Decision:
    """Dial the phones that ring at once; play a ringing tone to a caller whose leg is answered."""
    call, a_try = state.calls.get(fact.leg_id), state.tries.get(fact.try_id)
    if call is None or a_try is None:
        return NOTHING
    tone: tuple[Play, ...] = ()
    if call.is_answered:
        media = notice_media.ringing_tone(state, fact.until_at - state.now_at)
        tone = (
            Play(
                pbx_id=call.pbx_id,
                leg_id=call.leg_id,
                play_id=_tone_id(a_try.try_id),
                media=media,
                not_after=fact.until_at,
                interrupts=True,
            ),
        )
    dialled = (
        ring_plans.dial(state, call, a_try, leg) for leg in a_try.legs if leg.leg_id in a_try.dialled_legs
    )
    return Decision(commands=(*tone, *dialled))


def _tone_id(try_id: TryId) -> PlayId:
    return PlayId(f"{try_id}.tone")


def quiet(call: Call) -> tuple[StopPlay, ...]:
    """The command that stops the ringing tone, if one may sound."""
    if call.try_id is None or not call.is_answered:
        return ()
    return (StopPlay(pbx_id=call.pbx_id, leg_id=call.leg_id, play_id=_tone_id(call.try_id)),)


def decide_dial(state: RoutingState, due: TimerDue) -> Decision:
    """A phone's delay has passed: dial it (E4)."""
    a_try = state.try_of_leg(LegId(due.subject))
    return NOTHING if a_try is None else _dial(state, a_try, LegId(due.subject))


def _dial(state: RoutingState, a_try: Try, leg_id: LegId) -> Decision:
    """Dial a later phone if it is still the employee's: the extension may have been reused (E8, EC-89)."""
    call = state.calls.get(a_try.leg_id)
    leg = next((each for each in a_try.legs if each.leg_id == leg_id), None)
    if call is None or leg is None or a_try.agent_id is None:
        return NOTHING
    names = {"leg_id": call.leg_id, "try_id": a_try.try_id, "agent_leg_id": leg_id}
    if not ring_plans.is_still_theirs(state, a_try.agent_id, call.pbx_id, leg):
        return Decision(facts=(TryLegSkipped(**names),))  # type: ignore[arg-type]  # three ids by name
    command = ring_plans.dial(state, call, a_try, leg)
    return Decision(facts=(TryLegDialled(**names),), commands=(command,))  # type: ignore[arg-type]  # as above


def dial_again(state: RoutingState, a_try: Try, leg_id: LegId) -> Decision:
    """Repeat a dialling that came too late, which is not the employee's fault, while the ring time lasts."""
    call = state.calls.get(a_try.leg_id)
    leg = next((each for each in a_try.legs if each.leg_id == leg_id), None)
    if call is None or leg is None:
        return NOTHING
    return Decision(commands=(ring_plans.dial(state, call, a_try, leg),))


def apply_dialled(state: RoutingState, fact: TryLegDialled) -> None:
    """A later phone was dialled."""
    a_try = state.tries.get(fact.try_id)
    if a_try is not None:
        dialled = (*a_try.dialled_legs, fact.agent_leg_id)
        state.tries.change(a_try, dialled_legs=dialled)
        state.drop_timer("dial", fact.agent_leg_id)


def apply_skipped(state: RoutingState, fact: TryLegSkipped) -> None:
    """A later phone will not be dialled."""
    close_leg(state, fact.agent_leg_id, None)


def decide_skipped(state: RoutingState, fact: TryLegSkipped) -> Decision:
    """Go on with the phones that are left."""
    a_try = state.tries.get(fact.try_id)
    return NOTHING if a_try is None else go_on(state, a_try)


def apply_ringing(state: RoutingState, fact: LegRinging) -> None:
    """The ring time counts from the first ringing, and ends at `until_at` at the latest (E4, S3)."""
    a_try = state.try_of_leg(fact.leg_id)
    if a_try is None or a_try.has_rung or fact.leg_id not in a_try.open_legs:
        return
    state.tries.change(a_try, has_rung=True)
    until_at = Instant(min(a_try.until_at, state.now_at + a_try.ring_ms_max))
    state.set_timer("ring", a_try.try_id, until_at)


def decide_ring_over(state: RoutingState, due: TimerDue) -> Decision:
    """Nobody answered in the ring time."""
    a_try = state.tries.get(due.subject)
    if a_try is None:
        return NOTHING
    return miss(state, a_try, MissReason.NO_ANSWER if a_try.has_rung else a_try.miss)


def miss(state: RoutingState, a_try: Try, reason: MissReason) -> Decision:
    """End the try: say that it was missed, and cancel every phone, also those that do not ring yet (EC-4)."""
    call = state.calls.get(a_try.leg_id)
    if call is None:
        return NOTHING
    outcome = a_try.outcome or Outcome.NO_ANSWER
    fact = missed(call, a_try.agent_id, reason, outcome)
    return Decision(facts=(fact,), commands=(*cancels(a_try), *quiet(call)))


def missed(
    call: Call, agent_id: AgentId | None, reason: MissReason, outcome: Outcome
) -> PersonMissed | ExternalEnded:
    """The fact that an employee (`reason`) or an external number (`outcome`) did not take the call."""
    assert call.try_id is not None
    if agent_id is not None:
        return PersonMissed(leg_id=call.leg_id, agent_id=agent_id, reason=reason, try_id=call.try_id)
    return ExternalEnded(leg_id=call.leg_id, try_id=call.try_id, outcome=outcome)


def cancels(a_try: Try, *, but: str = "") -> tuple[CancelLeg, ...]:
    """The commands that stop the try's phones; the gateway hangs up one that is answered meanwhile.

    `but` is the phone that was answered, if one was: the others then note no missed call.
    """
    return tuple(
        CancelLeg(pbx_id=a_try.pbx_id, leg_id=leg_id, is_answered_elsewhere=bool(but))
        for leg_id in a_try.open_legs
        if leg_id in a_try.dialled_legs and leg_id != but
    )


def apply_missed(state: RoutingState, fact: PersonMissed | ExternalEnded) -> None:
    """The try is gone; what follows is decided in the same step."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    if isinstance(fact, PersonMissed):
        call = calls.visited(call, fact.agent_id)
    calls.drop_try(state, call)
    state.drop_timer("bridge", call.leg_id)
    is_new = isinstance(fact, ExternalEnded) and fact.try_id != call.try_id
    state.calls.change(
        call,
        stage=Stage.DECIDING,
        try_id=None,
        try_count=call.try_count + is_new,
        with_leg_id=None,
        with_agent_id=None,
        play_id=None,
    )


def apply_leg_ended(state: RoutingState, a_try: Try, fact: LegEnded) -> None:
    """A phone of a try is gone; note it if its end shows that another PBX can't be reached (O9)."""
    leg = next((each for each in a_try.legs if each.leg_id == fact.leg_id), None)
    far = far_pbx(leg.address) if leg is not None else None
    if far is not None and fact.outcome in NO_LINK and fact.cause != TOO_LATE:
        away_until_at = Instant(state.now_at + ring_plans.AWAY_MS)
        state.pbxs.change(state.pbx(far), away_until_at=away_until_at)
    close_leg(state, fact.leg_id, fact.outcome)


def close_leg(state: RoutingState, leg_id: LegId, outcome: Outcome | None) -> None:
    """A phone of a try can't answer any more; without `outcome` it was never dialled. In `apply` only."""
    a_try = state.try_of_leg(leg_id)
    if a_try is None:
        return
    state.drop_timer("dial", leg_id)
    state.drop_timer("key", leg_id)
    state.tries.change(
        a_try,
        open_legs=tuple(each for each in a_try.open_legs if each != leg_id),
        key_legs=tuple(each for each in a_try.key_legs if each != leg_id),
        miss=_miss_after(a_try, outcome),
        outcome=outcome,
    )


def _miss_after(a_try: Try, outcome: Outcome | None) -> MissReason:
    """The reason after one more phone: no answer outweighs busy, and busy outweighs unreachable."""
    match outcome:
        case Outcome.NO_ANSWER | Outcome.CANCELLED | Outcome.COMPLETED:
            return MissReason.NO_ANSWER
        case Outcome.BUSY if a_try.miss is not MissReason.NO_ANSWER:
            return MissReason.BUSY
        case _:
            return a_try.miss


def decide_leg_ended(state: RoutingState, a_try: Try, outcome: Outcome) -> Decision:
    """A declined phone ends the try, since one person holds all phones; else the others ring on (E4)."""
    if outcome is Outcome.DECLINED:
        return miss(state, a_try, MissReason.DECLINED)
    return go_on(state, a_try)


def go_on(state: RoutingState, a_try: Try) -> Decision:
    """End the try if no phone is left; dial the later phones now if none rings."""
    if not a_try.open_legs:
        return miss(state, a_try, a_try.miss)
    if any(leg_id in a_try.dialled_legs for leg_id in a_try.open_legs):
        return NOTHING
    return together(_dial(state, a_try, leg_id) for leg_id in a_try.open_legs)
