"""The rows of the present as they are shown, and how each is made (`GET /live`)."""

from typing import Final

from msgspec import Struct

from contracts.directory import DepartmentSaved, Membership
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, PbxId, PlaceId
from contracts.queue import Skip
from runtime.masking import masked_number
from services.history.rules.callback_attempts import Attempt
from services.history.rules.live_contacts import Decline, LiveCallback, LivePlace, Ringing
from services.history.rules.live_state import LiveState, Spell
from services.history.state import ContactId

RINGING: Final = "ringing"
STATES: Final = ("free", RINGING, "talking", "wrap_up", "paused", "away")
"""What an agent can be doing."""


class Department(Struct, frozen=True, kw_only=True):
    """A department: who waits there, what is promised, how many of its agents do what.

    `waiting` counts the places that have a position; `oldest_at` is when the first of them joined.
    """

    department_id: DepartmentId
    name: str
    pbx_id: PbxId
    pbx_name: str
    waiting: int
    oldest_at: Instant | None
    callbacks: int
    next_deadline_at: Instant | None
    agents: dict[str, int]


class Place(Struct, frozen=True, kw_only=True):
    """An open place. Within a department places stand in the order of `rank`, and `position` counts from 1;
    both are None once the place has no position any more.

    `held`: by a caller on the `line`, or by a `callback`. `skipped`: the agents whom the last offer passed
    over, and why. It is not offered before `held_until_at`.
    """

    place_id: PlaceId
    contact_id: ContactId
    department_id: DepartmentId
    position: int | None
    rank: tuple[int, int, str] | None
    number: str | None
    caller: str
    held: str
    phase: str
    joined_at: Instant
    deadline_at: Instant
    held_until_at: Instant | None
    callback_id: CallbackId | None
    agent_id: AgentId | None
    agent: str
    ringing: tuple[Ringing, ...]
    offers: int
    skipped: tuple[Skip, ...]
    declined: tuple[Decline, ...]


class Callback(Struct, frozen=True, kw_only=True):
    """A callback that stands. `last` is what happened last, with the agent's name if one took part; `tried`
    has every attempt and apology with its outcome, of which `attempts` have dialled the customer."""

    callback_id: CallbackId
    contact_id: ContactId
    place_id: PlaceId
    department_id: DepartmentId
    number: str
    origin: str
    ordered_at: Instant
    joined_at: Instant
    deadline_at: Instant | None
    attempts: int
    next_attempt_at: Instant | None
    last: str
    last_at: Instant
    last_agent: str
    last_reason: str
    tried: tuple[Attempt, ...]


class Seat(Struct, frozen=True, kw_only=True):
    """An agent's seat; `label` is the name as that department shows it, with another PBX in brackets (O4)."""

    department_id: DepartmentId
    label: str
    is_suspended: bool


class Pause(Struct, frozen=True, kw_only=True):
    """Who has paused an agent: a `person`, perhaps with a reason, or the queue after so many `misses` in a
    row (Q8)."""

    by: str
    misses: int | None
    reason: str | None


class Agent(Struct, frozen=True, kw_only=True):
    """An agent. `state` is what can be seen; `not_offered` is what keeps the agent from places, else None."""

    agent_id: AgentId
    name: str
    pbx_id: PbxId
    pbx_name: str
    seats: tuple[Seat, ...]
    state: str
    since_at: Instant
    until_at: Instant | None
    not_offered: str | None
    pause: Pause | None
    place_id: PlaceId | None


class Pbx(Struct, frozen=True, kw_only=True):
    """A PBX; `since_at` is when it went away or came back, 0 if it never was away."""

    pbx_id: PbxId
    name: str
    is_away: bool
    since_at: Instant
    probe_at: Instant | None


class Removed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ids of rows that are gone, by list."""

    departments: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    pbxs: tuple[str, ...] = ()


class Live(Struct, frozen=True, kw_only=True):
    """The present as of `version`; `at` is the server's time."""

    version: int
    at: Instant
    departments: tuple[Department, ...]
    places: tuple[Place, ...]
    callbacks: tuple[Callback, ...]
    agents: tuple[Agent, ...]
    pbxs: tuple[Pbx, ...]


class Changes(Live, frozen=True, kw_only=True):
    """What has changed: the lists have the rows that are new or different, each whole."""

    removed: Removed


