"""Routes of notices: their cards, and how far speech is with each."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Controller, Request, Response
from litestar.params import JSONBody
from msgspec import structs

from services.directory.activities.authentication import Principal
from services.directory.api.card_routes import CardRoutes
from services.directory.api.methods import get, post, put
from services.directory.api.shared import (
    CurrentPrincipal,
    Cursor,
    GivenOperations,
    IdempotencyKey,
    IfMatch,
    Limit,
    Operations,
    PathId,
    Search,
    keyed_request,
    with_etag,
)
from services.directory.rules import notice_status
from services.directory.rules.notice_status import NoticeStatus
from services.directory.state.cards import NoticeCard, NoticeDraft
from services.directory.state.office import Kind
from services.directory.state.responses import NoticeShown, NoticesListed, RenderState, Shown

NAME_WITHOUT_ONE: Final = "notice"
_ROUTES: Final = CardRoutes(
    Kind.NOTICE,
    NoticeCard,
    NoticeDraft,
    id_name="notice_id",
    name=lambda draft: draft.name or NAME_WITHOUT_ONE,
)


class NoticeRoutes(Controller):
    """The organization's own notices."""

    path = "/notices"
    tags = ("notices",)
    remove = _ROUTES.remove()

    @get()
    async def listed(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> NoticesListed:
        """Notices by id, each with whether it can be played yet."""
        found = await _ROUTES.cards(operations, principal).listed(search, cursor, limit)
        return NoticesListed(cards=await _shown(operations, principal, found.cards), next=found.next)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[NoticeDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[NoticeShown]:
        """Create a notice; it plays once speech has rendered it."""
        once = await keyed_request(principal, request, idempotency_key)
        cards = _ROUTES.cards(operations, principal)
        return await _answer(
            operations, principal, await cards.create(data, data.name or NAME_WITHOUT_ONE, once), 201
        )

    @get("/{notice_id:str}")
    async def read(
        self, operations: GivenOperations, principal: CurrentPrincipal, notice_id: PathId
    ) -> Response[NoticeShown]:
        """One notice."""
        found = await _ROUTES.cards(operations, principal).read(notice_id)
        return await _answer(operations, principal, found)

    @put("/{notice_id:str}")
    async def save(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        notice_id: PathId,
        data: JSONBody[NoticeCard],
        if_match: IfMatch = None,
    ) -> Response[NoticeShown]:
        """Save the next version; the one before plays until this one is ready (T5)."""
        saved = await _ROUTES.cards(operations, principal).replace(notice_id, if_match, data)
        return await _answer(operations, principal, saved)


async def _answer(
    operations: Operations, principal: Principal, card: Shown[NoticeCard], status: int = 200
) -> Response[NoticeShown]:
    [notice] = await _shown(operations, principal, [card])
    return with_etag(notice, notice.version, status)


async def _shown(
    operations: Operations, principal: Principal, cards: Sequence[Shown[NoticeCard]]
) -> tuple[NoticeShown, ...]:
    found = await operations.notice_renderings.of(principal.organization_id, [each.id for each in cards])
    # A notice that is removed meanwhile has no status, but stays in the answer.
    removed = NoticeStatus(render_state=RenderState.WAITING)
    return tuple(
        NoticeShown(
            id=each.id,
            version=each.version,
            name=notice_status.name(each.id, each.card),
            card=each.card,
            warnings=each.warnings,
            **structs.asdict(found.get(each.id, removed)),
        )
        for each in cards
    )
