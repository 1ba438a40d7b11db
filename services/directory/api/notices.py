"""Routes of notices: their cards, and how far speech is with each."""

from collections.abc import Sequence
from typing import Any

from litestar import Controller, Request, Response
from litestar.params import JSONBody
from msgspec import structs

from services.directory.activities.askers import Asker
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
    tagged,
)
from services.directory.api.methods import delete, get, post, put
from services.directory.rules import renderings
from services.directory.rules.renderings import Standing
from services.directory.state.cards import NoticeCard, NoticeDraft
from services.directory.state.office import Kind
from services.directory.state.shown import NoticeShown, NoticesListed, RenderState, Shown


class NoticeRoutes(Controller):
    """Notices of the organization's own."""

    path = "/notices"
    tags = ("notices",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> NoticesListed:
        """Notices by id, each with whether it can be played yet."""
        found = await Cards(parts, asker).listed(Kind.NOTICE, NoticeCard, search, cursor, limit)
        cards = await _told(parts, asker, found.cards)
        return NoticesListed(cards=cards, next=found.next)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[NoticeDraft],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[NoticeShown]:
        """A new notice; it plays once speech has made it."""
        once = await request_of(asker, request, idempotency_key)
        made = await Cards(parts, asker).create(Kind.NOTICE, NoticeCard, data, data.name or "notice", once)
        return await _tagged(parts, asker, made)

    @get("/{notice_id:str}")
    async def read(self, parts: Given, asker: Asking, notice_id: PathId) -> Response[NoticeShown]:
        """One notice."""
        return await _tagged(parts, asker, await Cards(parts, asker).one(Kind.NOTICE, NoticeCard, notice_id))

    @put("/{notice_id:str}")
    async def save(
        self,
        parts: Given,
        asker: Asking,
        notice_id: PathId,
        data: JSONBody[NoticeCard],
        if_match: IfMatch = None,
    ) -> Response[NoticeShown]:
        """Another version; the one before plays until this one is ready (T5)."""
        saved = await Cards(parts, asker).replace(Kind.NOTICE, NoticeCard, notice_id, if_match, data)
        return await _tagged(parts, asker, saved)

    @delete("/{notice_id:str}")
    async def remove(
        self,
        parts: Given,
        asker: Asking,
        notice_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """No longer a notice; refused while it is chosen somewhere."""
        await Cards(parts, asker).remove(Kind.NOTICE, notice_id, if_match)


async def _tagged(parts: Parts, asker: Asker, answer: Response[Shown[NoticeCard]]) -> Response[NoticeShown]:
    [notice] = await _told(parts, asker, [answer.content])
    return tagged(notice, notice.version, answer.status_code or 200)


async def _told(parts: Parts, asker: Asker, cards: Sequence[Shown[NoticeCard]]) -> tuple[NoticeShown, ...]:
    found = await parts.renderings.of(asker.organization_id, [each.id for each in cards])
    # Whoever removes a notice while it is read takes nothing from the answer.
    unheard = Standing(render_state=RenderState.WAITING)
    return tuple(
        NoticeShown(
            id=each.id,
            version=each.version,
            name=renderings.name(each.id, each.card),
            card=each.card,
            warnings=each.warnings,
            **structs.asdict(found.get(each.id, unheard)),
        )
        for each in cards
    )
