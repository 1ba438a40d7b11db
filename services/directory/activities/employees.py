"""Employees: cards with chosen logins and extensions, secrets, welcome letters, rules of direct calls."""

from collections.abc import Collection

from msgspec import Struct

from contracts.ids import DepartmentId
from contracts.rights import Action
from runtime.masking import masked_number
from runtime.security_events import SecurityEvent
from services.directory.activities import (
    card_saving,
    chosen_passwords,
    open_logins,
    openid_identities,
    passwords,
    phone_links,
    responsibles,
    second_factor,
    welcome_letters,
)
from services.directory.activities.audit_trail import Noted
from services.directory.activities.authentication import Principal
from services.directory.activities.card_saving import SavedCard
from services.directory.activities.idempotency import KeyedRequest
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import generated_password
from services.directory.activities.stored_cards import StoredCard
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import extensions, naming
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import (
    DepartmentCard,
    EmployeeCard,
    EmployeeDraft,
    RulesCard,
)
from services.directory.state.office import Kind, Office
from services.directory.state.responses import (
    ColleagueShown,
    ColleaguesListed,
    EmployeeShown,
    LetterShown,
    SecretShown,
)

OVERRIDES_SHOWN_MAX = 20


class OneTimePassword(Struct, frozen=True, kw_only=True):
    """A new employee's one-time password, and its hash."""

    password: str
    hash: str


