"""What stories of deciders share: facts in, what is said out, time that passes, a PBX in good health."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from contracts import gateway, telephony
from contracts.gateway import EndedBy, LegEnded, Outcome
from contracts.ids import Instant, PbxId
from contracts.log import TimerDue
from contracts.message import Command, Fact, Message
from runtime.decision import Decider, Decision, step
from runtime.records import State

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound=State)


def stored(state: State) -> dict[str, bytes]:
    """All records of a state, as the store has them."""
    return {
        f"{name}/{getattr(record, table.record_type.__struct_fields__[0])}": table.encoded(record)
        for name, table in state.tables.items()
        for record in table
    }


class Told(ABC, Generic[S]):
    """One organization's state in one service, its clock, and all that was said."""

    def __init__(self, decider: Decider[S], state: S, at: Instant) -> None:
        self.decider = decider
        self.state = state
        self.at = at
        self.facts: list[Fact] = []
        self.commands: list[Command] = []
        self.heard_count = 0

    def step(self, fact: Fact) -> Decision:
        """Hear one fact, and look whether all is well."""
        self.heard_count += 1
        decision = step(self.decider, self.state, fact, at=self.at, cause=f"f{self.heard_count}")
        self.facts.extend(decision.facts)
        self.commands.extend(decision.commands)
        self.check()
        return decision

    @abstractmethod
    def check(self) -> None:
        """What must hold after every fact; each service has its own."""

    @abstractmethod
    def hears(self, *facts: Fact, after_ms: int = 0) -> Decision:
        """Hear facts, one after the other; each office says what of the outcome it returns."""

    def waits_until(self, until_at: Instant) -> None:
        """Let time pass; timers that come due are heard at their instants."""
        while (due_at := self.state.earliest_due_at()) is not None and due_at <= until_at:
            self.at = max(self.at, due_at)
            timer = next(iter(self.state.due(due_at)))
            self.hears(
                TimerDue(
                    service=self.decider.name,
                    timer_id=timer.timer_id,
                    due_at=timer.due_at,
                    kind=timer.kind,
                    subject=timer.subject,
                )
            )
        self.at = max(self.at, until_at)

    def said(self, kind: type[M]) -> list[M]:
        """All messages of a type that were said so far."""
        return [message for message in (*self.facts, *self.commands) if isinstance(message, kind)]

    def last(self, kind: type[M]) -> M:
        """The last message of a type."""
        return self.said(kind)[-1]

    def replies(self, command: Command) -> tuple[Fact, ...]:
        """What a PBX in good health says: what is dialled rings, what is played is heard to its end."""
        match command:
            case telephony.AnswerLeg(pbx_id=pbx_id, leg_id=leg_id):
                return (gateway.LegAnswered(pbx_id=pbx_id, leg_id=leg_id),)
            case telephony.DialLeg(pbx_id=pbx_id, leg_id=leg_id):
                return (gateway.LegRinging(pbx_id=pbx_id, leg_id=leg_id),)
            case telephony.Bridge(pbx_id=pbx_id, bridge_id=bridge_id, legs=legs):
                return (gateway.Bridged(pbx_id=pbx_id, bridge_id=bridge_id, legs=legs),)
            case telephony.Play(pbx_id=pbx_id, leg_id=leg_id, play_id=play_id):
                return (gateway.PlayFinished(pbx_id=pbx_id, leg_id=leg_id, play_id=play_id, ok=True),)
            case telephony.CancelLeg(pbx_id=pbx_id):
                return (_ended(pbx_id, command, Outcome.CANCELLED),)
            case telephony.HangUp(pbx_id=pbx_id):
                return (_ended(pbx_id, command, Outcome.COMPLETED),)
            case telephony.RejectLeg(pbx_id=pbx_id):
                return (_ended(pbx_id, command, Outcome.BUSY),)
            case _:
                return ()


def _ended(pbx_id: PbxId, command: Any, outcome: Outcome) -> LegEnded:
    return LegEnded(pbx_id=pbx_id, leg_id=command.leg_id, outcome=outcome, by=EndedBy.US)
