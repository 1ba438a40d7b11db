"""What is done beside saving cards: seats in departments, CRM lines, programs, callbacks, pauses."""

from msgspec import structs
from sqlalchemy import insert, select

from contracts.directory import (
    AgentPauseSaved,
    AgentWrapUpSaved,
    CallbackAsked,
    CallbackCancelAsked,
    CallbackKeepAsked,
    CallbackNotReachedAsked,
    PbxKind,
    ResponsibleSaved,
)
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, OrganizationId
from contracts.rights import Subject
from services.directory.activities import book, outbox, programs
from services.directory.activities.answers import Request
from services.directory.activities.askers import Asker
from services.directory.activities.book import Book, Saved
from services.directory.activities.checking import Checking
from services.directory.activities.page import Page
from services.directory.activities.tables import CALLBACKS, CARDS
from services.directory.activities.vault import digest, token
from services.directory.rules import checks
from services.directory.rules.errors import Code, Problem, Refused
from services.directory.rules.people import unknown
from services.directory.state import limits
from services.directory.state.cards import (
    DepartmentCard,
    ExtensionCard,
    PauseCard,
    ResponsibleCard,
    RulesCard,
    Seat,
    TokenCard,
    WrapUpCard,
)
from services.directory.state.office import Kind
from services.directory.state.shown import CallbackShown, TokenShown


