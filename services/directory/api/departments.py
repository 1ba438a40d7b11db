"""Routes of departments and their agents."""

from typing import Final

from litestar import Controller, Response
from litestar.params import JSONBody
from msgspec import Struct

from contracts.rights import Action
from services.directory.api.card_routes import CardRoutes
from services.directory.api.methods import delete, patch, post
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
    IfMatch,
    PathId,
    require,
    shown_saved,
    version_of,
    with_etag,
)
from services.directory.state.cards import DepartmentCard, DepartmentDraft, Seat
from services.directory.state.office import Kind
from services.directory.state.responses import Shown

_ROUTES: Final = CardRoutes(
    Kind.DEPARTMENT, DepartmentCard, DepartmentDraft, id_name="department_id", name=lambda draft: draft.name
)


class Suspension(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an agent is suspended in a department (O5)."""

    is_suspended: bool


class DepartmentRoutes(Controller):
    """Departments and their agents."""

    path = "/departments"
    tags = ("departments",)
    listed = _ROUTES.listed()
    create = _ROUTES.create()
    read = _ROUTES.read()
    save = _ROUTES.save()
    remove = _ROUTES.remove()

    @post("/{department_id:str}/agents")
    async def seat(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        department_id: PathId,
        data: JSONBody[Seat],
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """Add an agent; an office PBX is first asked whether it has the extension (O3)."""
        await require(operations, principal, Action.SETTINGS_WRITE, f"department/{department_id}/agents")
        version = version_of(if_match)
        saved = await operations.departments.seat(principal, department_id, version, data)
        return with_etag(shown_saved(saved, DepartmentCard), saved.row.version, 201)

    @patch("/{department_id:str}/agents/{agent_id:str}")
    async def suspend(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        department_id: PathId,
        agent_id: PathId,
        data: JSONBody[Suspension],
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """Suspend or resume an agent (O5)."""
        what = f"department/{department_id}/agents/{agent_id}"
        await require(operations, principal, Action.SETTINGS_WRITE, what)
        seat = Seat(agent_id=agent_id, is_suspended=data.is_suspended)
        version = version_of(if_match)
        saved = await operations.departments.suspend(principal, department_id, version, seat)
        return with_etag(shown_saved(saved, DepartmentCard), saved.row.version)

    @delete("/{department_id:str}/agents/{agent_id:str}", status_code=200)
    async def unseat(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        department_id: PathId,
        agent_id: PathId,
        if_match: IfMatch = None,
    ) -> Response[Shown[DepartmentCard]]:
        """Take an agent out of the department (O5)."""
        what = f"department/{department_id}/agents/{agent_id}"
        await require(operations, principal, Action.SETTINGS_WRITE, what)
        version = version_of(if_match)
        saved = await operations.departments.unseat(principal, department_id, version, agent_id)
        return with_etag(shown_saved(saved, DepartmentCard), saved.row.version)
