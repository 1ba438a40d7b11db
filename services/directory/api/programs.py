"""Routes of programs and for them: tokens, the CRM's table, callbacks, uploads; and the audit trail."""

from typing import Annotated, Any

from litestar import Controller, Request, Response
from litestar.params import JSONBody
from msgspec import Meta, Struct

from contracts.rights import Action
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
    of_department,
    organization,
    request_of,
    tagged,
    version_of,
)
from services.directory.api.methods import delete, get, post, put
from services.directory.state.cards import ResponsibleCard, TokenCard
from services.directory.state.limits import RESPONSIBLES_AT_ONCE_MAX, Number
from services.directory.state.office import Kind
from services.directory.state.shown import AuditListed, CallbackShown, Listed, TokenShown, UploadShown


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to call back (C11)."""

    number: Number


class Counted(Struct, frozen=True, kw_only=True):
    """How many lines now differ from before."""

    changed: int


class Lines(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines of the CRM's table; one without an agent ends."""

    lines: Annotated[tuple[ResponsibleCard, ...], Meta(max_length=RESPONSIBLES_AT_ONCE_MAX)]


class TokenRoutes(Controller):
    """Keys for programs."""

    path = "/tokens"
    tags = ("tokens",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[TokenCard]:
        """Tokens by id; never the tokens themselves."""
        return await Cards(parts, asker).listed(Kind.TOKEN, TokenCard, search, cursor, limit)

    @post()
    async def create(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        data: JSONBody[TokenCard],
        idempotency_key: IdempotencyKey = None,
    ) -> Response[TokenShown]:
        """A new token, shown this once; nobody gives a program more than the own rights."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, "token")
        for action in data.actions:
            await Cards(parts, asker).demand(action, f"token with {action}")
        once = await request_of(asker, request, idempotency_key)
        made = await parts.desk.program(asker.organization_id, once, data)
        return tagged(made, made.version, 201)

    @delete("/{token_id:str}")
    async def revoke(
        self,
        parts: Given,
        asker: Asking,
        token_id: PathId,
        if_match: IfMatch = None,
    ) -> None:
        """The token is good no longer."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, f"token/{token_id}")
        version = version_of(if_match)
        await parts.desk.revoke(asker.organization_id, asker.name, token_id, version)


class ResponsibleRoutes(Controller):
    """The CRM's table of responsible managers (D5)."""

    path = "/responsibles"
    tags = ("responsibles",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        search: Search = "",
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> Listed[ResponsibleCard]:
        """Lines by customer number."""
        return await Cards(parts, asker).listed(Kind.RESPONSIBLE, ResponsibleCard, search, cursor, limit)

    @put()
    async def save(self, parts: Given, asker: Asking, data: JSONBody[Lines]) -> Counted:
        """These lines, all or none; a line without an agent ends. Each stands for itself: no If-Match."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, "responsible")
        changed = await parts.desk.responsibles(asker.organization_id, asker.name, data.lines)
        return Counted(changed=changed)


class CallbackRoutes(Controller):
    """Callbacks ordered and cancelled from outside."""

    path = "/"
    tags = ("callbacks",)

    @post("/departments/{department_id:str}/callbacks", status_code=202)
    async def order(
        self,
        request: Request[Any, Any, Any],
        parts: Given,
        asker: Asking,
        department_id: PathId,
        data: JSONBody[Order],
        idempotency_key: IdempotencyKey = None,
    ) -> CallbackShown:
        """Ask for a callback; whether it is taken is decided by the dialling policy and its limits (C11)."""
        subject = of_department(asker, department_id)
        await Cards(parts, asker).demand(
            Action.CALLBACK_ORDER, f"department/{department_id}/callbacks", subject
        )
        once = await request_of(asker, request, idempotency_key)
        return await parts.desk.order(asker.organization_id, once, department_id, data.number)

    @delete("/callbacks/{callback_id:str}", status_code=202)
    async def cancel(self, parts: Given, asker: Asking, callback_id: PathId) -> CallbackShown:
        """Ask for a callback to be cancelled (C9); one that has ended stays as it ended."""
        await _demand_callback(parts, asker, callback_id)
        await parts.desk.cancel(asker, callback_id)
        return CallbackShown(callback_id=callback_id)

    @post("/callbacks/{callback_id:str}/keep", status_code=202)
    async def keep(self, parts: Given, asker: Asking, callback_id: PathId) -> CallbackShown:
        """Who talks to the customer wants the callback to stand: it was somebody else's call (C14)."""
        await _demand_callback(parts, asker, callback_id)
        await parts.desk.keep(asker, callback_id)
        return CallbackShown(callback_id=callback_id)

    @post("/callbacks/{callback_id:str}/not-reached", status_code=202)
    async def not_reached(self, parts: Given, asker: Asking, callback_id: PathId) -> CallbackShown:
        """The attempt's agent has met a machine or a stranger (C16); nobody else's word counts."""
        await _demand_callback(parts, asker, callback_id)
        await parts.desk.not_reached(asker, callback_id)
        return CallbackShown(callback_id=callback_id)


async def _demand_callback(parts: Parts, asker: Asker, callback_id: str) -> None:
    subject = await parts.desk.subject_of_callback(asker.organization_id, callback_id)
    await Cards(parts, asker).demand(Action.CALLBACK_CANCEL, f"callback/{callback_id}", subject)


class UploadRoutes(Controller):
    """Audio files for notices."""

    path = "/uploads"
    tags = ("notices",)

    @post()
    async def upload(self, request: Request[Any, Any, Any], parts: Given, asker: Asking) -> UploadShown:
        """An audio file as the request's body (WAV, MP3, OGG/Opus, M4A, 10 MB, 5 min): checked, then kept."""
        await Cards(parts, asker).demand(Action.SETTINGS_WRITE, "upload")
        data = await request.body()
        return UploadShown(key=await parts.uploads.keep(asker.organization_id, data))


class AuditRoutes(Controller):
    """Who changed what."""

    path = "/audit"
    tags = ("audit",)

    @get()
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        cursor: Cursor = "",
        limit: Limit = 50,
    ) -> AuditListed:
        """The audit trail, newest first."""
        await parts.askers.demand(asker, Action.AUDIT_READ, organization(asker), "audit")
        return await parts.book.audited(asker.organization_id, cursor=cursor, limit=limit)
