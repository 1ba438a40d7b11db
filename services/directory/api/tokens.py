"""Routes of programs' tokens."""

from typing import Any, Final

from litestar import Controller, Request, Response
from litestar.params import JSONBody

from contracts.rights import Action
from services.directory.api.card_routes import CardRoutes
from services.directory.api.methods import delete, post
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
    IdempotencyKey,
    IfMatch,
    PathId,
    keyed_request,
    require,
    version_of,
    with_etag,
)
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind
from services.directory.state.responses import TokenShown

_ROUTES: Final = CardRoutes(
    Kind.TOKEN, TokenCard, TokenCard, id_name="token_id", name=lambda draft: draft.name
)


class TokenRoutes(Controller):
    """Keys for programs."""

    path = "/tokens"
    tags = ("tokens",)
    listed = _ROUTES.listed()

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[TokenCard],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[TokenShown]:
        """Create a token, shown once; its rights are at most the creator's own."""
        await require(operations, principal, Action.SETTINGS_WRITE, "token")
        for action in data.actions:
            await require(operations, principal, action, f"token with {action}")
        once = await keyed_request(principal, request, idempotency_key)
        made = await operations.tokens.create(once, data)
        return with_etag(made, made.version, 201)

    @delete("/{token_id:str}")
    async def revoke(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        token_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """End a token."""
        await require(operations, principal, Action.SETTINGS_WRITE, f"token/{token_id}")
        version = version_of(if_match)
        await operations.tokens.revoke(principal, token_id, version)
