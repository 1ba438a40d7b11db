"""One unit of work: a transaction that changes cards of one organization.

Opening locks the organization's own row, so that its changes come one after the other: nothing changes
between the checks and the commit, and outbox rows are numbered in the order of the commits. Closing derives
the facts from the cards, compares them with those last said, and says what differs.
"""

from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.directory import AgentAvailabilitySaved
from contracts.ids import Instant
from contracts.message import Fact, type_name
from contracts.scenario import ScenarioSaved
from runtime.ports import Outgoing
from services.directory.activities import outbox
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import AUDIT, CARDS, SAID
from services.directory.rules import facts, hours
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.rules.office_import import changed_fields
from services.directory.state.cards import Card, OrganizationCard
from services.directory.state.office import CARDS as CARD_TYPES
from services.directory.state.office import CHECKED, Kind, Office, put

_DATED: Final = frozenset({type_name(AgentAvailabilitySaved), type_name(ScenarioSaved)})
"""Facts that also change with the date: only those that a change touches are derived anew."""
_OF_CARDS: Final = (
    "directory.organization_saved",
    "directory.pbx_saved",
    "directory.agent_saved",
    "directory.department_saved",
    "directory.notice_saved",
    "directory.direct_rules_saved",
    "directory.rights_saved",
)
"""The types that are derived from cards alone."""
GONE: Final = "gone"
"""In place of a digest: the entity is gone, and nothing more will be said about it."""
_ROWS_AT_ONCE: Final = 500


class StoredCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card with its version, as stored."""

    kind: Kind
    id: str
    version: int
    card: Card
    is_removed: bool = False


def stored_card(row: Any) -> StoredCard:
    """Decode a row of the table of cards."""
    kind = Kind(row.kind)
    card = msgspec.json.decode(row.document, type=CARD_TYPES[kind])
    return StoredCard(kind=kind, id=row.id, version=row.version, card=card, is_removed=row.is_removed)


def in_force(organization_id: str, kind: Kind) -> ColumnElement[bool]:
    """Selects the cards of a kind that are not removed."""
    own = (CARDS.c.organization_id == organization_id) & (CARDS.c.kind == kind.value)
    return own & ~CARDS.c.is_removed


def searched(id_: str, card: Card) -> str:
    """The text that searches match, in lower case."""
    names = ("name", "login", "extension", "email", "number", "job_title", "text", "lines", "agent_id")
    values = (getattr(card, name, None) for name in names)
    found = (" ".join(value) if isinstance(value, tuple) else str(value) for value in values if value)
    return " ".join((id_, *found)).lower()


def content(fact: Fact) -> str:
    """A digest of a fact's content without its version.

    Encoded bytes would not do: they omit a default that is the same object, but not one that is only equal.
    """
    return digest(repr(facts.with_version(fact, facts.VERSION_UNSAID)))


def _version(fact: Fact) -> int:
    version: int = getattr(fact, "version")  # noqa: B009  # every versioned fact has one, the base has not
    return version


class UnitOfWork:
    """What one transaction reads and changes; `office` includes its changes."""

    def __init__(self, connection: AsyncConnection, organization_id: str, now_at: Instant) -> None:
        self.connection = connection
        self.organization_id = organization_id
        self.now_at = now_at
        self.office = Office(organization_id=organization_id, organization=OrganizationCard(name="—"))
        self.rows: dict[tuple[Kind, str], StoredCard] = {}
        self._before: dict[tuple[Kind, str], StoredCard | None] = {}
        self._said: list[Outgoing] = []
        self._audited: list[dict[str, Any]] = []

    @classmethod
    async def open(cls, connection: AsyncConnection, organization_id: str, now_at: Instant) -> "UnitOfWork":
        """Lock and load the organization. Raises RequestRefused when it does not exist."""
        unit = cls(connection, organization_id, now_at)
        own = (
            (CARDS.c.organization_id == organization_id)
            & (CARDS.c.kind == Kind.ORGANIZATION.value)
            & (CARDS.c.id == organization_id)
        )
        locked = await connection.execute(select(CARDS.c.version).where(own).with_for_update())
        if locked.scalar() is None:
            raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": organization_id}))
        await unit.load()
        return unit

    @classmethod
    async def begin(
        cls, connection: AsyncConnection, organization_id: str, card: OrganizationCard, now_at: Instant
    ) -> "UnitOfWork":
        """Create an organization. Raises RequestRefused when its id is taken."""
        unit = cls(connection, organization_id, now_at)
        await unit.load()
        if unit.rows:
            raise RequestRefused(Problem(code=Code.ID_TAKEN, field="id", values={"id": organization_id}))
        unit.put(Kind.ORGANIZATION, organization_id, card)
        return unit

    @property
    def is_begun(self) -> bool:
        """Whether the organization exists, or begins with this unit of work."""
        return (Kind.ORGANIZATION, self.organization_id) in self.rows

    async def load(self) -> None:
        """Read every card that changes are checked against."""
        query = (
            select(CARDS)
            .where(CARDS.c.organization_id == self.organization_id)
            .where(CARDS.c.kind.in_([kind.value for kind in CHECKED]))
            .order_by(CARDS.c.id)
        )
        for found in (await self.connection.execute(query)).all():
            row = stored_card(found)
            self.rows[row.kind, row.id] = row
            if not row.is_removed:
                put(self.office, row.kind, row.id, row.card)

    async def fetch(self, kind: Kind, ids: list[str]) -> None:
        """Read cards by id, of a kind that `load` does not read."""
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            query = (
                select(CARDS)
                .where(CARDS.c.organization_id == self.organization_id)
                .where(CARDS.c.kind == kind.value)
                .where(CARDS.c.id.in_(ids[start : start + _ROWS_AT_ONCE]))
            )
            for found in (await self.connection.execute(query)).all():
                row = stored_card(found)
                self.rows[kind, row.id] = row

    def current(self, kind: Kind, id_: str) -> StoredCard:
        """A card that is in force. Raises RequestRefused when there is none."""
        row = self.rows.get((kind, id_))
        if row is None or row.is_removed:
            raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": id_}))
        return row

    def put(self, kind: Kind, id_: str, card: Card) -> StoredCard:
        """Save a card as its next version; the same card again changes nothing."""
        old = self.rows.get((kind, id_))
        if old is not None and not old.is_removed and old.card == card:
            return old
        row = StoredCard(kind=kind, id=id_, version=1 if old is None else old.version + 1, card=card)
        return self._changed(row, old)

    def remove(self, kind: Kind, id_: str) -> StoredCard:
        """Remove a card; its row stays, and its id is never used again."""
        old = self.current(kind, id_)
        row = StoredCard(kind=kind, id=id_, version=old.version + 1, card=old.card, is_removed=True)
        return self._changed(row, old)

    def _changed(self, row: StoredCard, old: StoredCard | None) -> StoredCard:
        self._before.setdefault((row.kind, row.id), old)
        self.rows[row.kind, row.id] = row
        put(self.office, row.kind, row.id, None if row.is_removed else row.card)
        return row

    def say(self, record: Outgoing) -> None:
        """Send a message beside the facts derived from cards."""
        self._said.append(record)

    async def close(self, who: str) -> None:
        """Write the changes, the audit trail and the outbox."""
        new = [self._values(self.rows[key]) for key, old in self._before.items() if old is None]
        if new:
            await self.connection.execute(insert(CARDS), new)
        for (kind, id_), old in self._before.items():
            row = self.rows[kind, id_]
            if old is not None:
                its = (CARDS.c.organization_id == self.organization_id) & (CARDS.c.kind == kind.value)
                changed = update(CARDS).where(its, CARDS.c.id == id_).values(**self._values(row))
                await self.connection.execute(changed)
            what = "removed" if row.is_removed else "created" if old is None else "changed"
            self.audit(who, what, row, None if old is None else old.card)
        if self._audited:
            await self.connection.execute(insert(AUDIT), self._audited)
        if any(kind in CHECKED for kind, _ in self._before):
            await self.say_what_differs(self._dated_facts())
        await outbox.put(self.connection, self._said)

    def _values(self, row: StoredCard) -> dict[str, Any]:
        return {
            "organization_id": self.organization_id,
            "kind": row.kind.value,
            "id": row.id,
            "version": row.version,
            "document": msgspec.json.encode(row.card).decode(),
            "searched": searched(row.id, row.card),
            "is_removed": row.is_removed,
            "changed_at": self.now_at,
        }

    def audit(self, who: str, what: str, row: StoredCard, before: Card | None) -> None:
        """Add a line to the audit trail: changed fields by name, contents only as digests."""
        values = {"organization_id": self.organization_id, "at": self.now_at, "who": who, "what": what}
        values |= {"kind": row.kind.value, "id": row.id, "version": row.version}
        values["before"] = "" if before is None else digest(msgspec.json.encode(before))
        values["after"] = "" if row.is_removed else digest(msgspec.json.encode(row.card))
        values["fields"] = ""
        if before is not None and not row.is_removed:
            values["fields"] = " ".join(changed_fields(before, row.card))
        self._audited.append(values)

    def _dated_facts(self) -> list[Fact]:
        """Dated facts that the changes touch: all of them where the organization's own card changed."""
        is_everybody = (Kind.ORGANIZATION, self.organization_id) in self._before
        made: list[Fact] = [
            facts.availability(self.office, id_, card, self.now_at)
            for id_, card in self.office.employees.items()
            if is_everybody or (Kind.EMPLOYEE, id_) in self._before
        ]
        made += [
            facts.scenario(self.office, id_, card, self.now_at)
            for id_, card in self.office.scenarios.items()
            if is_everybody or (Kind.SCENARIO, id_) in self._before
        ]
        return made

    def today(self) -> date:
        """The organization's local date."""
        return hours.local_day(self.now_at, self.office.organization.timezone)

    async def say_what_differs(self, dated: list[Fact]) -> None:
        """Compare the derived facts with those said last; say new versions and removals."""
        known = await self._known()
        wanted = [*facts.facts(self.office, self.today()), *dated]
        present = {facts.key(fact) for fact in wanted}
        first: list[dict[str, Any]] = []
        for fact in wanted:
            version, old = known.get(facts.key(fact), (0, ""))
            made = content(fact)
            if made == old:
                continue
            now = facts.with_version(fact, version + 1)
            if version == 0:
                first.append(self._newest(now, made))
                self._tell(now)
            else:
                await self.say_version(now, made, is_new=False)
        if first:
            await self.connection.execute(insert(SAID), first)
        for key, (version, old) in known.items():
            if key not in present and old != GONE and not self._is_in_force(key):
                await self._say_removed(key, version)

    def _is_in_force(self, key: tuple[str, str]) -> bool:
        """Whether the entity of a dated fact, which may not be derived now, still exists."""
        type_, subject = key
        if type_ == type_name(AgentAvailabilitySaved):
            return subject in self.office.employees
        return type_ == type_name(ScenarioSaved) and subject in self.office.scenarios

    async def _known(self) -> dict[tuple[str, str], tuple[int, str]]:
        types = sorted({*_DATED, *_OF_CARDS})
        query = (
            select(SAID.c.type, SAID.c.subject, SAID.c.version, SAID.c.digest)
            .where(SAID.c.organization_id == self.organization_id)
            .where(SAID.c.type.in_(types))
        )
        rows = (await self.connection.execute(query)).all()
        return {(row.type, row.subject): (row.version, row.digest) for row in rows}

    async def _say_removed(self, key: tuple[str, str], version: int) -> None:
        """Say that an entity is removed, where its fact can say so, and mark it as gone."""
        where = (
            (SAID.c.organization_id == self.organization_id)
            & (SAID.c.type == key[0])
            & (SAID.c.subject == key[1])
        )
        value = (await self.connection.execute(select(SAID.c.value).where(where))).scalar_one()
        fact = codec.decode(key[0], value)
        assert isinstance(fact, Fact)
        last = facts.removed(fact)
        if last != fact:
            await self.say_version(facts.with_version(last, version + 1), GONE, is_new=False)
        ended = update(SAID).where(where).values(digest=GONE, known_until_at=None)
        await self.connection.execute(ended)

    async def say_version(self, fact: Fact, made: str, *, is_new: bool) -> None:
        """Say a version of an entity and save it as the newest; ask speech to render notices."""
        values = self._newest(fact, made)
        if is_new:
            await self.connection.execute(insert(SAID).values(**values))
        else:
            its = (SAID.c.organization_id == self.organization_id) & (SAID.c.type == values["type"])
            newer = update(SAID).where(its, SAID.c.subject == values["subject"]).values(**values)
            await self.connection.execute(newer)
        self._tell(fact)

    def _newest(self, fact: Fact, made: str) -> dict[str, Any]:
        """The row of an entity's newest version."""
        type_, subject = facts.key(fact)
        until_at = getattr(fact, "known_until_at", getattr(fact, "hours_known_until_at", None))
        return {
            "organization_id": self.organization_id,
            "type": type_,
            "subject": subject,
            "version": _version(fact),
            "digest": made,
            "value": codec.encode(fact),
            "known_until_at": until_at,
        }

    def _tell(self, fact: Fact) -> None:
        _, subject = facts.key(fact)
        id_ = outbox.versioned_id(self.organization_id, fact, subject, _version(fact))
        self.say(outbox.record(fact, id_=id_, organization_id=self.organization_id, now_at=self.now_at))
        command = facts.rendering(fact, self.office.organization.dialling.home_region)
        if command is not None:
            self.say(outbox.rendering(command, self.organization_id, self.now_at, cause=id_))

    async def say_single(self, fact: Fact, *, is_always: bool = False) -> None:
        """Say a fact that is not derived from the office's cards (a pause, a CRM's line), if it differs.

        `is_always`: also say an equal fact, because other services may have changed the state meanwhile.
        """
        type_, subject = facts.key(fact)
        where = (SAID.c.organization_id == self.organization_id) & (SAID.c.type == type_)
        query = select(SAID.c.version, SAID.c.digest).where(where, SAID.c.subject == subject)
        known = (await self.connection.execute(query)).first()
        made = content(fact)
        if known is not None and known.digest == made and not is_always:
            return
        version = 1 if known is None else known.version + 1
        await self.say_version(facts.with_version(fact, version), made, is_new=known is None)
