"""Erasing a customer (V6)."""

from litestar import Controller
from litestar.params import JSONBody
from msgspec import Struct

from contracts.rights import Action
from services.history.activities.erasure import Erased
from services.history.api.methods import post
from services.history.api.requests import (
    CurrentPrincipal,
    InjectedParts,
    canonical_number,
)


class EraseRequest(Struct, frozen=True, kw_only=True):
    """Whose data are to go: the number as +79161234567."""

    number: str


class EraseRoutes(Controller):
    """Erasing."""

    path = "/erase"

    @post(status_code=200, summary="Erase a customer's personal data and audio")
    async def erase(
        self, parts: InjectedParts, principal: CurrentPrincipal, data: JSONBody[EraseRequest]
    ) -> Erased:
        """The record of the erasure: what can't be recalled, and when the last copy on the log ends (V6)."""
        await parts.authentication.require(principal, Action.ERASE, "erase")
        return await parts.erasure.erase(principal, await canonical_number(parts, principal, data.number))
