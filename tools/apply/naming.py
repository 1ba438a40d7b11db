"""How an office file's names become the messages': notices, recipients, and names that mean nobody."""

import difflib
from collections.abc import Iterable
from typing import Final

from contracts.directory import NoticeChoice, NoticeKind, Recipient
from contracts.ids import NoticeId
from tools.apply.document import Path, Problem
from tools.apply.model import Notice, Office, Who

VERSION_FIRST: Final = 1
"""What a file says has this version; what the log has already raises it."""


def unknown(kind: str, name: str, known: Iterable[str], path: Path) -> Problem:
    """A reference to something that the file does not have."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    remedy = f"Did you mean «{close[0]}»?" if close else f"There are: {', '.join(names) or 'none'}"
    return Problem(path, f"there is no {kind} «{name}»", remedy)


def choice(notice_id: NoticeId, notice: Notice) -> NoticeChoice:
    """Which notice plays; a spoken or uploaded one is saved under this id."""
    if notice.kind is not None:
        return NoticeChoice(kind=NoticeKind(notice.kind))
    kind = NoticeKind.SPOKEN if notice.spoken is not None else NoticeKind.UPLOADED
    return NoticeChoice(kind=kind, notice_id=notice_id)


def recipients(office: Office, people: Iterable[Who]) -> tuple[Recipient, ...]:
    """Who gets letters, with address and language; the checks have seen to it that there are both."""
    found = []
    for who in people:
        employee = office.employees.get(who.employee) if who.employee is not None else None
        name = employee.name if employee else who.name
        email = employee.email if employee else who.email
        language = who.language or (employee.language if employee else None) or office.organization.language
        assert name is not None
        assert email is not None
        found.append(Recipient(name=name, email=email, language=language))
    return tuple(found)
