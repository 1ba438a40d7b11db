"""Routing's facts as sentences: direct calls, forwards and scenarios."""

from collections.abc import Callable

from contracts import routing as r
from contracts.message import Message

REASONS = {
    r.MissReason.NO_ANSWER: "does not answer",
    r.MissReason.DECLINED: "declines",
    r.MissReason.BUSY: "is on another call",
    r.MissReason.UNREACHABLE: "is unreachable",
    r.MissReason.ABSENT: "is absent and is not rung",
    r.MissReason.OUT_OF_HOURS: "is out of hours and is not rung",
    r.MissReason.REMOVED: "is no longer there",
    r.MissReason.CALLER_GONE: "was being rung when the caller hung up",
}


def told(fact: Message, caller: Callable[[str], str], agent: Callable[[str], str],
         department: Callable[[str], str]) -> str | None:  # fmt: skip
    """One sentence, or None for what people need not follow; the three give names to ids."""
    match fact:
        case r.PersonRung():
            return f"{caller(fact.leg_id)} rings at {agent(fact.agent_id)}"
        case r.PersonMissed():
            return f"{agent(fact.agent_id)} {REASONS[fact.reason]}: {caller(fact.leg_id)}"
        case r.CallForwarded(to=r.Hop(agent_id=str() as agent_id)):
            return f"{caller(fact.leg_id)} is forwarded to {agent(agent_id)}{_after_notice(fact)}"
        case r.CallForwarded(to=r.Hop(department_id=str() as department_id)):
            return f"{caller(fact.leg_id)} is forwarded to «{department(department_id)}»{_after_notice(fact)}"
        case r.CallConnected(agent_id=str() as agent_id):
            return f"{caller(fact.leg_id)} talks to {agent(agent_id)} on a direct call"
        case r.CallConnected():
            return f"{caller(fact.leg_id)} talks to an external number"
        case r.ElementEntered():
            return f"{caller(fact.leg_id)} stands at «{fact.element_id}» of the scenario"
        case r.CallerTold():
            return f"{caller(fact.leg_id)} is told that nobody can take the call"
        case r.VoicemailReached():
            return f"{caller(fact.leg_id)} reaches the answering machine"
        case r.CallEnded():
            return f"the direct call of {caller(fact.leg_id)} ends: {fact.reason.replace('_', ' ')}"
        case _:
            return None


def _after_notice(fact: r.CallForwarded) -> str:
    return ", after a spoken notice" if fact.play_id is not None else ""
