"""Answers of the API: cards with versions, lists, errors, and secrets shown once."""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from services.directory.state.cards import EmployeeCard, NoticeCard

T = TypeVar("T")


class Text(Struct, frozen=True, kw_only=True):
    """The same in Russian and English."""

    ru: str
    en: str


class ErrorShown(Struct, frozen=True, kw_only=True):
    """The one shape of an error or a warning; `field` is where in the request, `more` what else is wrong."""

    code: str
    cause: Text
    remedy: Text
    field: str = ""
    more: "tuple[ErrorShown, ...]" = ()


class Shown(Struct, Generic[T], frozen=True, kw_only=True):
    """A card with its id and version, and what is doubtful about it."""

    id: str
    version: int
    card: T
    warnings: tuple[ErrorShown, ...] = ()


class Listed(Struct, Generic[T], frozen=True, kw_only=True):
    """Cards in the order of their ids; `next` is the cursor of the following ones, None at the end."""

    cards: tuple[Shown[T], ...]
    next: str | None = None


class LetterShown(Struct, frozen=True, kw_only=True):
    """A welcome letter: `pending`, `accepted` or `failed`, with the mail server's last answer (E3)."""

    state: str
    answer: str
    tries: int


class EmployeeShown(Struct, frozen=True, kw_only=True):
    """An employee. `called` has the PBX's name in brackets; `overridden_by` is what wins over the rules (D5).

    `one_time_password` and `phone_password` are there in the answer to the creation only, the former where
    no letter takes it to the employee.
    """

    id: str
    version: int
    card: EmployeeCard
    called: str
    letter: LetterShown | None = None
    overridden_by: tuple[str, ...] = ()
    warnings: tuple[ErrorShown, ...] = ()
    one_time_password: str | None = None
    phone_password: str | None = None


class EmployeesListed(Struct, frozen=True, kw_only=True):
    """Employees in the order of their ids."""

    cards: tuple[EmployeeShown, ...]
    next: str | None = None


class ColleagueShown(Struct, frozen=True, kw_only=True):
    """Somebody, or a department, that calls may be forwarded to; `called` has the PBX's name in brackets."""

    id: str
    called: str
    extension: str


class ColleaguesListed(Struct, frozen=True, kw_only=True):
    """Colleagues or departments in the order of their ids."""

    colleagues: tuple[ColleagueShown, ...]
    next: str | None = None


class RenderState(StrEnum):
    """How far a notice is: `waiting` has nothing to play yet, `ready` has, `failed` could not be made."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class NoticeShown(Struct, frozen=True, kw_only=True):
    """A notice. `name` is what it is called where its card has none; `duration_ms` is of what plays now.

    `is_older`: that is an earlier version, which plays on until the newest is ready, or though it `failed`
    (T5). `is_tried_again`: what failed is tried again by itself, `failure` says why in people's words.
    """

    id: str
    version: int
    name: str
    card: NoticeCard
    render_state: RenderState
    duration_ms: int | None = None
    is_older: bool = False
    failure: Text | None = None
    is_tried_again: bool = False
    warnings: tuple[ErrorShown, ...] = ()


class NoticesListed(Struct, frozen=True, kw_only=True):
    """Notices in the order of their ids."""

    cards: tuple[NoticeShown, ...]
    next: str | None = None


class SecretShown(Struct, frozen=True, kw_only=True):
    """A secret, shown this once."""

    secret: str


class TokenShown(Struct, frozen=True, kw_only=True):
    """A program's token, shown this once."""

    id: str
    version: int
    token: str


class Opened(Struct, frozen=True, kw_only=True):
    """A login: tokens, and how long the first is good. With a one-time password only `password` is there."""

    access: str | None = None
    refresh: str | None = None
    password: str | None = None
    expires_in_s: int


class Me(Struct, frozen=True, kw_only=True):
    """Who asks, and what the table of rights gives: action → how far."""

    organization_id: str
    agent_id: str | None
    token_id: str | None
    role: str | None
    departments: tuple[str, ...]
    rights: dict[str, str]


class AuditLine(Struct, frozen=True, kw_only=True):
    """Who changed what; the digests tell whether two cards were the same, `fields` where they differ."""

    number: int
    at: int
    who: str
    what: str
    kind: str
    id: str
    version: int
    before: str
    after: str
    fields: tuple[str, ...] = ()


class AuditListed(Struct, frozen=True, kw_only=True):
    """The audit trail, newest first."""

    lines: tuple[AuditLine, ...]
    next: str | None = None


class CallbackShown(Struct, frozen=True, kw_only=True):
    """A callback that was asked for; whether it is taken is told by history."""

    callback_id: str


class UploadShown(Struct, frozen=True, kw_only=True):
    """Where an uploaded file lies: the `key` for a notice."""

    key: str


class FieldChange(Struct, frozen=True, kw_only=True):
    """A field of a card that differs: what it was and is, as JSON."""

    name: str
    before: str
    after: str


class CardChange(Struct, frozen=True, kw_only=True):
    """A card that is `new`, or `changed` in these fields."""

    what: str
    kind: str
    id: str
    fields: tuple[FieldChange, ...] = ()


class CardLeft(Struct, frozen=True, kw_only=True):
    """A card that the book has and the sheet has not: it stays."""

    kind: str
    id: str


class OfficeShown(Struct, frozen=True, kw_only=True):
    """What saving a whole office changed, or would; `unchanged` counts its cards that were so before."""

    changes: tuple[CardChange, ...]
    unchanged: int
    left: tuple[CardLeft, ...] = ()
    warnings: tuple[ErrorShown, ...] = ()
