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


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """On these days (0 is Monday) from one minute of the day to another."""

    days: tuple[int, ...]
    from_minute: int
    until_minute: int


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """Whole days as APIs write them, the last one included; None: until further notice."""

    first_day: str
    last_day: str | None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Which phones ring, and when; `hours` None: always."""

    extension: str
    rings_desk: bool
    sims: tuple[str, ...]
    rings_mobile: bool
    mobile_delay_ms: int
    hours: tuple[Hours, ...] | None
    absences: tuple[Absence, ...]


class CardShown(msgspec.Struct, frozen=True, kw_only=True):
    """One's own card; `overridden_by`: what wins over one's rules."""

    card: Card
    overridden_by: tuple[str, ...]


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a direct call that one does not take."""

    kind: str
    agent_id: str | None
    department_id: str | None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of direct calls: unanswered after a time, out of hours, in an absence."""

    no_answer_ms: int
    no_answer: Forwarding
    out_of_hours: Forwarding
    absence: Forwarding
    has_call_waiting: bool


class RulesShown(msgspec.Struct, frozen=True, kw_only=True):
    """One's own rules."""

    card: Rules


class Reception(msgspec.Struct, frozen=True, kw_only=True):
    """How one takes calls; `names` of whom they are forwarded to, by id."""

    card: Card
    rules: Rules
    is_overridden: bool
    names: dict[str, str]
