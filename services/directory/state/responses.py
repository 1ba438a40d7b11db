"""Answers of the API: cards with versions, lists, errors, and secrets shown once."""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from services.directory.state.cards import EmployeeCard, NoticeCard, ServiceLevel, TokenCard

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


class IdentityShown(Struct, frozen=True, kw_only=True):
    """Who an employee is at the organization's provider of identities."""

    issuer: str
    subject: str
    linked_at: int


class EmployeeShown(Struct, frozen=True, kw_only=True):
    """An employee. `called` has the PBX's name in brackets; `overridden_by` is what wins over the rules (D5).

    `identity` stands on a card that is read alone, not in a list.

    `one_time_password` and `phone_password` are there in the answer to the creation only, the former where
    no letter takes it to the employee.
    """

    id: str
    version: int
    card: EmployeeCard
    called: str
    letter: LetterShown | None = None
    identity: IdentityShown | None = None
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


class TokenUsed(Struct, frozen=True, kw_only=True):
    """Which key signed a program's token, and when it was last used here, exact to five minutes.

    `is_of_earlier_kind`: a version before signed it, and it is valid until the day that the operator has set.
    """

    kid: str
    is_of_earlier_kind: bool
    last_used_at: int | None


class TokenListed(Struct, frozen=True, kw_only=True):
    """A token's card, with what is known of the token; None: it is not valid any more."""

    id: str
    version: int
    card: TokenCard
    token: TokenUsed | None


class TokensListed(Struct, frozen=True, kw_only=True):
    """Tokens in the order of their ids; `next` is the cursor of the following ones, None at the end."""

    cards: tuple[TokenListed, ...]
    next: str | None = None


class TokenShown(Struct, frozen=True, kw_only=True):
    """A program's token, shown this once."""

    id: str
    version: int
    token: str


class Authorization(Struct, frozen=True, kw_only=True):
    """Where a browser is sent to sign in at the provider; the rest stays with the caller until it comes back.

    `state` is compared with what the browser brings; `nonce` and `code_verifier` go with the code.
    """

    address: str
    state: str
    nonce: str
    code_verifier: str


class Opened(Struct, frozen=True, kw_only=True):
    """A login: tokens, and how long the first is good. While something is missing, only a token for that.

    `password`: a one-time password is to be replaced (PUT /me/password). `second_factor`: a code is to be
    given (POST /sessions/second-factor). `second_factor_setup`: one is to be set up (POST /me/second-factor).

    `device` comes with a new login; sent back with the next one, it keeps others' failed tries from counting.
    """

    access: str | None = None
    refresh: str | None = None
    password: str | None = None
    second_factor: str | None = None
    second_factor_setup: str | None = None
    device: str | None = None
    expires_in_s: int


class SessionShown(Struct, frozen=True, kw_only=True):
    """An open login: instants in ms (UTC), the address and the browser that it began with.

    `method` is how it was authenticated: `password`, `second_factor` or `openid`.
    """

    id: str
    opened_at: int
    renewed_at: int
    expires_at: int
    address: str
    user_agent: str
    method: str
    is_current: bool


class SessionsListed(Struct, frozen=True, kw_only=True):
    """Open logins, the one used last first."""

    sessions: tuple[SessionShown, ...]


class SecondFactorShown(Struct, frozen=True, kw_only=True):
    """One's own second factor, and whether the organization requires one."""

    is_active: bool
    is_required: bool
    recovery_codes_left: int


class SecondFactorBegun(Struct, frozen=True, kw_only=True):
    """A secret for the authenticator app (base32), and the same as an `otpauth://` URI; shown this once."""

    secret: str
    uri: str


class SecondFactorConfirmed(Struct, frozen=True, kw_only=True):
    """Recovery codes, shown this once; `opened` is the login of whoever had to set it up first."""

    recovery_codes: tuple[str, ...]
    opened: Opened | None = None


class RecoveryCodesShown(Struct, frozen=True, kw_only=True):
    """Recovery codes, shown this once."""

    recovery_codes: tuple[str, ...]


class Me(Struct, frozen=True, kw_only=True):
    """Who asks, and what the table of rights gives: action → how far.

    `name` and `login` are a person's, and empty for a program. An organization that does not exist yet has no
    name, and the zone UTC.
    """

    organization_id: str
    agent_id: str | None
    token_id: str | None
    role: str | None
    departments: tuple[str, ...]
    rights: dict[str, str]
    name: str = ""
    login: str = ""
    organization_name: str = ""
    timezone: str = "UTC"
    service_level: ServiceLevel = ServiceLevel()


class AuditChange(Struct, frozen=True, kw_only=True):
    """A changed field, and what it was and is, in words."""

    field: str
    before: str
    after: str


class AuditLine(Struct, frozen=True, kw_only=True):
    """Who changed what, or a security event (`version` 0, `what` its name).

    `by`, `said`, `about` and `changes` are in words. The digests tell whether two cards were the same,
    `fields` where they differ; a line from before `changes` has only those.
    """

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
    by: str = ""
    said: str = ""
    about: str = ""
    outcome: str = "ok"
    changes: tuple[AuditChange, ...] = ()
    details: dict[str, str] = {}


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
