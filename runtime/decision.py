"""What a decider is, and how one fact becomes the facts and commands that follow from it.

A decider is two pure functions over one organization's state: `apply` folds a fact in, `decide` says
what follows. `step` runs them: the heard fact is applied and decided on; every fact decided is applied
at once, in order, and then decided on in turn, until nothing follows any more. If the decider has a third
function, `settle`, it is then asked what the state as a whole calls for. Its facts are applied and decided
on like all others, and it is asked again until it returns no facts. All of this is one step, which is stored
and published as a whole.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from contracts.ids import Instant, TimerId
from contracts.log import TimerDue
from contracts.message import Command, Fact, Message
from runtime.records import State

STEP_FACTS_MAX = 2_000
"""A step travels as one record batch of at most 1 MiB, at some 500 bytes a fact."""

S = TypeVar("S", bound=State)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a fact. Timers are not here: `apply` sets them, from the facts."""

    facts: tuple[Fact, ...] = ()
    commands: tuple[Command, ...] = ()


NOTHING = Decision()


def together(decisions: Iterable[Decision]) -> Decision:
    """Join several decisions into one, in order."""
    listed = tuple(decisions)
    return Decision(
        facts=tuple(fact for each in listed for fact in each.facts),
        commands=tuple(command for each in listed for command in each.commands),
    )


class StepTooLong(Exception):
    """A decider answered one fact with more facts than a step may hold: a loop, or a missing limit."""


class Decider(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """What a service hears and says, and the functions that decide.

    `settle` returns what the state as a whole calls for once nothing more follows from the heard fact. It
    reads nothing but the state, and must return nothing for a state that it has settled. It is not called
    where the log already holds what followed (`follow`).
    `linger_ms`: while records keep coming, the host lets them gather so long before it hears the next batch,
    since a batch costs as much as ten records. The first record after a pause never waits. `is_urgent` tells
    whether somebody of an organization waits for what the next record may bring; while that is so of any,
    records gather no longer than `urgent_linger_ms`.
    `owed` lists the timers that the state must have by the business's rules. A timer that it lists and the
    state has not set means a forgotten customer; checkers look for that.
    """

    name: str
    hears: tuple[type[Fact], ...]
    says: tuple[type[Message], ...]
    new_state: Callable[[], S]
    apply: Callable[[S, Fact], None]
    decide: Callable[[S, Fact], Decision]
    owed: Callable[[S], Iterable[TimerId]]
    settle: Callable[[S], Decision] | None = None
    linger_ms: int = 0
    is_urgent: Callable[[S], bool] | None = None
    urgent_linger_ms: int = 0
    counts: Mapping[str, tuple[str, str]] = {}
    """Message type → (a name in runtime.metrics.COUNTED, a label value, or `@field` to take it from)."""
    measures: Mapping[str, tuple[str, str, str]] = {}
    """Message type → (a name in runtime.metrics.MEASURED, a label value, the field with milliseconds)."""
    gauges: Callable[[S], Mapping[str, float]] | None = None
    """One organization's share of runtime.metrics.GAUGED; the host adds the shares or takes the largest."""


def step(decider: Decider[Any], state: State, fact: Fact, *, at: Instant, cause: str) -> Decision:
    """Hear one fact: change the state, and return all that follows.

    `at` is the record's time in ms (made monotonic here); `cause` is the record's id. A `timer_due` for
    a timer that is no longer set, or before its time, changes nothing.
    """
    state.now_at = max(state.now_at, at)
    state.cause = cause
    if isinstance(fact, TimerDue):
        if not state.awaits(fact):
            return NOTHING
        state.timers.drop(fact.timer_id)
    decider.apply(state, fact)
    facts: list[Fact] = []
    commands: list[Command] = []
    pending: deque[Fact] = deque()
    decision = decider.decide(state, fact)
    while True:
        for said in decision.facts:
            decider.apply(state, said)
            facts.append(said)
            pending.append(said)
        commands.extend(decision.commands)
        if len(facts) > STEP_FACTS_MAX:
            raise StepTooLong(f"{decider.name}: more than {STEP_FACTS_MAX} facts follow from one")
        if pending:
            decision = decider.decide(state, pending.popleft())
        elif decider.settle is None or not (decision := decider.settle(state)).facts:
            break
    return Decision(facts=tuple(facts), commands=tuple(commands))


def follow(
    decider: Decider[Any], state: State, fact: Fact | None, said: Sequence[Fact], *, at: Instant, cause: str
) -> None:
    """Hear one fact when the log already holds what followed: apply both, decide nothing.

    The state ends as `step` would have left it. `fact` is None if this version no longer hears its type.
    """
    state.now_at = max(state.now_at, at)
    state.cause = cause
    if isinstance(fact, TimerDue):
        if state.awaits(fact):
            state.timers.drop(fact.timer_id)
            decider.apply(state, fact)
    elif fact is not None:
        decider.apply(state, fact)
    for each in said:
        decider.apply(state, each)
