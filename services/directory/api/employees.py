"""Routes of employees, their rules and passwords, and of colleagues."""

from typing import Any

from litestar import Controller, Request, Response
from litestar.params import JSONBody
from msgspec import Struct

from contracts.rights import Action
from services.directory.api.methods import delete, get, post, put
from services.directory.api.shared import (
    CurrentPrincipal,
    Cursor,
    GivenOperations,
    IdempotencyKey,
    IfMatch,
    Limit,
    PathId,
    Search,
    keyed_request,
    require,
    require_list,
    shown_saved,
    version_of,
    with_etag,
)
from services.directory.state.cards import (
    EmployeeCard,
    EmployeeDraft,
    RulesCard,
)
from services.directory.state.limits import Password
from services.directory.state.office import Kind
from services.directory.state.responses import (
    ColleaguesListed,
    EmployeeShown,
    EmployeesListed,
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
        operations: GivenOperations,
        principal: CurrentPrincipal,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> EmployeesListed:
        """Employees by id."""
        within = await require_list(operations, principal, Action.SETTINGS_READ, "employee")
        found, following = await operations.employees.listed(
            principal.organization_id, within, search=search, cursor=cursor, limit=limit
        )
        return EmployeesListed(cards=tuple(found), next=following)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[EmployeeDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[EmployeeShown]:
        """Create an employee who may no more than oneself; with an address a welcome letter goes out (E3)."""
        for action in (Action.SETTINGS_WRITE, Action.ROLES_GRANT, Action.SECRETS_WRITE):
            await require(operations, principal, action, "employee")
        once = await keyed_request(principal, request, idempotency_key)
        made = await operations.employees.create(once, data)
        return with_etag(made, made.version, 201)

    @get("/{agent_id:str}")
    async def read(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> Response[EmployeeShown]:
        """One employee, with what overrides the rules (D5); employees may read their own card."""
        subject = await operations.agents.subject(principal.organization_id, agent_id)
        if not principal.may(Action.CARD_READ, subject):
            await require(operations, principal, Action.SETTINGS_READ, f"employee/{agent_id}", subject)
        found = await operations.employees.one(principal, agent_id)
        return with_etag(found, found.version)

    @put("/{agent_id:str}")
    async def save(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        data: JSONBody[EmployeeCard],
        if_match: IfMatch = None,
    ) -> Response[EmployeeShown]:
        """Save the next version; roles, and what recovers a password, take rights of their own (P7)."""
        await require(operations, principal, Action.SETTINGS_WRITE, f"employee/{agent_id}")
        version = version_of(if_match)
        found = await operations.employees.replace(principal, agent_id, version, data)
        return with_etag(found, found.version)

    @delete("/{agent_id:str}")
    async def remove(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """Remove an employee (E8); refused while calls are routed there."""
        for action in (Action.SETTINGS_WRITE, Action.ROLES_GRANT, Action.SECRETS_WRITE):
            await require(operations, principal, action, f"employee/{agent_id}")
        version = version_of(if_match)
        await operations.employees.remove(principal, agent_id, version)

    @post("/{agent_id:str}/password", status_code=200)
    async def password(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        data: JSONBody[NewPassword],
    ) -> SecretShown:
        """Set a one-time console password; every login of the employee ends."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/password")
        return await operations.employees.new_password(principal, agent_id, data.password)

    @post("/{agent_id:str}/phone-password", status_code=200)
    async def phone_password(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> SecretShown:
        """Replace the password of desk phones and softphones."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/phone-password")
        return await operations.employees.new_phone_password(principal, agent_id)

    @delete("/{agent_id:str}/second-factor")
    async def reset_second_factor(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> None:
        """Take the second factor of whoever has lost the device; every login of the employee ends."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/second-factor")
        await operations.employees.reset_second_factor(principal, agent_id)

    @get("/{agent_id:str}/rules")
    async def rules(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> Response[Shown[RulesCard]]:
        """The rules of the employee's direct calls; version 0 stands for rules that nobody has changed."""
        subject = await operations.agents.subject(principal.organization_id, agent_id)
        await require(operations, principal, Action.RULES_WRITE, f"rules/{agent_id}", subject)
        row = await operations.employees.rules(principal.organization_id, agent_id)
        card = RulesCard() if row is None else row.card
        assert isinstance(card, RulesCard)
        version = 0 if row is None else row.version
        return with_etag(Shown(id=agent_id, version=version, card=card), version)

    @put("/{agent_id:str}/rules")
    async def save_rules(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        data: JSONBody[RulesCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[RulesCard]]:
        """Save rules: one's own, or as a head the department's (P5); no certain loop (D6).

        Outside numbers take the right to settings; so do other people's recipients of voice messages.
        """
        subject = await operations.agents.subject(principal.organization_id, agent_id)
        await require(operations, principal, Action.RULES_WRITE, f"rules/{agent_id}", subject)
        version = version_of(if_match)
        saved = await operations.employees.save_rules(principal, agent_id, version, data)
        return with_etag(shown_saved(saved, RulesCard), saved.row.version)


class ColleagueRoutes(Controller):
    """Targets for forwarding, for everyone who may set their own rules (P5)."""

    path = "/colleagues"
    tags = ("employees",)

    @get()
    async def people(
        self, operations: GivenOperations, principal: CurrentPrincipal, cursor: Cursor = "", limit: Limit = 50
    ) -> ColleaguesListed:
        """Employees by id: only names and extensions."""
        within = await require_list(operations, principal, Action.COLLEAGUES_READ, "colleagues")
        return await operations.employees.colleagues(
            principal.organization_id, Kind.EMPLOYEE, within, cursor=cursor, limit=limit
        )

    @get("/departments")
    async def departments(
        self, operations: GivenOperations, principal: CurrentPrincipal, cursor: Cursor = "", limit: Limit = 50
    ) -> ColleaguesListed:
        """Departments by id."""
        within = await require_list(operations, principal, Action.COLLEAGUES_READ, "colleagues/departments")
        return await operations.employees.colleagues(
            principal.organization_id, Kind.DEPARTMENT, within, cursor=cursor, limit=limit
        )
