"""Routes of callbacks ordered and cancelled from outside."""

from typing import Any

from litestar import Controller, Request
from litestar.params import JSONBody
from msgspec import Struct

from contracts.rights import Action
from services.directory.activities.authentication import Principal
from services.directory.api.methods import delete, post
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
    IdempotencyKey,
    Operations,
    PathId,
    keyed_request,
    require,
    subject_of_department,
)
from services.directory.state.limits import Number
from services.directory.state.responses import (
    CallbackShown,
)


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to call back (C11)."""

    number: Number


class CallbackRoutes(Controller):
    """Callbacks ordered and cancelled from outside."""

    path = "/"
    tags = ("callbacks",)

    @post("/departments/{department_id:str}/callbacks", status_code=202, quota="orders")
    async def order(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        principal: CurrentPrincipal,
        department_id: PathId,
        data: JSONBody[Order],
        idempotency_key: IdempotencyKey = None,
    ) -> CallbackShown:
        """Order a callback, which the dialling policy and its limits may refuse (C11)."""
        subject = subject_of_department(principal, department_id)
        await require(
            operations, principal, Action.CALLBACK_ORDER, f"department/{department_id}/callbacks", subject
        )
        once = await keyed_request(principal, request, idempotency_key)
        return await operations.callbacks.order(once, department_id, data.number)

    @delete("/callbacks/{callback_id:str}", status_code=202)
    async def cancel(
        self, operations: GivenOperations, principal: CurrentPrincipal, callback_id: PathId
    ) -> CallbackShown:
        """Cancel a callback (C9); one that has ended stays as it ended."""
        await _require_callback(operations, principal, Action.CALLBACK_CANCEL, callback_id)
        await operations.callbacks.cancel(principal, callback_id)
        return CallbackShown(callback_id=callback_id)

    @post("/callbacks/{callback_id:str}/keep", status_code=202)
    async def keep(
        self, operations: GivenOperations, principal: CurrentPrincipal, callback_id: PathId
    ) -> CallbackShown:
        """Keep a callback that the agent's talk with the customer would end (C14)."""
        await _require_callback(operations, principal, Action.CALLBACK_REPORT, callback_id)
        await operations.callbacks.keep(principal, callback_id)
        return CallbackShown(callback_id=callback_id)

    @post("/callbacks/{callback_id:str}/not-reached", status_code=202)
    async def not_reached(
        self, operations: GivenOperations, principal: CurrentPrincipal, callback_id: PathId
    ) -> CallbackShown:
        """Report that a machine or a stranger answered (C16); only the attempt's own agent counts."""
        await _require_callback(operations, principal, Action.CALLBACK_REPORT, callback_id)
        await operations.callbacks.not_reached(principal, callback_id)
        return CallbackShown(callback_id=callback_id)


async def _require_callback(
    operations: Operations, principal: Principal, action: Action, callback_id: str
) -> None:
    subject = await operations.callbacks.subject(principal.organization_id, callback_id)
    await require(operations, principal, action, f"callback/{callback_id}", subject)
