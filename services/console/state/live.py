"""The shapes of history's answers about the present, as far as the wallboard uses them.

Each list of `Live` has whole rows. History's document is the contract; a test holds these shapes against it.
"""

import msgspec

from services.console.state.callbacks import Attempt


class Department(msgspec.Struct, frozen=True, kw_only=True):
    """A department, and how many of its agents do what."""

    department_id: str
    name: str
    pbx_name: str
    agents: dict[str, int]


class Ringing(msgspec.Struct, frozen=True, kw_only=True):
    """An agent whose phones ring for a place."""

    label: str
    since_at: int


class Decline(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who has declined a place."""

    agent_id: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An open place; `rank` orders those of a department, None: it has no position any more."""

    place_id: str
    contact_id: str
    department_id: str
    rank: tuple[int, int, str] | None
    number: str | None
    caller: str
    held: str
    phase: str
    joined_at: int
    deadline_at: int
    held_until_at: int | None
    callback_id: str | None
    agent: str
    ringing: tuple[Ringing, ...]
    declined: tuple[Decline, ...]


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that stands, what happened last, and who was tried for it."""

    callback_id: str
    contact_id: str
    department_id: str
    number: str
    origin: str
    ordered_at: int
    joined_at: int
    deadline_at: int | None
    next_attempt_at: int | None
    last: str
    last_agent: str
    last_reason: str
    tried: tuple[Attempt, ...]


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's seat in a department, with the name as that department shows it."""

    department_id: str
    label: str
    is_suspended: bool


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Why an agent is paused: by a person, perhaps with a reason, or after so many `misses` in a row."""

    misses: int | None
    reason: str | None


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent: what he does, since and until when, and what keeps him from places."""

    agent_id: str
    seats: tuple[Seat, ...]
    state: str
    since_at: int
    until_at: int | None
    not_offered: str | None
    pause: Pause | None


class Pbx(msgspec.Struct, frozen=True, kw_only=True):
    """A PBX, and whether it can be reached."""

    pbx_id: str
    name: str
    is_away: bool
    since_at: int


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The present as of a version; `at` is history's clock."""

    at: int
    departments: tuple[Department, ...]
    places: tuple[Place, ...]
    callbacks: tuple[Callback, ...]
    agents: tuple[Agent, ...]
    pbxs: tuple[Pbx, ...]


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of rows that are gone."""

    departments: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    pbxs: tuple[str, ...] = ()


class Changes(Live, frozen=True, kw_only=True):
    """Rows that are new or different, and those that are gone."""

    removed: Removed


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """What became of callbacks."""

    connected: int
    expired: int


class DepartmentFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A department's calls of a period."""

    department_id: str
    name: str
    offered: int
    answered: int
    abandoned: int
    service_level_percent: float | None
    callbacks: Funnel


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a period."""

    departments: tuple[DepartmentFigures, ...]
