"""One unit of work: a transaction that changes cards of one organization.

Opening locks the organization's own row, so that its changes come one after the other: nothing changes
between the checks and the commit, and outbox rows are numbered in the order of the commits. Closing derives
the facts from the cards, compares them with those last said, and says what differs.
"""

from datetime import date
from typing import Any, Final

import msgspec
import structlog
from msgspec import structs
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.directory import AgentAvailabilitySaved
from contracts.ids import Instant
from contracts.message import Fact, type_name
from contracts.scenario import ScenarioSaved
from runtime import metrics
from runtime.ports import Outgoing
from services.directory.activities import audit_trail, grants, outbox, stored_cards
from services.directory.activities.audit_trail import Noted
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.stored_cards import CardUnreadable, StoredCard, searched, stored_card
from services.directory.activities.tables import AUDIT, CARDS, SAID
from services.directory.rules import audit_changes, facts, hours, privileges, sizes
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.rules.office_import import changed_fields
from services.directory.rules.privileges import Change, Needed
from services.directory.state.cards import Card, EmployeeCard, OrganizationCard
from services.directory.state.office import CHECKED, PARTS, Kind, Office, put

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

_log = structlog.get_logger()


def _card(row: StoredCard | None) -> Card | None:
    return None if row is None or row.is_removed else row.card


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
        # Who begins an organization by an office file chooses no other home region than the installation's.
        self.office.home_region_saved = self.office.organization.dialling.home_region
        self.rows: dict[tuple[Kind, str], StoredCard] = {}
        self._unreadable: dict[tuple[Kind, str], int] = {}
        """Versions of cards that can't be read."""
        self._blocking: set[tuple[Kind, str]] = set()
        """Those of them in force: while there is one, nothing may follow from what the office lacks."""
        self._before: dict[tuple[Kind, str], StoredCard | None] = {}
        self._secrets_of: list[str] = []
        self.keeps_too_large = False
        """Whether a fact that is too large stays as last said, with an alarm: nobody waits for an answer."""
        self._said: list[Outgoing] = []
        self._too_large: list[Problem] = []
        self._audited: list[dict[str, Any]] = []
        self._noted: list[Noted] = []

    @classmethod
    async def open(cls, connection: AsyncConnection, organization_id: str, now_at: Instant) -> "UnitOfWork":
        """Lock and load the organization. Raises RequestRefused when it does not exist."""
        unit = cls(connection, organization_id, now_at)
        if not await stored_cards.lock(connection, organization_id):
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
        unit.office.home_region_saved = card.dialling.home_region
        return unit

    @property
    def is_begun(self) -> bool:
        """Whether the organization exists, or begins with this unit of work."""
        return (Kind.ORGANIZATION, self.organization_id) in self.rows

    async def load(self) -> None:
        """Read every card that changes are checked against, and what the operator has given."""
        self.office.grants = await grants.found(self.connection, self.organization_id)
        query = (
            select(CARDS)
            .where(CARDS.c.organization_id == self.organization_id)
            .where(CARDS.c.kind.in_([kind.value for kind in CHECKED]))
            .order_by(CARDS.c.id)
        )
        for found in (await self.connection.execute(query)).all():
            try:
                row = stored_card(found)
            except CardUnreadable:
                key = (Kind(found.kind), found.id)
                if key[0] is Kind.ORGANIZATION:
                    # Every fact would be derived from a card that nobody saved.
                    raise
                self._unreadable[key] = found.version
                self._blocking |= set() if found.is_removed else {key}
                continue
            self.rows[row.kind, row.id] = row
            if not row.is_removed:
                put(self.office, row.kind, row.id, row.card)
        if self.is_begun:
            self.office.home_region_saved = self.office.organization.dialling.home_region

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
        if (kind, id_) in self._blocking:
            raise CardUnreadable(kind, id_)
        row = self.rows.get((kind, id_))
        if row is None or row.is_removed:
            raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": id_}))
        return row

    def is_taken(self, kind: Kind, id_: str) -> bool:
        """Whether an id is or was a card's."""
        return (kind, id_) in self.rows or (kind, id_) in self._unreadable

    def ids(self, kind: Kind) -> set[str]:
        """Every id that is or was a card's."""
        return {id_ for each, id_ in (*self.rows, *self._unreadable) if each is kind}

    def require_readable(self) -> None:
        """Raise CardUnreadable while a card in force can't be read: its absence would look like a removal."""
        for kind, id_ in sorted(self._blocking):
            raise CardUnreadable(kind, id_)

    def put(self, kind: Kind, id_: str, card: Card) -> StoredCard:
        """Save a card as its next version, also over one that can't be read; the same changes nothing."""
        old = self.rows.get((kind, id_))
        if old is not None and not old.is_removed and old.card == card:
            return old
        version = self._unreadable.get((kind, id_), 0) if old is None else old.version
        self._blocking.discard((kind, id_))
        row = StoredCard(kind=kind, id=id_, version=version + 1, card=card)
        return self._changed(row, old)

    def again(self, kind: Kind, id_: str) -> StoredCard:
        """Save a card as it is as its next version: what belongs to it has changed."""
        old = self.current(kind, id_)
        return self._changed(StoredCard(kind=kind, id=id_, version=old.version + 1, card=old.card), old)

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

    def change_secret(self, agent_id: str) -> StoredCard:
        """Note that an employee's password changes, and return the card. Raises RequestRefused."""
        row = self.current(Kind.EMPLOYEE, agent_id)
        self._secrets_of.append(agent_id)
        return row

    def readdressed(self) -> list[str]:
        """Employees whose e-mail address is another than before, or may be: an unreadable card tells none."""
        found = [(id_, old) for (kind, id_), old in self._before.items() if kind is Kind.EMPLOYEE]
        return [id_ for id_, old in found if self._email_changes(id_, old)]

    def _email_changes(self, agent_id: str, old: StoredCard | None) -> bool:
        if old is None:  # a new card, or one in place of an unreadable one
            return (Kind.EMPLOYEE, agent_id) in self._unreadable
        card = self.rows[Kind.EMPLOYEE, agent_id].card
        assert isinstance(old.card, EmployeeCard)
        assert isinstance(card, EmployeeCard)
        return old.card.email != card.email

    def needed(self) -> list[Needed]:
        """The rights that the changes so far take, where that depends on what they change (P7)."""
        changes = [
            Change(kind, id_, _card(old), _card(self.rows[kind, id_]))
            for (kind, id_), old in self._before.items()
        ]
        before = structs.replace(
            self.office, **{part: dict(getattr(self.office, part)) for part in PARTS.values()}
        )
        for change in changes:
            if change.kind is not Kind.ORGANIZATION or change.before is not None:
                put(before, change.kind, change.id, change.before)
        secrets = [privileges.of_secret(self.office, agent_id) for agent_id in self._secrets_of]
        return [*privileges.needed(changes, before, self.office), *secrets]

    def say(self, record: Outgoing) -> None:
        """Send a message beside the facts derived from cards."""
        self._said.append(record)

    def note(self, noted: Noted) -> None:
        """Note a security event beside those that a change of a card is."""
        self._noted.append(noted)

    async def close(self, who: str) -> None:
        """Write the changes, the audit trail and the outbox.

        Raises RequestRefused when a fact that follows from them would be too large for its readers.
        """
        if any(kind in CHECKED for kind, _ in self._before):
            self.require_readable()
        await self._write_cards(who)
        await self._write_trail(who)
        if any(kind in CHECKED for kind, _ in self._before):
            await self.say_what_differs(self._dated_facts())
        if self._too_large:
            raise RequestRefused(*self._too_large)
        await outbox.put(self.connection, self._said)

    async def _write_cards(self, who: str) -> None:
        made = [key for key, old in self._before.items() if old is None and key not in self._unreadable]
        new = [self._values(self.rows[key]) for key in made]
        if new:
            await self.connection.execute(insert(CARDS), new)
        for (kind, id_), old in self._before.items():
            row = self.rows[kind, id_]
            if (kind, id_) not in made:
                its = (CARDS.c.organization_id == self.organization_id) & (CARDS.c.kind == kind.value)
                changed = update(CARDS).where(its, CARDS.c.id == id_).values(**self._values(row))
                await self.connection.execute(changed)
            what = "removed" if row.is_removed else "created" if old is None else "changed"
            before = None if old is None or old.is_removed else old.card
            self.audit(who, what, row, None if old is None else old.card)
            self._noted += audit_trail.of_change(who, kind, id_, before, None if row.is_removed else row.card)

    async def _write_trail(self, who: str) -> None:
        if self._audited:
            await self.connection.execute(insert(AUDIT), self._audited)
        for noted in self._noted:
            by = msgspec.structs.replace(noted, actor=noted.actor or who)
            await audit_trail.note(self.connection, self.organization_id, self.now_at, by)

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
        """Add a line to the audit trail: changed fields with before and after, whole cards as digests."""
        values = {"organization_id": self.organization_id, "at": self.now_at, "who": who, "what": what}
        values |= {"kind": row.kind.value, "id": row.id, "version": row.version}
        values["before"] = "" if before is None else digest(msgspec.json.encode(before))
        values["after"] = "" if row.is_removed else digest(msgspec.json.encode(row.card))
        values["fields"] = ""
        if before is not None and not row.is_removed:
            values["fields"] = " ".join(changed_fields(before, row.card))
        values["outcome"], values["details"] = "ok", ""
        if what in ("created", "changed"):
            values["details"] = audit_changes.encoded(audit_changes.changes(before, row.card))
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
        # What can't be read is not removed, and nothing may follow from its absence.
        wanted = dated if self._blocking else [*facts.facts(self.office, self.today()), *dated]
        present = {facts.key(fact) for fact in wanted}
        first: list[dict[str, Any]] = []
        for fact in wanted:
            version, old = known.get(facts.key(fact), (0, ""))
            made = content(fact)
            if made == old or not self._fits(fact):
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
            if not self._blocking and key not in present and old != GONE and not self._is_in_force(key):
                await self._say_removed(key, version)

    def _fits(self, fact: Fact) -> bool:
        """Whether readers take a fact that differs from the one last said."""
        size = len(codec.encode(fact))
        limit = sizes.bytes_max(fact, is_saved=not self.keeps_too_large)
        if size <= limit:
            return True
        if self.keeps_too_large:
            type_, subject = facts.key(fact)
            metrics.TOO_LARGE.inc()
            _log.error(
                "alarm: a fact has grown too large and is not said; make its card smaller",
                organization_id=self.organization_id,
                type=type_,
                subject=subject,
                bytes=size,
                bytes_max=limit,
            )
        else:
            self._too_large.append(sizes.problem(self.office, fact, size, limit))
        return False

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
            "said_at": self.now_at,
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
        if not self._fits(fact):
            return
        version = 1 if known is None else known.version + 1
        await self.say_version(facts.with_version(fact, version), made, is_new=known is None)
