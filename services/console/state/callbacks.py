"""Callbacks as history tells them, and what the directory takes and answers of them.

Instants are ms since 1970, durations ms; numbers come masked for whom the company hides them.
"""

import msgspec


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt with an agent, or an apology; `outcome` None: it goes on."""

    kind: str
    at: int
    agent_label: str
    outcome: str | None


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as one story; `number` None: it was erased."""

    callback_id: str
    contact_id: str
    number: str | None
    department_id: str
    department_label: str
    origin: str
    ordered_at: int
    deadline_at: int | None
    is_standing: bool
    attempts: tuple[Attempt, ...]
    ended_at: int | None
    end: str | None
    reason: str
    waited_ms: int
    agent_label: str
    is_by_other_call: bool
    was_told: bool
    cancelled_by_label: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Callbacks, newest order first; `next` is the cursor of the older ones, None at the end."""

    callbacks: tuple[Callback, ...]
    next: str | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to call back."""

    number: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an order, or of the callback that is to end; what becomes of it history tells."""

    callback_id: str
