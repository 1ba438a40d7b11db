"""The tables. A card is a JSON document with columns for finding it; times are ms (UTC)."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()
# SQLite auto-increments only its own INTEGER.
_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")

CARDS: Final = Table(
    "cards",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("searched", Text, nullable=False),
    Column("is_removed", Boolean, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "kind", "id"),
)
"""Every card. Changes lock the organization's own row, so that they come one after the other."""

SAID: Final = Table(
    "said",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("known_until_at", BigInteger, nullable=True),
    PrimaryKeyConstraint("organization_id", "type", "subject"),
    Index("said_known_until", "known_until_at"),
)
"""The newest fact about each entity: what a change is compared with, and what `republish` says again."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("record", LargeBinary, nullable=False),
)
"""Messages still to be sent, in order; a row is deleted once the log has acknowledged it."""

STREAMS: Final = Table(
    "streams",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("pbx_id", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "pbx_id"),
)
"""The last number of a command for each PBX: a gateway accepts only the successor."""

CHECKS: Final = Table(
    "checks",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("pbx_id", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("found", Boolean, nullable=True),
    Column("asked_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "pbx_id", "seq"),
)
"""Questions about extensions and the PBXs' answers, for the replica that waits."""

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("organization_id", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", String(80), nullable=False),
    Column("what", String(40), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", String(64), nullable=False),
    Column("after", String(64), nullable=False),
    Column("fields", Text, nullable=False, server_default=""),
    Index("audit_by_organization", "organization_id", "number"),
)

ANSWERS: Final = Table(
    "answers",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("who", String(80), nullable=False),
    Column("key", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "who", "key"),
    Index("answers_by_age", "at"),
)
"""Answers to requests with an Idempotency-Key, for a day; sealed, since one may hold a password."""

PASSWORDS: Final = Table(
    "passwords",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("hash", String(255), nullable=False),
    Column("is_one_time", Boolean, nullable=False),
    Column("sealed_phone_password", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "agent_id"),
)

CODES: Final = Table(
    "codes",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("hash", String(255), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "agent_id"),
)
"""One-time codes for forgotten passwords, hashed as passwords are."""

FAMILIES: Final = Table(
    "families",
    METADATA,
    Column("family", String(64), primary_key=True),
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("refresh_digest", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("families_by_agent", "organization_id", "agent_id"),
)
"""A login and its valid refresh token; a used one ends the whole family."""

PROGRAMS: Final = Table(
    "programs",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("organization_id", "token_id"),
)
"""The digest of each program's token; the token itself was shown once."""

TRIES: Final = Table(
    "tries",
    METADATA,
    Column("subject", String(120), nullable=False),
    Column("window_at", BigInteger, nullable=False),
    Column("failed", Integer, nullable=False),
    PrimaryKeyConstraint("subject"),
)
"""Failed tries of a login or an address in its window."""

LETTERS: Final = Table(
    "letters",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", String(300), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=True),
    Column("message_id", String(120), nullable=False),
    Column("sealed", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "agent_id"),
    Index("letters_due", "due_at"),
)
"""Welcome letters (E3); their secrets are sealed, and deleted once a letter has ended."""

CALLBACKS: Final = Table(
    "callbacks",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("callback_id", String(120), nullable=False),
    Column("department_id", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "callback_id"),
    Index("callbacks_by_age", "at"),
)
"""Each callback's department, whose people may cancel it."""

RENDERINGS: Final = Table(
    "renderings",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("notice_id", String(64), nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("reason_ru", Text, nullable=False),
    Column("reason_en", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "notice_id", "outcome"),
)
"""What speech made of each notice: the newest version that is `ready`, and the newest that has `failed`."""

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("holder", String(40), nullable=False),
    Column("until_at", BigInteger, nullable=False),
)
"""The replica that does what only one may do at a time."""
