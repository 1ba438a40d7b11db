"""What was tried for a callback, made of its story: attempts with an agent, and apologies (C3, C4)."""

from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from contracts.ids import Instant
from services.history.state import Callback, CallbackEnd, Step, Who


class AttemptKind(StrEnum):
    """An attempt with an agent, or an apology because nobody came."""

    ATTEMPT = "attempt"
    APOLOGY = "apology"


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt; an instant is None for a step that was not reached.

    `outcome` is None while it goes on. It is how the dial ended (busy, no_answer, …), `agent_lost` (C7),
    `told` for an apology that was heard, or how the callback ended with it.
    """

    kind: AttemptKind
    at: Instant
    agent: Who | None = None
    agent_label: str = ""
    dialled_at: Instant | None = None
    reached_at: Instant | None = None
    ended_at: Instant | None = None
    outcome: str | None = None


TOLD: Final = "told"
_REACHED: Final = ("customer_answered", "customer_held", "customer_joined", "apology_made")
_FAILED: Final = ("attempt_failed", "apology_failed")
_LOST: Final = "agent_lost"


def attempts(callback: Callback) -> tuple[Attempt, ...]:
    """Every attempt of a callback, in their order."""
    made: list[Attempt] = []
    for step in callback.story:
        _tell(made, step)
    is_told = bool(made) and made[-1].outcome in (None, str(CallbackEnd.CONNECTED))
    if callback.end is CallbackEnd.CONNECTED and not is_told and not callback.is_by_other_call:
        # Held for the next free agent (C7), or taken over by the customer's own call (C8): nobody dialled.
        at = callback.reached_at or callback.ended_at or callback.ordered_at
        with_agent = _with_agent(at, callback.agent)
        made.append(
            structs.replace(with_agent, reached_at=at, ended_at=callback.ended_at, outcome=str(callback.end))
        )
    return tuple(made)


def _tell(made: list[Attempt], step: Step) -> None:
    """Fold one step of the story."""
    goes_on = bool(made) and made[-1].outcome is None
    match step.what:
        case "attempt_started":
            made.append(_with_agent(step.at, step.agent))
        case "apology_dialled":
            made.append(Attempt(kind=AttemptKind.APOLOGY, at=step.at, dialled_at=step.at))
        case "apology_made" if not goes_on:
            # On a leg that was up already: nobody dialled.
            made.append(Attempt(kind=AttemptKind.APOLOGY, at=step.at, reached_at=step.at))
        case "customer_dialled" if goes_on:
            made[-1] = structs.replace(made[-1], dialled_at=step.at)
        case what if what in _REACHED and goes_on:
            made[-1] = structs.replace(made[-1], reached_at=made[-1].reached_at or step.at)
        case what if what in _FAILED and goes_on:
            made[-1] = structs.replace(made[-1], ended_at=step.at, outcome=step.reason)
        case what if (what == _LOST or what in set(CallbackEnd)) and goes_on:
            was_told = made[-1].kind is AttemptKind.APOLOGY and made[-1].reached_at is not None
            made[-1] = structs.replace(made[-1], ended_at=step.at, outcome=TOLD if was_told else what)
        case _:
            pass


def _with_agent(at: Instant, agent: Who | None) -> Attempt:
    return Attempt(
        kind=AttemptKind.ATTEMPT, at=at, agent=agent, agent_label="" if agent is None else agent.label
    )
