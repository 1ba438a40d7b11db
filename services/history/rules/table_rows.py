"""A contact's rows in every table: nothing else is written about it.

A row is a dict by column name. Filters, rights and statistics read only these rows.
"""

from collections.abc import Iterator
from typing import Any, Final

from services.history.rules import contact_names, history_row
from services.history.rules.figure_counts import BY_OTHER_CALL
from services.history.rules.tries import ends
from services.history.state import Contact, Direction, MessageState, Who, encoded

TableRow = dict[str, Any]
"""One row: values by column."""

CHILDREN: Final = (
    "contact_names",
    "contact_departments",
    "contact_agents",
    "places",
    "tries",
    "callbacks",
    "callback_lists",
    "messages",
    "recordings",
)
"""The tables that hold a contact's rows, beside `contacts`."""

OF_ORGANIZATION: Final = "organization"
"""The list that has every callback of an organization."""
NOT_LEFT: Final = (MessageState.RECORDING, MessageState.MISSING)
"""States in which nobody left a voice message; retention must remove what was recorded all the same."""


def rows_of(contact: Contact) -> dict[str, list[TableRow]]:
    """Every row of a contact, by table; the same rows in the same order for the same record."""
    found: dict[str, list[TableRow]] = {
        "contacts": [_contact(contact)],
        "contact_names": [{"name": name} for name in contact_names.names_of(contact)],
        "contact_departments": [
            {"department_id": each, "started_at": contact.started_at} for each in departments_of(contact)
        ],
        "contact_agents": [
            {"agent_id": each, "started_at": contact.started_at} for each in agents_of(contact)
        ],
        "places": list(_places(contact)),
        "tries": list(_tries(contact)),
        "callbacks": list(_callbacks(contact)),
        "callback_lists": list(_callback_lists(contact)),
        "messages": list(_messages(contact)),
        "recordings": [
            {"recording_id": each.recording_id, "at": each.at, "key": each.key} for each in contact.recordings
        ],
    }
    key = {"organization_id": contact.organization_id, "contact_id": contact.contact_id}
    return {table: [key | row for row in listed] for table, listed in found.items()}


def list_of_department(department_id: str) -> str:
    """The list of the callbacks that a department's people may see."""
    return f"department/{department_id}"


def list_of_agent(agent_id: str) -> str:
    """The list of the callbacks in an agent's own contacts."""
    return f"agent/{agent_id}"


def departments_of(contact: Contact) -> list[str]:
    """Every department that a contact passed, whose people may see it (P2, O6)."""
    found = [
        *(each.department.department_id for each in contact.places),
        *(each.department.department_id for each in contact.callbacks),
        *(stop.department.department_id for stop in contact.stops if stop.department is not None),
        *(each.department_id for each in contact.messages if each.department_id is not None),
    ]
    return sorted(set(found))


def agents_of(contact: Contact) -> list[str]:
    """Every agent whose own call it is: the caller, all who were tried or talked, the message's owner."""
    people: list[Who | None] = [
        contact.caller,
        contact.machine_of,
        contact.missed_by,
        *(each.agent for each in contact.tries),
        *(each.agent for each in contact.talks),
    ]
    found = [who.agent_id for who in people if who is not None]
    found += [each.agent_id for each in contact.messages if each.agent_id is not None]
    return sorted(set(found))


def _contact(contact: Contact) -> TableRow:
    row = history_row.row(contact)
    return {
        "started_at": contact.started_at,
        "ended_at": contact.ended_at,
        "pbx_id": contact.pbx_id,
        "direction": str(contact.direction),
        "is_internal": contact.direction is Direction.INTERNAL,
        "outcome": str(row.outcome),
        "is_voicemail": row.is_voicemail,
        "document": encoded(contact),
    }


def _places(contact: Contact) -> Iterator[TableRow]:
    for each in contact.places:
        yield {
            "place_id": each.place_id,
            "department_id": each.department.department_id,
            "joined_at": each.joined_at,
            "ended_at": each.ended_at,
            "end": None if each.end is None else str(each.end),
            "waited_ms": each.waited_ms,
            "is_with_callback": each.is_with_callback,
            "is_internal": contact.direction is Direction.INTERNAL,
        }


def _tries(contact: Contact) -> Iterator[TableRow]:
    for number, (each, end) in enumerate(zip(contact.tries, ends(contact), strict=True)):
        if each.agent is None:
            continue
        answered_ms = None
        if end is not None and each.ended_at is not None:
            answered_ms = each.ended_at - each.rung_at
        yield {
            "number": number,
            "agent_id": each.agent.agent_id,
            "department_id": each.department_id,
            "kind": str(each.kind),
            "rung_at": each.rung_at,
            "end": None if end is None else str(end),
            "rang_ms": answered_ms,
            "is_internal": contact.direction is Direction.INTERNAL,
        }


def _callbacks(contact: Contact) -> Iterator[TableRow]:
    for each in contact.callbacks:
        if not each.is_ordered:
            continue
        yield {
            "callback_id": each.callback_id,
            "department_id": each.department.department_id,
            "ordered_at": each.ordered_at,
            "agent_at": each.agent_at,
            "dialled_at": each.dialled_at,
            "reached_at": each.reached_at,
            "ended_at": each.ended_at,
            "end": BY_OTHER_CALL if each.is_by_other_call else None if each.end is None else str(each.end),
            "waited_ms": each.waited_ms,
            "agent_id": None if each.agent is None else each.agent.agent_id,
        }


def _callback_lists(contact: Contact) -> Iterator[TableRow]:
    """Each callback in every list of those who may see its contact, refused orders included."""
    lists = [
        OF_ORGANIZATION,
        *(list_of_department(each) for each in departments_of(contact)),
        *(list_of_agent(each) for each in agents_of(contact)),
    ]
    for each in contact.callbacks:
        for name in lists:
            yield {
                "list": name,
                "ordered_at": each.ordered_at,
                "callback_id": each.callback_id,
                "department_id": each.department.department_id,
                "origin": str(each.origin),
                "is_standing": each.ended_at is None,
                "is_internal": contact.direction is Direction.INTERNAL,
            }


def _messages(contact: Contact) -> Iterator[TableRow]:
    for each in contact.messages:
        has_audio = each.mp3_key is not None or each.original_key is not None
        if each.state in NOT_LEFT and not has_audio:
            continue
        yield {
            "voice_message_id": each.voice_message_id,
            "agent_id": each.agent_id,
            "department_id": each.department_id,
            "taken_at": each.taken_at or each.at,
            "state": str(each.state),
            "has_audio": has_audio,
            "is_internal": contact.direction is Direction.INTERNAL,
            "claimed_at": None if each.claimed is None else each.claimed.at,
            "claimed_by": None if each.claimed is None else each.claimed.by,
            "called_back_at": None if each.called_back is None else each.called_back.at,
            "heard_at": None if each.heard is None else each.heard.at,
            "warned_at": each.warned_at,
        }
