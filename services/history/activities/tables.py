"""The tables. All of them are made from facts alone and can be rebuilt.

Instants are milliseconds since 1970 UTC. A contact's document holds all of it; the columns and the tables
beside it serve filters, rights and statistics.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData()


def _id(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, String, primary_key=key, nullable=False)


def _at(name: str, *, key: bool = False, optional: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=optional, autoincrement=False)


positions: Final = Table(
    "positions",
    METADATA,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("log_id", String, nullable=False),
    _at("next_offset"),
    _at("now_at"),
)
heard: Final = Table(
    "heard",
    METADATA,
    _id("organization_id", key=True),
    _id("source", key=True),
    _at("incarnation"),
    _at("seq"),
)
cards: Final = Table(
    "cards",
    METADATA,
    _id("organization_id", key=True),
    _id("kind", key=True),
    _id("card_id", key=True),
    Column("document", Text, nullable=False),
)
contacts: Final = Table(
    "contacts",
    METADATA,
    _id("organization_id", key=True),
    _id("contact_id", key=True),
    _at("started_at"),
    _at("ended_at", optional=True),
    _id("pbx_id"),
    _id("direction"),
    Column("is_internal", Boolean, nullable=False),
    _id("outcome"),
    Column("is_voicemail", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    # The first page needs this index alone: newest first, with the column that rights ask for.
    Index("contacts_by_time", "organization_id", "started_at", "contact_id", "is_internal"),
    Index("contacts_by_outcome", "organization_id", "outcome", "started_at", "contact_id"),
    # Those that are open are few at any time.
    Index(
        "contacts_open",
        "organization_id",
        "ended_at",
        "contact_id",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
contact_names: Final = Table(
    "contact_names",
    METADATA,
    _id("organization_id", key=True),
    _id("name", key=True),
    _id("contact_id", key=True),
    Index("contact_names_by_contact", "organization_id", "contact_id"),
)
contact_departments: Final = Table(
    "contact_departments",
    METADATA,
    _id("organization_id", key=True),
    _id("department_id", key=True),
    _at("started_at", key=True),
    _id("contact_id", key=True),
    Index("contact_departments_by_contact", "organization_id", "contact_id"),
)
contact_agents: Final = Table(
    "contact_agents",
    METADATA,
    _id("organization_id", key=True),
    _id("agent_id", key=True),
    _at("started_at", key=True),
    _id("contact_id", key=True),
    Index("contact_agents_by_contact", "organization_id", "contact_id"),
)
places: Final = Table(
    "places",
    METADATA,
    _id("organization_id", key=True),
    _id("place_id", key=True),
    _id("contact_id", key=True),
    _id("department_id"),
    _at("joined_at"),
    _at("ended_at", optional=True),
    Column("end", String),
    _at("waited_ms"),
    Column("is_with_callback", Boolean, nullable=False),
    Column("is_internal", Boolean, nullable=False),
    Index("places_by_contact", "organization_id", "contact_id"),
    Index("places_by_time", "organization_id", "joined_at"),
)
tries: Final = Table(
    "tries",
    METADATA,
    _id("organization_id", key=True),
    _id("contact_id", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _id("agent_id"),
    Column("department_id", String),
    _id("kind"),
    _at("rung_at"),
    Column("end", String),
    _at("rang_ms", optional=True),
    Column("is_internal", Boolean, nullable=False),
    Index("tries_by_time", "organization_id", "rung_at"),
)
callbacks: Final = Table(
    "callbacks",
    METADATA,
    _id("organization_id", key=True),
    _id("callback_id", key=True),
    _id("contact_id", key=True),
    _id("department_id"),
    _at("ordered_at"),
    _at("agent_at", optional=True),
    _at("dialled_at", optional=True),
    _at("reached_at", optional=True),
    _at("ended_at", optional=True),
    Column("end", String),
    _at("waited_ms"),
    Column("agent_id", String),
    Index("callbacks_by_contact", "organization_id", "contact_id"),
    Index("callbacks_by_time", "organization_id", "ordered_at"),
)
callback_lists: Final = Table(
    "callback_lists",
    METADATA,
    _id("organization_id", key=True),
    _id("list", key=True),
    _at("ordered_at", key=True),
    _id("callback_id", key=True),
    _id("contact_id"),
    _id("department_id"),
    _id("origin"),
    Column("is_standing", Boolean, nullable=False),
    Column("is_internal", Boolean, nullable=False),
    Index("callback_lists_by_contact", "organization_id", "contact_id"),
    Index("callback_lists_by_state", "organization_id", "list", "is_standing", "ordered_at", "callback_id"),
    Index("callback_lists_by_origin", "organization_id", "list", "origin", "ordered_at", "callback_id"),
)
"""Callbacks by who may see them: a list of the organization, of each department, of each agent. So a page is
read from one end of an index, however many contacts there are."""
messages: Final = Table(
    "messages",
    METADATA,
    _id("organization_id", key=True),
    _id("voice_message_id", key=True),
    _id("contact_id"),
    Column("agent_id", String),
    Column("department_id", String),
    _at("taken_at"),
    _id("state"),
    Column("has_audio", Boolean, nullable=False),
    Column("is_internal", Boolean, nullable=False),
    _at("claimed_at", optional=True),
    _at("called_back_at", optional=True),
    _at("heard_at", optional=True),
    _at("warned_at", optional=True),
    Column("claimed_by", String),
    Index("messages_by_contact", "organization_id", "contact_id"),
    Index("messages_by_time", "organization_id", "taken_at", "voice_message_id"),
    # An inbox is one of these, newest first.
    Index("messages_by_department", "organization_id", "department_id", "taken_at", "voice_message_id"),
    Index("messages_by_agent", "organization_id", "agent_id", "taken_at", "voice_message_id"),
    Index("messages_by_claim", "organization_id", "claimed_by", "taken_at", "voice_message_id"),
)
recordings: Final = Table(
    "recordings",
    METADATA,
    _id("organization_id", key=True),
    _id("recording_id", key=True),
    _id("contact_id"),
    _at("at"),
    Column("key", String),
    Index("recordings_by_contact", "organization_id", "contact_id"),
    Index("recordings_by_time", "organization_id", "at"),
)
figure_cells: Final = Table(
    "figure_cells",
    METADATA,
    _id("organization_id", key=True),
    _id("kind", key=True),
    _at("at", key=True),
    _id("agent_id", key=True),
    _id("department_id", key=True),
    Column("is_internal", Boolean, primary_key=True, nullable=False),
    Column("counts", LargeBinary, nullable=False),
)
"""Sums of places, callbacks and tries by their time: statistics add these up (`rules/figure_cells.py`)."""
figure_marks: Final = Table(
    "figure_marks", METADATA, _id("organization_id", key=True), Column("heard", String, nullable=False)
)
"""What had been heard when an organization's cells were last written."""
early: Final = Table(
    "early",
    METADATA,
    _id("organization_id", key=True),
    _id("name", key=True),
    _at("offset", key=True),
    _at("at"),
    _id("type"),
    Column("document", Text, nullable=False),
)
removals: Final = Table(
    "removals",
    METADATA,
    _id("organization_id", key=True),
    _id("key", key=True),
    _id("subject"),
    _id("reason"),
    _at("asked_at"),
)
ended_logins: Final = Table(
    "ended_logins",
    METADATA,
    _id("organization_id", key=True),
    _id("login_id", key=True),
    _at("until_at"),
)
"""Logins that ended before their tokens expired; dropped once those have expired."""
refusals: Final = Table(
    "refusals",
    METADATA,
    _id("organization_id", key=True),
    _at("offset", key=True),
    _at("at"),
    _id("by"),
    _id("action"),
    _id("what"),
)
erasures: Final = Table(
    "erasures",
    METADATA,
    _id("organization_id", key=True),
    _id("erasure_id", key=True),
    _at("at"),
    _id("by"),
    _id("number"),
)
"""Erasures that were asked for; the number is masked."""
erasure_answers: Final = Table(
    "erasure_answers",
    METADATA,
    _id("organization_id", key=True),
    _id("erasure_id", key=True),
    _id("service", key=True),
    _at("at"),
    Column("document", Text, nullable=False),
)
"""What each service has said of an erasure: its fact."""
agent_changes: Final = Table(
    "agent_changes",
    METADATA,
    _id("organization_id", key=True),
    _id("kind", key=True),
    _id("subject", key=True),
    _at("offset", key=True),
    _at("at"),
    _id("type"),
    Column("document", Text, nullable=False),
    Index("agent_changes_by_time", "organization_id", "at"),
)
live_rows: Final = Table(
    "live_rows",
    METADATA,
    _id("organization_id", key=True),
    _id("kind", key=True),
    _id("subject", key=True),
    _at("offset"),
    _at("at"),
    _id("type"),
    Column("department_id", String),
    Column("document", Text),
    Index("live_rows_by_offset", "organization_id", "offset"),
    Index(
        "live_rows_gone",
        "organization_id",
        "at",
        sqlite_where=text("document IS NULL"),
        postgresql_where=text("document IS NULL"),
    ),
)
"""The present, for `GET /live`: open places, standing callbacks, the last facts about agents and PBXs. A row
without a document is over, and kept for an hour for those who were told of it."""
live_versions: Final = Table(
    "live_versions",
    METADATA,
    _id("organization_id", key=True),
    _at("version"),
    _at("rights_version"),
    _at("forgotten"),
)
"""The last offsets that changed an organization's live rows, and somebody's rights; and up to which offset
rows that are over have been forgotten."""
