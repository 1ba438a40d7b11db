"""Routes of programs' tokens."""

from typing import Any, Final

from litestar import Controller, Request, Response
from litestar.params import JSONBody

from contracts.rights import Action
from services.directory.api.card_routes import CardRoutes
from services.directory.api.methods import delete, get, post
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
    version_of,
    with_etag,
)
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind
from services.directory.state.responses import TokenListed, TokenShown, TokensListed

_ROUTES: Final = CardRoutes(
    Kind.TOKEN, TokenCard, TokenCard, id_name="token_id", name=lambda draft: draft.name
)


class TokenRoutes(Controller):
    """Keys for programs."""

    path = "/tokens"
    tags = ("tokens",)

    @get()
    async def listed(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> TokensListed:
        """Tokens by id, with the key that signed each and its last use."""
        page = await _ROUTES.cards(operations, principal).listed(search, cursor, limit)
        uses = await operations.tokens.uses(principal.organization_id, [each.id for each in page.cards])
        cards = tuple(
            TokenListed(id=each.id, version=each.version, card=each.card, token=uses.get(each.id))
            for each in page.cards
        )
        return TokensListed(cards=cards, next=page.next)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[TokenCard],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[TokenShown]:
        """Create a token, shown once; its rights are at most the creator's own, in all of its departments."""
        await require(operations, principal, Action.SECRETS_WRITE, "token")
        for action in data.actions:
            await require(operations, principal, action, f"token with {action}")
        once = await keyed_request(principal, request, idempotency_key)
        made = await operations.tokens.create(once, data)
        return with_etag(made, made.version, 201)

    @post("/{token_id:str}/reissue")
    async def reissue(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        token_id: PathId,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[TokenShown]:
        """Another token for the same card, shown once; the one before is refused from now on."""
        await require(operations, principal, Action.SECRETS_WRITE, f"token/{token_id}")
        once = await keyed_request(principal, request, idempotency_key)
        made = await operations.tokens.reissue(once, token_id)
        return with_etag(made, made.version, 201)

    @delete("/{token_id:str}")
    async def revoke(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        token_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """End a token that may no more than oneself."""
        await require(operations, principal, Action.SECRETS_WRITE, f"token/{token_id}")
        version = version_of(if_match)
        await operations.tokens.revoke(principal, token_id, version)