def place(found: LivePlace, *, sees_numbers: bool) -> Place:
    """A place, without a position yet; the number is masked unless it may be seen."""
    return Place(
        place_id=found.place_id,
        contact_id=found.contact_id,
        department_id=found.department_id,
        position=None,
        rank=found.rank,
        number=found.number if sees_numbers else masked_number(found.number),
        caller=found.caller,
        held=str(found.held),
        phase=str(found.phase),
        joined_at=found.joined_at,
        deadline_at=found.deadline_at,
        held_until_at=found.held_until_at,
        callback_id=found.callback_id,
        agent_id=found.agent_id,
        agent=found.agent_label,
        ringing=found.ringing,
        offers=found.offers,
        skipped=found.skipped,
        declined=found.declined,
    )


def callback(found: LiveCallback, *, sees_numbers: bool) -> Callback:
    """A callback; the number is masked unless it may be seen."""
    last = found.last
    return Callback(
        callback_id=found.callback_id,
        contact_id=found.contact_id,
        place_id=found.place_id,
        department_id=found.department_id,
        number=found.number if sees_numbers else masked_number(found.number) or "",
        origin=found.origin,
        ordered_at=found.ordered_at,
        joined_at=found.joined_at,
        deadline_at=found.deadline_at,
        attempts=found.attempts,
        next_attempt_at=found.next_attempt_at,
        last="" if last is None else last.what,
        last_at=found.ordered_at if last is None else last.at,
        last_agent=found.last_label,
        last_reason="" if last is None else last.reason,
        tried=found.tried,
    )


def seat(state: LiveState, card: DepartmentSaved, made: Membership) -> Seat:
    """An agent's seat, with the agent's name as its department shows it."""
    agent_card = state.agents.card(made.agent_id)
    label = state.agents.name(made.agent_id)
    if agent_card is not None and agent_card.pbx_id != card.pbx_id:
        label = f"{label} ({_name(state, agent_card.pbx_id)})"
    return Seat(department_id=card.department_id, label=label, is_suspended=made.is_suspended)


def agent(state: LiveState, agent_id: AgentId, seats: tuple[Seat, ...], at: Instant) -> Agent | None:
    """An agent; None where no card is known, or it was removed."""
    card = state.agents.card(agent_id)
    if card is None or card.is_removed:
        return None
    spell = state.spell(agent_id, at)
    return Agent(
        agent_id=agent_id,
        name=card.name,
        pbx_id=card.pbx_id,
        pbx_name=_name(state, card.pbx_id),
        seats=seats,
        state=spell.state,
        since_at=spell.since_at,
        until_at=spell.until_at,
        not_offered=spell.not_offered,
        pause=_pause(state, agent_id, spell),
        place_id=state.agents.place_offered(agent_id) if spell.state == RINGING else None,
    )


def _pause(state: LiveState, agent_id: AgentId, spell: Spell) -> Pause | None:
    if not state.agents.is_paused(agent_id):
        return None
    misses = state.misses(agent_id)
    reason = state.agents.pause_reason(agent_id)
    return Pause(by="person" if misses is None else "misses", misses=misses, reason=reason)


def _name(state: LiveState, pbx_id: PbxId) -> str:
    card = state.pbxs.get(pbx_id)
    return str(pbx_id) if card is None else card.name


def department(
    state: LiveState,
    card: DepartmentSaved,
    places: list[Place],
    callbacks: list[Callback],
    agents: dict[str, int],
) -> Department:
    """A department with its places and callbacks; `agents` counts its own by what they do."""
    ranked = [each.joined_at for each in places if each.rank is not None]
    deadlines = [each.deadline_at for each in callbacks if each.deadline_at is not None]
    return Department(
        department_id=card.department_id,
        name=card.name,
        pbx_id=card.pbx_id,
        pbx_name=_name(state, card.pbx_id),
        waiting=len(ranked),
        oldest_at=min(ranked, default=None),
        callbacks=len(callbacks),
        next_deadline_at=min(deadlines, default=None),
        agents=agents,
    )


def pbx(state: LiveState, pbx_id: PbxId) -> Pbx | None:
    """A PBX; None where no card is known, or it was removed."""
    card = state.pbxs.get(pbx_id)
    if card is None or card.is_removed:
        return None
    return Pbx(
        pbx_id=pbx_id,
        name=card.name,
        is_away=state.agents.is_away(pbx_id),
        since_at=state.pbx_changed_at(pbx_id),
        probe_at=state.agents.probed_at(pbx_id),
    )
