"""Routes of the CRM's table of responsible managers (D5)."""

from typing import Annotated, Final

from litestar import Controller
from litestar.params import JSONBody
from msgspec import Meta, Struct

from contracts.rights import Action
from services.directory.api.card_routes import CardRoutes
from services.directory.api.methods import get, put
from services.directory.api.shared import CurrentPrincipal, Cursor, GivenOperations, Limit, Search, require
from services.directory.state.cards import ResponsibleCard
from services.directory.state.limits import RESPONSIBLES_AT_ONCE_MAX
from services.directory.state.office import Kind
from services.directory.state.responses import Listed

_ROUTES: Final = CardRoutes(
    Kind.RESPONSIBLE, ResponsibleCard, ResponsibleCard, id_name="number", name=lambda draft: draft.number
)


class Counted(Struct, frozen=True, kw_only=True):
    """How many lines now differ from before."""

    changed: int


class Lines(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines of the CRM's table; one without an agent ends."""

    lines: Annotated[tuple[ResponsibleCard, ...], Meta(max_length=RESPONSIBLES_AT_ONCE_MAX)]


class ResponsibleRoutes(Controller):
    """The CRM's table of responsible managers (D5)."""

    path = "/responsibles"
    tags = ("responsibles",)

    @get()
    async def listed(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[ResponsibleCard]:
        """Lines by number, for who may see customers' numbers."""
        await require(operations, principal, Action.NUMBER_SEE, "responsible")
        return await _ROUTES.cards(operations, principal).listed(search, cursor, limit)

    @put()
    async def save(
        self, operations: GivenOperations, principal: CurrentPrincipal, data: JSONBody[Lines]
    ) -> Counted:
        """Save these lines, all or none; a line without an agent ends. They have no versions: no If-Match."""
        await require(operations, principal, Action.SETTINGS_WRITE, "responsible")
        changed = await operations.responsibles.save(principal, data.lines)
        return Counted(changed=changed)
