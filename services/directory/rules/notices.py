"""What must hold for a notice, and for the choice of one (T1, T3, T6)."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from contracts.audio_keys import is_own_upload
from contracts.directory import NoticeKind
from runtime.spelling import meant
from services.directory.rules.employees import unknown
from services.directory.rules.errors import Code, Problem
from services.directory.state.cards import NoticeCard, NoticeChoice
from services.directory.state.office import Office

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
PLACEHOLDERS: Final = ("position", "wait_minutes", "department", "employee", "number", "return_date")
"""All placeholders (T3)."""
OF_EMPLOYEE: Final = ("employee", "return_date")
OF_CALL: Final = ("position", "wait_minutes", "number")
"""Placeholders that only a call can fill, on some occasions."""
FILLS: Final[dict[str, tuple[str, ...]]] = {
    "welcome": ("position", "wait_minutes"),
    "position": ("position", "wait_minutes"),
    "invitation": OF_CALL,
    "order_taken": OF_CALL,
    "apology": ("number",),
}
"""The placeholders that a call fills, by occasion; none on other occasions."""


def notice(office: Office, card: NoticeCard) -> Iterator[Problem]:
    """Problems of a notice."""
    if bool(card.text.strip()) == (card.key is not None):
        yield Problem(code=Code.NOTICE_UNFIT, field="text")
    if card.key is not None and not is_own_upload(office.organization_id, card.key):
        yield Problem(code=Code.UPLOAD_UNKNOWN, field="key")
    if card.department_id is not None and card.department_id not in office.departments:
        yield unknown("department_id", card.department_id, office.departments)
    if card.agent_id is not None and card.agent_id not in office.employees:
        yield unknown("agent_id", card.agent_id, office.employees)
    for name in PLACEHOLDER.findall(card.text):
        shown = f"{{{name}}}"
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            near = meant(name, PLACEHOLDERS)
            values = {"name": shown, "known": known, "meant": f"{{{near}}}" if near else ""}
            yield Problem(code=Code.PLACEHOLDER_UNKNOWN, field="text", values=values)
        elif (name == "department" and card.department_id is None) or (
            name in OF_EMPLOYEE and card.agent_id is None
        ):
            yield Problem(code=Code.PLACEHOLDER_EMPTY, field="text", values={"name": shown})
    if set(PLACEHOLDER.sub("", card.text)) & {"{", "}"}:
        yield Problem(code=Code.PLACEHOLDER_BROKEN, field="text")


def choice(office: Office, said: NoticeChoice, field: str, fills: Collection[str] = ()) -> Iterator[Problem]:
    """A chosen notice that is unknown, of another kind, or has a placeholder that would stay empty."""
    if said.kind in (NoticeKind.STANDARD, NoticeKind.NONE):
        if said.notice_id is not None:
            yield Problem(code=Code.NOTICE_UNFIT, field=f"{field}.notice_id")
        return
    found = office.notices.get(said.notice_id or "")
    if found is None:
        yield unknown(f"{field}.notice_id", said.notice_id or "", office.notices)
        return
    if (found.key is not None) != (said.kind is NoticeKind.UPLOADED):
        yield Problem(code=Code.NOTICE_UNFIT, field=f"{field}.kind")
    for name in PLACEHOLDER.findall(found.text):
        if name in OF_CALL and name not in fills:
            values = {"name": f"{{{name}}}"}
            yield Problem(code=Code.PLACEHOLDER_EMPTY, field=f"{field}.notice_id", values=values)
