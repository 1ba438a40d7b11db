"""The shapes of what the APIs answer about oneself, as far as one's own page uses them.

Instants are ms since 1970. The APIs' documents are the contract; a test holds these shapes against them.
"""

import msgspec

from services.console.state.contacts import Row


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Who has paused: a `person`, perhaps with a reason, or the queue after so many `misses` in a row."""

    by: str
    misses: int | None
    reason: str | None


class OwnState(msgspec.Struct, frozen=True, kw_only=True):
    """What one does, since and until when, and what keeps one from calls."""

    state: str
    since_at: int
    until_at: int | None
    not_offered: str | None
    pause: Pause | None


class OwnCall(msgspec.Struct, frozen=True, kw_only=True):
    """The call in which one is, and earlier contacts of its customer, newest first."""

    contact_id: str
    stage: str
    since_at: int
    number: str | None
    caller: str
    department_label: str
    joined_at: int
    waited_ms: int | None
    callback_id: str | None
    earlier: tuple[Row, ...]


class OwnNow(msgspec.Struct, frozen=True, kw_only=True):
    """As of `at`, history's clock; without a phone there is no state, without a call none."""

    at: int
    state: OwnState | None
    call: OwnCall | None


class PauseChange(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one is paused, and why."""

    is_paused: bool
    reason: str | None = None


class WrapUpChange(msgspec.Struct, frozen=True, kw_only=True):
    """Until when one takes notes; None: ready now."""

    until_at: int | None
