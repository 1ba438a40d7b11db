"""Routes of employees, their rules and secrets, of office PBXs' extensions, and of agents at work."""

from typing import Any

from litestar import Controller, Request, Response
from litestar.params import JSONBody
from msgspec import Struct

from contracts.rights import Action
from services.directory.activities.askers import Asker
from services.directory.activities.page import Row
from services.directory.api.asking import (
    Asking,
    Cards,
    Cursor,
    Given,
    IdempotencyKey,
    IfMatch,
    Limit,
    Parts,
    PathId,
    Search,
    request_of,
    shown_saved,
    tagged,
    version_of,
)
from services.directory.api.methods import delete, get, post, put
from services.directory.rules.errors import Code, Refused
from services.directory.state.cards import (
    EmployeeCard,
    EmployeeDraft,
    ExtensionCard,
    ExtensionDraft,
    PauseCard,
    RulesCard,
    WrapUpCard,
)
from services.directory.state.limits import Password
from services.directory.state.office import Kind
from services.directory.state.shown import (
    ColleaguesListed,
    EmployeeShown,
    EmployeesListed,
    Listed,
    SecretShown,
    Shown,
)


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A one-time password: typed, or None for a generated one."""

    password: Password | None = None


class EmployeeRoutes(Controller):
    """People of cloud PBXs."""

    path = "/employees"
    tags = ("employees",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> EmployeesListed:
        """Employees by id."""
        await Cards(parts, asker).demand(Action.SETTINGS_READ, "employee")
        found, following = await parts.employees.listed(
            asker.organization_id, search=search, cursor=cursor, limit=limit
        )
        return EmployeesListed(cards=tuple(found), next=following)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[EmployeeDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[EmployeeShown]:
        """A new employee; with an e-mail address a welcome letter goes out (E3)."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, "employee")
        once = await request_of(asker, request, idempotency_key)
        made = await parts.employees.create(asker.organization_id, once, data)
        return tagged(made, made.version, 201)

    @get("/{agent_id:str}")
    async def read(self, parts: Given, asker: Asking, agent_id: PathId) -> Response[EmployeeShown]:
        """One employee, with what overrides the own rules (D5): everyone reads the own card."""
        if not asker.may(
            Action.CARD_READ, await parts.desk.subject_of_agent(asker.organization_id, agent_id)
        ):
            await Cards(parts, asker).demand(Action.SETTINGS_READ, f"employee/{agent_id}")
        found = await parts.employees.one(asker.organization_id, agent_id)
        return tagged(found, found.version)

    @put("/{agent_id:str}")
    async def save(
        self,
        parts: Given,
        asker: Asking,
        agent_id: PathId,
        data: JSONBody[EmployeeCard],
        if_match: IfMatch = None,
    ) -> Response[EmployeeShown]:
        """Another version of the card."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, f"employee/{agent_id}")
        version = version_of(if_match)
        found = await parts.employees.replace(asker.organization_id, asker.name, agent_id, version, data)
        return tagged(found, found.version)

    @delete("/{agent_id:str}")
    async def remove(
        self,
        parts: Given,
        asker: Asking,
        agent_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """No longer an employee (E8); refused while calls are led there."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, f"employee/{agent_id}")
        version = version_of(if_match)
        await parts.employees.remove(asker.organization_id, asker.name, agent_id, version)

    @post("/{agent_id:str}/password", status_code=200)
    async def password(
        self, parts: Given, asker: Asking, agent_id: PathId, data: JSONBody[NewPassword]
    ) -> SecretShown:
        """A new one-time console password; every login of the employee ends."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, f"employee/{agent_id}/password")
        return await parts.employees.new_password(asker.organization_id, asker.name, agent_id, data.password)

    @post("/{agent_id:str}/phone-password", status_code=200)
    async def phone_password(self, parts: Given, asker: Asking, agent_id: PathId) -> SecretShown:
        """A new password for desk phones and softphones; the old one is good no longer."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, f"employee/{agent_id}/phone-password")
        return await parts.employees.new_phone_password(asker.organization_id, asker.name, agent_id)

    @get("/{agent_id:str}/rules")
    async def rules(self, parts: Given, asker: Asking, agent_id: PathId) -> Response[Shown[RulesCard]]:
        """What happens to calls to this employee; version 0 stands for the rules that nobody has changed."""
        subject = await parts.desk.subject_of_agent(asker.organization_id, agent_id)
        await Cards(parts, asker).demand(Action.RULES_WRITE, f"rules/{agent_id}", subject)
        await parts.book.one(asker.organization_id, Kind.EMPLOYEE, agent_id)
        row = await _rules(parts, asker, agent_id)
        card = RulesCard() if row is None else row.card
        assert isinstance(card, RulesCard)
        version = 0 if row is None else row.version
        return tagged(Shown(id=agent_id, version=version, card=card), version)

    @put("/{agent_id:str}/rules")
    async def save_rules(
        self,
        parts: Given,
        asker: Asking,
        agent_id: PathId,
        data: JSONBody[RulesCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[RulesCard]]:
        """Other rules: everyone's own, a head those of the department's people (P5); no certain loop (D6)."""
        subject = await parts.desk.subject_of_agent(asker.organization_id, agent_id)
        await Cards(parts, asker).demand(Action.RULES_WRITE, f"rules/{agent_id}", subject)
        version = version_of(if_match)
        saved = await parts.desk.rules(asker.organization_id, asker.name, agent_id, version, data)
        return tagged(shown_saved(saved, RulesCard), saved.row.version)


async def _rules(parts: Parts, asker: Asker, agent_id: str) -> Row | None:
    try:
        return await parts.book.one(asker.organization_id, Kind.RULES, agent_id)
    except Refused as refused:
        if refused.problems[0].code is Code.NOT_FOUND:
            return None
        raise


class ColleagueRoutes(Controller):
    """Whom a call may be forwarded to, for everyone who may set the own rules (P5)."""

    path = "/colleagues"
    tags = ("employees",)

    @get()
    async def people(
        self, parts: Given, asker: Asking, cursor: Cursor = "", limit: Limit = 50
    ) -> ColleaguesListed:
        """Employees by id: how they are called, and their extensions; nothing else of their cards."""
        await Cards(parts, asker).demand(Action.COLLEAGUES_READ, "colleagues")
        return await parts.employees.colleagues(
            asker.organization_id, Kind.EMPLOYEE, cursor=cursor, limit=limit
        )

    @get("/departments")
    async def departments(
        self, parts: Given, asker: Asking, cursor: Cursor = "", limit: Limit = 50
    ) -> ColleaguesListed:
        """Departments by id."""
        await Cards(parts, asker).demand(Action.COLLEAGUES_READ, "colleagues/departments")
        return await parts.employees.colleagues(
            asker.organization_id, Kind.DEPARTMENT, cursor=cursor, limit=limit
        )


class ExtensionRoutes(Controller):
    """Phones of office PBXs."""

    path = "/extensions"
    tags = ("extensions",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[ExtensionCard]:
        """Extensions by id."""
        return await Cards(parts, asker).listed(Kind.EXTENSION, ExtensionCard, search, cursor, limit)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[ExtensionDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Shown[ExtensionCard]]:
        """A phone of an office PBX, which is asked for it first (O3)."""
        cards = Cards(parts, asker)
        await cards.demand(Action.SETTINGS_WRITE, "extension")
        once = await request_of(asker, request, idempotency_key)
        await parts.desk.check_extension(asker.organization_id, asker.name, data)
        name = f"{data.pbx_id} {data.extension}"
        return await cards.create(Kind.EXTENSION, ExtensionCard, data, name, once)

    @get("/{agent_id:str}")
    async def read(self, parts: Given, asker: Asking, agent_id: PathId) -> Response[Shown[ExtensionCard]]:
        """One extension."""
        return await Cards(parts, asker).one(Kind.EXTENSION, ExtensionCard, agent_id)

    @delete("/{agent_id:str}")
    async def remove(
        self,
        parts: Given,
        asker: Asking,
        agent_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """No longer an agent."""
        await Cards(parts, asker).remove(Kind.EXTENSION, agent_id, if_match)


class AgentRoutes(Controller):
    """Agents at work."""

    path = "/agents"
    tags = ("agents",)

    @put("/{agent_id:str}/pause", status_code=204)
    async def pause(self, parts: Given, asker: Asking, agent_id: PathId, data: JSONBody[PauseCard]) -> None:
        """Pause, or end the pause: one's own, a head those of the department's people (Q8)."""
        subject = await parts.desk.subject_of_agent(asker.organization_id, agent_id)
        await Cards(parts, asker).demand(Action.PAUSE_WRITE, f"pause/{agent_id}", subject)
        await parts.desk.pause(asker.organization_id, asker.name, agent_id, data)

    @put("/{agent_id:str}/wrap-up", status_code=204)
    async def wrap_up(
        self, parts: Given, asker: Asking, agent_id: PathId, data: JSONBody[WrapUpCard]
    ) -> None:
        """End or extend the time for notes after a call (Q13)."""
        subject = await parts.desk.subject_of_agent(asker.organization_id, agent_id)
        await Cards(parts, asker).demand(Action.PAUSE_WRITE, f"wrap-up/{agent_id}", subject)
        await parts.desk.wrap_up(asker.organization_id, asker.name, agent_id, data)