class Desk:
    """The operations; rights have been checked by whoever calls."""

    def __init__(self, found: Book, checking: Checking, token_key: str) -> None:
        self._book = found
        self._checking = checking
        self._key = token_key

    async def subject_of_agent(self, organization_id: str, agent_id: str) -> Subject:
        """An agent as the table of rights sees one; whoever does not exist is somebody of no department."""
        async with self._book.reading(organization_id) as page:
            departments = page.office.departments_of(agent_id)
        return Subject(
            organization_id=OrganizationId(organization_id),
            agents=frozenset({AgentId(agent_id)}),
            departments=frozenset(DepartmentId(id_) for id_ in departments),
        )

    async def seat(
        self, organization_id: str, who: str, department_id: str, version: int, seat: Seat
    ) -> Saved:
        """One more agent in a department; an office PBX's extension is asked for there first (O3)."""
        async with self._book.reading(organization_id) as page:
            row = page.current(Kind.DEPARTMENT, department_id)
            book.demand_version(row, version)
            phone = page.office.extensions.get(seat.agent_id)
        if phone is not None:
            await self._checking.demand(organization_id, who, phone.pbx_id, phone.extension)
        async with self._book.change(organization_id, who) as page:
            card = book.department(page, department_id, version)
            changed = structs.replace(card, agents=(*card.agents, seat))
            return book.replace(page, Kind.DEPARTMENT, department_id, version, changed)

    async def suspend(
        self, organization_id: str, who: str, department_id: str, version: int, seat: Seat
    ) -> Saved:
        """Suspend or resume an agent, who keeps the place in the list (O5)."""
        async with self._book.change(organization_id, who) as page:
            card = book.department(page, department_id, version)
            _demand_seat(card, seat.agent_id)
            seats = tuple(seat if each.agent_id == seat.agent_id else each for each in card.agents)
            changed = structs.replace(card, agents=seats)
            return book.replace(page, Kind.DEPARTMENT, department_id, version, changed)

    async def unseat(
        self, organization_id: str, who: str, department_id: str, version: int, agent_id: str
    ) -> Saved:
        """Take an agent out of a department; the one who talks goes on talking (O5)."""
        async with self._book.change(organization_id, who) as page:
            card = book.department(page, department_id, version)
            _demand_seat(card, agent_id)
            seats = tuple(each for each in card.agents if each.agent_id != agent_id)
            changed = structs.replace(card, agents=seats)
            return book.replace(page, Kind.DEPARTMENT, department_id, version, changed)

    async def check_extension(self, organization_id: str, who: str, card: ExtensionCard) -> None:
        """Ask an office PBX for an extension that is to be added (O3). Raises Refused."""
        async with self._book.reading(organization_id) as page:
            pbx = page.office.pbxs.get(card.pbx_id)
            known = list(page.office.pbxs)
        if pbx is None:
            raise Refused(unknown("pbx_id", card.pbx_id, known))
        if pbx.kind is not PbxKind.OFFICE:
            raise Refused(Problem(code=Code.PBX_KIND_WRONG, field="pbx_id", values={"pbx": pbx.name}))
        await self._checking.demand(organization_id, who, card.pbx_id, card.extension)

    async def rules(
        self, organization_id: str, who: str, agent_id: str, version: int, card: RulesCard
    ) -> Saved:
        """An employee's rules; the first time there is no card yet, and its version is 0."""
        async with self._book.change(organization_id, who) as page:
            page.current(Kind.EMPLOYEE, agent_id)
            row = page.rows.get((Kind.RULES, agent_id))
            newest = 0 if row is None or row.is_removed else row.version
            if version != newest:
                values = {"version": str(newest)}
                raise Refused(Problem(code=Code.IF_MATCH_STALE, field="If-Match", values=values))
            page.put(Kind.RULES, agent_id, card)
            return book.saved(page, Kind.RULES, agent_id)

    async def responsibles(self, organization_id: str, who: str, cards: tuple[ResponsibleCard, ...]) -> int:
        """Lines of the CRM's table, each whole, all or none (D5); how many now differ from before."""
        async with self._book.change(organization_id, who) as page:
            await page.fetch(Kind.RESPONSIBLE, [card.number for card in cards])
            problems = [
                problem
                for position, card in enumerate(cards)
                for problem in checks.responsible(page.office, card, f"lines.{position}")
            ]
            if problems:
                raise Refused(*problems)
            return sum([await self._responsible(page, card) for card in cards])

    async def _responsible(self, page: Page, card: ResponsibleCard) -> bool:
        row = page.rows.get((Kind.RESPONSIBLE, card.number))
        is_there = row is not None and not row.is_removed
        if row is not None and is_there and row.card == card:
            return False
        if card.agent_id is not None:
            page.put(Kind.RESPONSIBLE, card.number, card)
        elif is_there:
            page.remove(Kind.RESPONSIBLE, card.number)
        else:
            return False
        second = card.second_agent_id if card.agent_id is not None else None
        fact = ResponsibleSaved(
            number=card.number,
            version=0,
            agent_id=None if card.agent_id is None else AgentId(card.agent_id),
            second_agent_id=None if second is None else AgentId(second),
        )
        await page.say_single(fact)
        return True

    async def program(self, organization_id: str, request: Request, card: TokenCard) -> TokenShown:
        """A program's token, shown this once; the book keeps its digest."""
        async with self._book.change(organization_id, request.who) as page:
            earlier = await self._book.earlier(page, request, TokenShown)
            if earlier is not None:
                return earlier
            listed = select(CARDS.c.id).where(
                CARDS.c.organization_id == organization_id,
                CARDS.c.kind == Kind.TOKEN.value,
                ~CARDS.c.is_removed,
            )
            if len((await page.connection.execute(listed)).all()) >= limits.TOKENS_MAX:
                raise Refused(Problem(code=Code.TOO_MANY, values={"limit": str(limits.TOKENS_MAX)}))
            token_id = token()
            signed, row = await programs.issue(page, self._key, token_id, card)
            answer = TokenShown(id=token_id, version=row.version, token=signed)
            await self._book.keep(page, request, answer)
        return answer

    async def revoke(self, organization_id: str, who: str, token_id: str, version: int) -> None:
        """A program's token is good no longer, here at once, and elsewhere as soon as the fact is heard."""
        async with self._book.change(organization_id, who) as page:
            await page.fetch(Kind.TOKEN, [token_id])
            row = page.current(Kind.TOKEN, token_id)
            book.demand_version(row, version)
            page.remove(Kind.TOKEN, token_id)
            assert isinstance(row.card, TokenCard)
            fact = structs.replace(programs.saved(token_id, row.card), is_revoked=True)
            await page.say_single(fact)
            await programs.take(page, token_id)

    async def pause(self, organization_id: str, who: str, agent_id: str, card: PauseCard) -> None:
        """Pause an agent, or end the pause (Q8); said each time: the queue may have ended it meanwhile."""
        await self._tell_agent(
            organization_id,
            who,
            agent_id,
            Kind.PAUSE,
            card,
            AgentPauseSaved(agent_id=AgentId(agent_id), version=0, is_paused=card.is_paused),
        )

    async def wrap_up(self, organization_id: str, who: str, agent_id: str, card: WrapUpCard) -> None:
        """End or extend the time for notes after a call (Q13)."""
        until_at = None if card.until_at is None else Instant(card.until_at)
        await self._tell_agent(
            organization_id,
            who,
            agent_id,
            Kind.WRAP_UP,
            card,
            AgentWrapUpSaved(agent_id=AgentId(agent_id), version=0, until_at=until_at),
        )

    async def _tell_agent(
        self,
        organization_id: str,
        who: str,
        agent_id: str,
        kind: Kind,
        card: PauseCard | WrapUpCard,
        fact: AgentPauseSaved | AgentWrapUpSaved,
    ) -> None:
        async with self._book.change(organization_id, who) as page:
            if page.office.agent(agent_id) is None:
                raise Refused(Problem(code=Code.NOT_FOUND, values={"id": agent_id}))
            await page.fetch(kind, [agent_id])
            page.put(kind, agent_id, card)
            await page.say_single(fact, is_always=True)

    async def order(
        self, organization_id: str, request: Request, department_id: str, number: str
    ) -> CallbackShown:
        """Ask for a callback (C11); callback decides, by the dialling policy and its limits, and says so."""
        async with self._book.change(organization_id, request.who) as page:
            earlier = await self._book.earlier(page, request, CallbackShown)
            if earlier is not None:
                return earlier
            page.current(Kind.DEPARTMENT, department_id)
            callback_id = f"callback.api.{token()}"
            fact = CallbackAsked(
                callback_id=CallbackId(callback_id),
                department_id=DepartmentId(department_id),
                number=number,
            )
            page.say(
                outbox.record(
                    fact,
                    id_=f"{outbox.SOURCE}/{organization_id}/asked/{callback_id}",
                    organization_id=organization_id,
                    now_at=page.now_at,
                )
            )
            its = {"organization_id": organization_id, "callback_id": digest(callback_id)}
            await page.connection.execute(
                insert(CALLBACKS).values(**its, department_id=department_id, at=page.now_at)
            )
            answer = CallbackShown(callback_id=callback_id)
            await self._book.keep(page, request, answer)
        return answer

    async def subject_of_callback(self, organization_id: str, callback_id: str) -> Subject:
        """A callback as the table of rights sees one: its department's."""
        query = select(CALLBACKS.c.department_id).where(
            CALLBACKS.c.organization_id == organization_id, CALLBACKS.c.callback_id == digest(callback_id)
        )
        async with self._book.database.begin() as connection:
            found = (await connection.execute(query)).scalar()
        departments = frozenset() if found is None else frozenset({DepartmentId(found)})
        return Subject(organization_id=OrganizationId(organization_id), departments=departments)

    async def cancel(self, asker: Asker, callback_id: str) -> None:
        """Ask callback to cancel; one that has ended stays as it ended (C9)."""
        await self._ask(
            asker, "cancel", CallbackCancelAsked(callback_id=CallbackId(callback_id), by=asker.agent_id)
        )

    async def keep(self, asker: Asker, callback_id: str) -> None:
        """Who talks to the customer wants the callback to stand (C14). Raises Refused for a program."""
        by = _demand_employee(asker)
        await self._ask(asker, "keep", CallbackKeepAsked(callback_id=CallbackId(callback_id), by=by))

    async def not_reached(self, asker: Asker, callback_id: str) -> None:
        """The attempt's agent has met a machine, or a stranger (C13, C16). Raises Refused, as `keep` does."""
        by = _demand_employee(asker)
        await self._ask(
            asker, "not-reached", CallbackNotReachedAsked(callback_id=CallbackId(callback_id), by=by)
        )

    async def _ask(
        self, asker: Asker, what: str, fact: CallbackCancelAsked | CallbackKeepAsked | CallbackNotReachedAsked
    ) -> None:
        async with self._book.change(asker.organization_id, asker.name) as page:
            page.say(
                outbox.record(
                    fact,
                    id_=f"{outbox.SOURCE}/{asker.organization_id}/{what}/{fact.callback_id}/{token()[:8]}",
                    organization_id=asker.organization_id,
                    now_at=page.now_at,
                )
            )


def _demand_employee(asker: Asker) -> AgentId:
    if asker.agent_id is None:
        raise Refused(Problem(code=Code.FORBIDDEN))
    return asker.agent_id


def _demand_seat(card: DepartmentCard, agent_id: str) -> None:
    if all(seat.agent_id != agent_id for seat in card.agents):
        raise Refused(Problem(code=Code.NOT_FOUND, values={"id": agent_id}))