class Employees:
    """Creates and changes employees; without `letters` no welcome letter goes out."""

    def __init__(
        self, repository: Repository, hasher: Passwords, letters: welcome_letters.WelcomeLetters | None
    ) -> None:
        self._repository = repository
        self._passwords = hasher
        self._letters = letters

    async def create(self, request: KeyedRequest, draft: EmployeeDraft) -> EmployeeShown:
        """Create an employee with secrets, told by a letter or by the answer, once (E1, E3)."""
        if draft.password is not None:
            await chosen_passwords.require_uncommon(draft.password, field="password")
        password = draft.password or generated_password()
        hash_ = await self._passwords.hash(password)
        async with self._repository.change(request.principal) as unit:
            earlier = await self._repository.earlier(unit, request, EmployeeShown)
            if earlier is not None:
                return earlier
            answer = await self.add(unit, draft, password, hash_)
            await self._repository.keep(unit, request, answer)
        return answer

    async def add(self, unit: UnitOfWork, draft: EmployeeDraft, password: str, hash_: str) -> EmployeeShown:
        """The same in an open unit of work."""
        card = _filled(unit.office, draft)
        if draft.password is not None:
            chosen_passwords.require_not_of(
                unit.organization_id, card, card.login, draft.password, field="password"
            )
        saved = card_saving.create(unit, Kind.EMPLOYEE, draft.id, card.login.replace(".", "-"), card)
        is_told = card.email is not None and self._letters is not None
        secret = OneTimePassword(password=password, hash=hash_)
        phone_password = await self.welcome(unit, saved.row.id, secret)
        letter = await welcome_letters.state(unit.connection, unit.organization_id, saved.row.id)
        answer = shown(unit.office, saved, letter)
        return _with_secrets(answer, None if is_told else password, phone_password)

    async def secret(self, card: EmployeeCard) -> OneTimePassword:
        """A password, where a letter can tell it; otherwise none until an administrator sets one."""
        if card.email is None:
            return OneTimePassword(password="", hash=passwords.NEVER_RIGHT)
        password = generated_password()
        return OneTimePassword(password=password, hash=await self._passwords.hash(password))

    async def welcome(self, unit: UnitOfWork, agent_id: str, secret: OneTimePassword) -> str:
        """Save a new employee's secrets and order the letter; return the phone password."""
        phone_password = await self._passwords.give(
            unit.connection, unit.organization_id, agent_id, secret.hash, now_at=unit.now_at
        )
        card = unit.office.employees[agent_id]
        if self._letters is not None and card.email is not None:
            await self._letters.order(unit, agent_id, secret.password)
        return phone_password

    async def replace(
        self, principal: Principal, id_: str, version: int, card: EmployeeCard
    ) -> EmployeeShown:
        """Save an employee's card as its next version."""
        async with self._repository.change(principal) as unit:
            saved = card_saving.replace(unit, Kind.EMPLOYEE, id_, version, card)
            await self.end_links(unit)
            return await self._shown(principal, unit, saved)

    async def end_links(self, unit: UnitOfWork) -> None:
        """End the links of letters to e-mail addresses that the unit of work changes.

        A letter that waits gets another link, unless somebody has used the one before: whoever that was knows
        the password, and it is to be replaced.
        """
        for agent_id in unit.readdressed():
            was_unused = await phone_links.drop(unit.connection, unit.organization_id, agent_id)
            if was_unused and self._letters is not None:
                await self._letters.readdress(unit, agent_id)

    async def remove(self, principal: Principal, id_: str, version: int) -> None:
        """Remove an employee with all secrets, letters and lines of the CRM's table (E8)."""
        async with self._repository.change(principal) as unit:
            card_saving.remove(unit, Kind.EMPLOYEE, id_, version)
            await passwords.take(unit.connection, principal.organization_id, id_, unit.now_at)
            await openid_identities.unlink(unit.connection, principal.organization_id, id_)
            await second_factor.take(unit.connection, principal.organization_id, id_)
            await welcome_letters.drop(unit.connection, principal.organization_id, id_)
            await phone_links.drop(unit.connection, principal.organization_id, id_)
            await responsibles.drop_agent(unit, id_)

    async def one(self, principal: Principal, id_: str) -> EmployeeShown:
        """One employee, with what overrides the rules of direct calls (D5)."""
        async with self._repository.reading(principal.organization_id) as unit:
            return await self._shown(principal, unit, SavedCard(row=unit.current(Kind.EMPLOYEE, id_)))

    async def listed(
        self,
        organization_id: str,
        within: frozenset[DepartmentId] | None = None,
        *,
        search: str,
        cursor: str,
        limit: int,
    ) -> tuple[list[EmployeeShown], str | None]:
        """Employees after the cursor, of these departments or of all, without what overrides their rules."""
        among = await self._agents_of(organization_id, within)
        rows, following = await self._repository.listed(
            organization_id, Kind.EMPLOYEE, search=search, cursor=cursor, limit=limit, among=among
        )
        async with self._repository.reading(organization_id) as unit:
            sent = await welcome_letters.states(unit.connection, organization_id, [row.id for row in rows])
            found = [shown(unit.office, SavedCard(row=row), sent.get(row.id)) for row in rows]
        return found, following

    async def colleagues(
        self,
        organization_id: str,
        kind: Kind,
        within: frozenset[DepartmentId] | None = None,
        *,
        cursor: str,
        limit: int,
    ) -> ColleaguesListed:
        """Employees or departments after the cursor, as every employee may see them; `within` as in `listed`.

        There is no search: it would reveal addresses and mobiles.
        """
        among: Collection[str] | None = within
        if kind is Kind.EMPLOYEE:
            among = await self._agents_of(organization_id, within)
        rows, following = await self._repository.listed(
            organization_id, kind, cursor=cursor, limit=limit, among=among
        )
        async with self._repository.reading(organization_id) as unit:
            found = []
            for row in rows:
                assert isinstance(row.card, EmployeeCard | DepartmentCard)
                pbx = extensions.pbx_name(unit.office, row.card.pbx_id)
                called = f"{row.card.name} ({pbx})"
                found.append(ColleagueShown(id=row.id, called=called, extension=row.card.extension))
        return ColleaguesListed(colleagues=tuple(found), next=following)

    async def _agents_of(
        self, organization_id: str, within: frozenset[DepartmentId] | None
    ) -> set[str] | None:
        """Whoever has a seat in one of these departments; None: everybody."""
        if within is None:
            return None
        async with self._repository.reading(organization_id) as unit:
            return {id_ for id_ in unit.office.employees if within & set(unit.office.departments_of(id_))}

    async def _shown(self, principal: Principal, unit: UnitOfWork, saved: SavedCard) -> EmployeeShown:
        id_ = saved.row.id
        letter = await welcome_letters.state(unit.connection, unit.organization_id, id_)
        made = shown(unit.office, saved, letter)
        lines = [row.id for row in await responsibles.naming(unit, id_)]
        if principal.reach(Action.NUMBER_SEE) is None:
            lines = [masked_number(number) or "" for number in lines]
        overrides = [*_scenarios_of(unit.office, id_), *(f"CRM: {number}" for number in lines)]
        return EmployeeShown(
            id=made.id,
            version=made.version,
            card=made.card,
            called=made.called,
            letter=letter,
            identity=await openid_identities.of_agent(unit.connection, unit.organization_id, id_),
            overridden_by=tuple(overrides[:OVERRIDES_SHOWN_MAX]),
            warnings=saved.warnings,
        )

    async def rules(self, organization_id: str, id_: str) -> StoredCard | None:
        """The rules of an employee's direct calls; None while nobody has changed them."""
        await self._repository.one(organization_id, Kind.EMPLOYEE, id_)
        return await self._repository.find(organization_id, Kind.RULES, id_)

    async def save_rules(self, principal: Principal, id_: str, version: int, card: RulesCard) -> SavedCard:
        """Save an employee's rules; version 0 stands for rules that nobody has changed."""
        async with self._repository.change(principal) as unit:
            unit.current(Kind.EMPLOYEE, id_)
            row = unit.rows.get((Kind.RULES, id_))
            newest = 0 if row is None or row.is_removed else row.version
            if version != newest:
                values = {"version": str(newest)}
                raise RequestRefused(Problem(code=Code.IF_MATCH_STALE, field="If-Match", values=values))
            unit.put(Kind.RULES, id_, card)
            return card_saving.checked(unit, Kind.RULES, id_)

    async def new_password(self, principal: Principal, id_: str, typed: str | None) -> SecretShown:
        """Set a one-time password; every login of the employee ends."""
        if typed is not None:
            await chosen_passwords.require_uncommon(typed, field="password")
        password = typed or generated_password()
        hash_ = await self._passwords.hash(password)
        async with self._repository.change(principal) as unit:
            row = unit.change_secret(id_)
            if typed is not None:
                await chosen_passwords.require_not_own(
                    unit.connection, unit.organization_id, id_, typed, field="password"
                )
            await passwords.set_hash(
                unit.connection, principal.organization_id, id_, hash_, is_one_time=True, now_at=unit.now_at
            )
            unit.note(replaced(row.id, "password"))
        return SecretShown(secret=password)

    async def new_phone_password(self, principal: Principal, id_: str) -> SecretShown:
        """Replace the phone password of desk phones and softphones."""
        async with self._repository.change(principal) as unit:
            row = unit.change_secret(id_)
            made = await self._passwords.replace_phone(unit.connection, principal.organization_id, id_)
            await phone_links.drop(unit.connection, principal.organization_id, id_)
            unit.note(replaced(row.id, "phone_password"))
        return SecretShown(secret=made)

    async def reset_second_factor(self, principal: Principal, id_: str) -> None:
        """Take the second factor of an employee who has lost the device; every login of the employee ends."""
        async with self._repository.change(principal) as unit:
            row = unit.change_secret(id_)
            await second_factor.take(unit.connection, principal.organization_id, id_)
            await open_logins.end_all(unit.connection, principal.organization_id, id_, unit.now_at)
            unit.note(replaced(row.id, "second_factor"))


