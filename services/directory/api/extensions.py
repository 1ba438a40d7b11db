"""Routes of office PBXs' extensions."""

from typing import Any, Final

from litestar import Controller, Request, Response
from litestar.params import JSONBody

from contracts.rights import Action
from services.directory.api.card_routes import CardRoutes
from services.directory.api.methods import post
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
    IdempotencyKey,
    keyed_request,
    require,
)
from services.directory.state.cards import ExtensionCard, ExtensionDraft
from services.directory.state.office import Kind
from services.directory.state.responses import Shown

_ROUTES: Final = CardRoutes(
    Kind.EXTENSION,
    ExtensionCard,
    ExtensionDraft,
    id_name="agent_id",
    name=lambda draft: f"{draft.pbx_id} {draft.extension}",
)


class ExtensionRoutes(Controller):
    """Phones of office PBXs."""

    path = "/extensions"
    tags = ("extensions",)
    listed = _ROUTES.listed()
    read = _ROUTES.read()
    remove = _ROUTES.remove()

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[ExtensionDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Shown[ExtensionCard]]:
        """Add an extension, after asking its PBX for it (O3)."""
        await require(operations, principal, Action.SETTINGS_WRITE, "extension")
        once = await keyed_request(principal, request, idempotency_key)
        await operations.extension_checks.require_new(principal, data)
        return await _ROUTES.created(operations, principal, data, once)
