"""Routes of the organization, its PBXs, departments and scenarios."""

from typing import Any

from litestar import Controller, Request, Response
from litestar.params import JSONBody
from msgspec import Struct

from contracts.rights import Action
from services.directory.api.asking import (
    Asking,
    Cards,
    Cursor,
    DryRun,
    Given,
    IdempotencyKey,
    IfMatch,
    Limit,
    PathId,
    Search,
    request_of,
    shown_saved,
    tagged,
    version_of,
)
from services.directory.api.methods import delete, get, patch, post, put
from services.directory.state.cards import (
    DepartmentCard,
    DepartmentDraft,
    OrganizationCard,
    PbxCard,
    PbxDraft,
    ScenarioCard,
    ScenarioDraft,
    Seat,
)
from services.directory.state.office import Kind
from services.directory.state.sheets import OfficeSheet
from services.directory.state.shown import Listed, OfficeShown, Shown


class Suspension(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an agent is suspended in a department (O5)."""

    is_suspended: bool


class OfficeRoutes(Controller):
    """The whole office at once."""

    path = "/office"
    tags = ("office",)

    @put()
    async def save(
        self, parts: Given, asker: Asking, data: JSONBody[OfficeSheet], dry_run: DryRun = False
    ) -> OfficeShown:
        """Every card of the sheet, or none; the book's other cards stay, and are named.

        A card of the sheet is meant whole, but what an office file has no words for (a login, a job title,
        how long history is kept …) stays as it is where it is left out. The same sheet again changes nothing.
        An organization that is only admitted begins with its first sheet.
        """
        cards = Cards(parts, asker)
        await cards.demand(Action.SETTINGS_WRITE, "office")
        if data.rules:
            await cards.demand(Action.RULES_WRITE, "office/rules")
        if dry_run:
            return await parts.offices.preview(asker.organization_id, data)
        return await parts.offices.save(asker.organization_id, asker.name, data, begins=asker.begins)


class OrganizationRoutes(Controller):
    """The company itself."""

    path = "/organization"
    tags = ("organization",)

    @get()
    async def read(self, parts: Given, asker: Asking) -> Response[Shown[OrganizationCard]]:
        """The organization's card."""
        return await Cards(parts, asker).one(Kind.ORGANIZATION, OrganizationCard, asker.organization_id)

    @put()
    async def save(
        self,
        parts: Given,
        asker: Asking,
        data: JSONBody[OrganizationCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[OrganizationCard]]:
        """Another version of it."""
        return await Cards(parts, asker).replace(
            Kind.ORGANIZATION, OrganizationCard, asker.organization_id, if_match, data
        )


class PbxRoutes(Controller):
    """Phone exchanges."""

    path = "/pbxs"
    tags = ("pbxs",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[PbxCard]:
        """PBXs by id."""
        return await Cards(parts, asker).listed(Kind.PBX, PbxCard, search, cursor, limit)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[PbxDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Shown[PbxCard]]:
        """A new PBX."""
        once = await request_of(asker, request, idempotency_key)
        return await Cards(parts, asker).create(Kind.PBX, PbxCard, data, data.name, once)

    @get("/{pbx_id:str}")
    async def read(self, parts: Given, asker: Asking, pbx_id: PathId) -> Response[Shown[PbxCard]]:
        """One PBX."""
        return await Cards(parts, asker).one(Kind.PBX, PbxCard, pbx_id)

    @put("/{pbx_id:str}")
    async def save(
        self,
        parts: Given,
        asker: Asking,
        pbx_id: PathId,
        data: JSONBody[PbxCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[PbxCard]]:
        """Another version of it."""
        return await Cards(parts, asker).replace(Kind.PBX, PbxCard, pbx_id, if_match, data)


class DepartmentRoutes(Controller):
    """Departments and their agents."""

    path = "/departments"
    tags = ("departments",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[DepartmentCard]:
        """Departments by id."""
        return await Cards(parts, asker).listed(Kind.DEPARTMENT, DepartmentCard, search, cursor, limit)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[DepartmentDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Shown[DepartmentCard]]:
        """A new department; without an extension it gets the next free one."""
        once = await request_of(asker, request, idempotency_key)
        return await Cards(parts, asker).create(Kind.DEPARTMENT, DepartmentCard, data, data.name, once)

    @get("/{department_id:str}")
    async def read(
        self, parts: Given, asker: Asking, department_id: PathId
    ) -> Response[Shown[DepartmentCard]]:
        """One department."""
        return await Cards(parts, asker).one(Kind.DEPARTMENT, DepartmentCard, department_id)

    @put("/{department_id:str}")
    async def save(
        self,
        parts: Given,
        asker: Asking,
        department_id: PathId,
        data: JSONBody[DepartmentCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """Another version of it; the order of `agents` is the department's order."""
        return await Cards(parts, asker).replace(
            Kind.DEPARTMENT, DepartmentCard, department_id, if_match, data
        )

    @delete("/{department_id:str}")
    async def remove(
        self,
        parts: Given,
        asker: Asking,
        department_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """No longer a department; refused while calls are led there."""
        await Cards(parts, asker).remove(Kind.DEPARTMENT, department_id, if_match)

    @post("/{department_id:str}/agents")
    async def seat(
        self,
        parts: Given,
        asker: Asking,
        department_id: PathId,
        data: JSONBody[Seat],
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """«Добавить в отдел»: an office PBX's extension is asked for there first (O3)."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, f"department/{department_id}/agents")
        version = version_of(if_match)
        saved = await parts.desk.seat(asker.organization_id, asker.name, department_id, version, data)
        return tagged(shown_saved(saved, DepartmentCard), saved.row.version, 201)

    @patch("/{department_id:str}/agents/{agent_id:str}")
    async def suspend(
        self,
        parts: Given,
        asker: Asking,
        department_id: PathId,
        agent_id: PathId,
        data: JSONBody[Suspension],
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """Suspend an agent, or let one come back (O5)."""
        await Cards(parts, asker).demand(
            Action.SETTINGS_WRITE, f"department/{department_id}/agents/{agent_id}"
        )
        seat = Seat(agent_id=agent_id, is_suspended=data.is_suspended)
        version = version_of(if_match)
        saved = await parts.desk.suspend(asker.organization_id, asker.name, department_id, version, seat)
        return tagged(shown_saved(saved, DepartmentCard), saved.row.version)

    @delete("/{department_id:str}/agents/{agent_id:str}", status_code=200)
    async def unseat(
        self,
        parts: Given,
        asker: Asking,
        department_id: PathId,
        agent_id: PathId,
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """Take an agent out of the department (O5)."""
        await Cards(parts, asker).demand(
            Action.SETTINGS_WRITE, f"department/{department_id}/agents/{agent_id}"
        )
        version = version_of(if_match)
        saved = await parts.desk.unseat(asker.organization_id, asker.name, department_id, version, agent_id)
        return tagged(shown_saved(saved, DepartmentCard), saved.row.version)


class ScenarioRoutes(Controller):
    """Call scenarios."""

    path = "/scenarios"
    tags = ("scenarios",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[ScenarioCard]:
        """Scenarios by id."""
        return await Cards(parts, asker).listed(Kind.SCENARIO, ScenarioCard, search, cursor, limit)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[ScenarioDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Shown[ScenarioCard]]:
        """A new scenario, if all of it holds (S4)."""
        once = await request_of(asker, request, idempotency_key)
        return await Cards(parts, asker).create(Kind.SCENARIO, ScenarioCard, data, data.name, once)

    @get("/{scenario_id:str}")
    async def read(self, parts: Given, asker: Asking, scenario_id: PathId) -> Response[Shown[ScenarioCard]]:
        """One scenario."""
        return await Cards(parts, asker).one(Kind.SCENARIO, ScenarioCard, scenario_id)

    @put("/{scenario_id:str}")
    async def save(
        self,
        parts: Given,
        asker: Asking,
        scenario_id: PathId,
        data: JSONBody[ScenarioCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[ScenarioCard]]:
        """Another version, all or nothing: else the old one stays live (S4)."""
        return await Cards(parts, asker).replace(Kind.SCENARIO, ScenarioCard, scenario_id, if_match, data)

    @delete("/{scenario_id:str}")
    async def remove(
        self,
        parts: Given,
        asker: Asking,
        scenario_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """No longer a scenario."""
        await Cards(parts, asker).remove(Kind.SCENARIO, scenario_id, if_match)