def replaced(agent_id: str, secret: str) -> Noted:
    """The event of a secret that somebody else has set, replaced or taken."""
    return Noted(
        event=SecurityEvent.SECRET_CHANGED, actor="", subject=f"agent/{agent_id}", details={"secret": secret}
    )


def _filled(office: Office, draft: EmployeeDraft) -> EmployeeCard:
    """The card, with a login made from the name and the next free extension by default (E1, E2)."""
    taken = {card.login for card in office.employees.values()}
    values = {
        name: getattr(draft, name)
        for name in EmployeeCard.__struct_fields__
        if name not in ("login", "extension")
    }
    return EmployeeCard(
        **values,
        login=draft.login or naming.login(draft.name, taken),
        extension=draft.extension or extensions.free(office, draft.pbx_id),
    )


def shown(office: Office, saved: SavedCard, letter: LetterShown | None) -> EmployeeShown:
    """An employee as the API shows one, with the PBX's name in brackets (O4)."""
    card = saved.row.card
    assert isinstance(card, EmployeeCard)
    return EmployeeShown(
        id=saved.row.id,
        version=saved.row.version,
        card=card,
        called=f"{card.name} ({extensions.pbx_name(office, card.pbx_id)})",
        letter=letter,
        warnings=saved.warnings,
    )


def _with_secrets(answer: EmployeeShown, password: str | None, phone_password: str) -> EmployeeShown:
    return EmployeeShown(
        id=answer.id,
        version=answer.version,
        card=answer.card,
        called=answer.called,
        letter=answer.letter,
        warnings=answer.warnings,
        one_time_password=password,
        phone_password=phone_password,
    )


def _scenarios_of(office: Office, agent_id: str) -> list[str]:
    return [
        f"«{scenario.name}»"
        for scenario in office.scenarios.values()
        if any(element.agent_id == agent_id for element in scenario.elements)
    ]
