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

ORGANIZATIONS: Final = Table(
    "organizations",
    METADATA,
    Column("organization_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("ceilings", Text, nullable=False, server_default="{}"),
    Column("changed_at", BigInteger, nullable=False),
)
"""The organizations of this installation: written by its operator only. An id is never used again."""

PBX_OWNERS: Final = Table(
    "pbx_owners",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("pbx_id", String(64), nullable=False),
    PrimaryKeyConstraint("organization_id", "pbx_id"),
)
"""The PBXs that an organization may have, as the gateways serve them (`organization/pbx`)."""

NUMBER_OWNERS: Final = Table(
    "number_owners",
    METADATA,
    Column("number", String(20), primary_key=True),
    Column("organization_id", String(64), nullable=False),
    Index("number_owners_by_organization", "organization_id"),
)
"""The public numbers (E.164), each of one organization."""

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
    Column("said_at", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("organization_id", "type", "subject"),
    Index("said_known_until", "known_until_at"),
)
"""The newest fact about each entity: what a change is compared with, and what `republish` says again."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("record", LargeBinary, nullable=False),
    Column("organization_id", String(64), nullable=False, server_default="?"),
    Column("stream", String(200), nullable=False, server_default=""),
    Column("at", BigInteger, nullable=True),
    Column("set_aside_at", BigInteger, nullable=True),
    Column("set_aside_times", Integer, nullable=False, server_default="0"),
    Column("reason", String(300), nullable=False, server_default=""),
)
"""Messages still to be sent, in each organization's order; a row is deleted once the log has acknowledged it.

A row that can never be sent is set aside, with the reason and how often, and holds back only later rows of
its `stream`: a PBX's numbered commands, or the requests about one callback. The other facts have versions, of
which the newest wins.
"""
Index(
    "outbox_waiting",
    OUTBOX.c.organization_id,
    OUTBOX.c.number,
    sqlite_where=OUTBOX.c.set_aside_at.is_(None),
    postgresql_where=OUTBOX.c.set_aside_at.is_(None),
)
Index(
    "outbox_set_aside",
    OUTBOX.c.set_aside_at,
    sqlite_where=OUTBOX.c.set_aside_at.is_not(None),
    postgresql_where=OUTBOX.c.set_aside_at.is_not(None),
)

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
    Column("outcome", String(8), nullable=False, server_default="ok"),
    Column("details", Text, nullable=False, server_default=""),
    Index("audit_by_organization", "organization_id", "number"),
    Index("audit_by_age", "at"),
)
"""Who changed which card, and security events (`what` is the event's name, `kind` what it begins with).

`details` is JSON: of a card the changed fields with before and after, of an event its further fields.
"""

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
    Column("expires_at", BigInteger, nullable=True),
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

SECOND_FACTORS: Final = Table(
    "second_factors",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("sealed_secret", Text, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "agent_id", "is_active"),
)
"""Secrets of one-time codes by time: the one in force, and one that no code has confirmed yet.

`last_step` is the time step of the code that was accepted last; none of it or earlier is accepted again.
"""

RECOVERY_CODES: Final = Table(
    "recovery_codes",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("organization_id", "agent_id", "digest"),
)
"""The digests of codes for whoever has lost the device; a used one is deleted."""

FAMILIES: Final = Table(
    "families",
    METADATA,
    Column("family", String(64), primary_key=True),
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("refresh_id", String(32), nullable=False),
    Column("previous_id", String(32), nullable=False),
    Column("method", String(16), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("authenticated_at", BigInteger, nullable=False),
    Column("renewed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Index("families_by_agent", "organization_id", "agent_id"),
)
"""A login, its valid refresh token and the one before, by their ids, which open nothing: tokens are signed.

`method` is how it was authenticated, `authenticated_at` when last; address and browser are of its beginning.
"""

PROGRAMS: Final = Table(
    "programs",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("kid", String(100), nullable=False, server_default=""),
    Column("issued_at", BigInteger, nullable=False, server_default="0"),
    Column("last_used_at", BigInteger, nullable=True),
    PrimaryKeyConstraint("organization_id", "token_id"),
)
"""The digest of each program's token; the token itself was shown once.

`kid` is empty for a token that a version before signed, with the key that all services had.
"""

IDENTITY_PROVIDERS: Final = Table(
    "identity_providers",
    METADATA,
    Column("organization_id", String(64), primary_key=True),
    Column("issuer", String(300), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("sealed_client_secret", Text, nullable=False),
    Column("redirects", Text, nullable=False),
    Column("is_only", Boolean, nullable=False),
    Column("break_glass_agent_id", String(64), nullable=True),
    Column("changed_at", BigInteger, nullable=False),
    Column("role_mapping", Text, nullable=True),
)
"""The one provider by which an organization's people may sign in; the operator writes it (decision 0040).

`redirects` is a JSON list of addresses. Where `is_only`, passwords open logins of one administrator alone.
`role_mapping` is JSON, too (`openid_roles.RoleMapping`); none: roles are those on the cards.
"""

IDENTITIES: Final = Table(
    "identities",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("linked_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "issuer", "subject"),
    Index("identities_by_agent", "organization_id", "agent_id", unique=True),
)
"""Which identity at the provider is which employee; each has one at most."""

TRIES: Final = Table(
    "tries",
    METADATA,
    Column("subject", String(120), nullable=False),
    Column("window_at", BigInteger, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("subject"),
    Index("tries_by_age", "expires_at"),
)
"""Tries of a subject since its window began, or failed ones in a row, the last of them at `window_at`."""

DEVICES: Final = Table(
    "devices",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("device_id", String(64), nullable=False),
    Column("used_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "agent_id", "device_id"),
    Index("devices_by_age", "used_at"),
)
"""Devices that an employee has signed in on, by the digests of their tokens."""

TEXTS: Final = Table(
    "texts",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("day", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "subject"),
)
"""Texts of a day: of an organization, an employee, or a number (as a digest) of the whole installation."""

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
Index(
    "letters_waiting",
    LETTERS.c.organization_id,
    LETTERS.c.due_at,
    sqlite_where=LETTERS.c.due_at.is_not(None),
    postgresql_where=LETTERS.c.due_at.is_not(None),
)

USAGES: Final = Table(
    "usages",
    METADATA,
    Column("organization_id", String(64), nullable=False),
    Column("quota", String(40), nullable=False),
    Column("window_at", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "quota"),
)
"""What an organization has used of a quota in its window."""

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

PHONE_LINKS: Final = Table(
    "phone_links",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("organization_id", String(64), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("phone_links_by_agent", "organization_id", "agent_id"),
)
"""One-time links that show phone passwords (E3), as digests; a row is deleted once its link is used."""

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("holder", String(40), nullable=False),
    Column("until_at", BigInteger, nullable=False),
)
"""The replica that does what only one may do at a time."""
