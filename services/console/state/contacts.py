"""Contacts of history as the console shows them, and whom one can filter them by."""

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One contact as one line. Instants are ms since 1970, durations ms; numbers come masked."""

    contact_id: str
    started_at: int
    ended_at: int | None
    direction: str
    pbx_name: str
    line: str
    number: str | None
    caller: str
    outcome: str
    agent_label: str
    department_label: str
    is_voicemail: bool
    has_recording: bool
    waited_ms: int
    talk_ms: int
    position: int | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, newest first; `next` is the cursor of the older ones, None at the end."""

    rows: tuple[Row, ...]
    next: str | None = None


class Colleague(msgspec.Struct, frozen=True, kw_only=True):
    """An employee or a department; `called` has another PBX in brackets."""

    id: str
    called: str


class Colleagues(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them; `next` is the cursor of those that follow."""

    colleagues: tuple[Colleague, ...]
    next: str | None = None
