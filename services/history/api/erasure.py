"""Erasing a customer (V6)."""

from typing import Annotated, Final

from litestar import Controller
from litestar.params import JSONBody
from msgspec import Meta, Struct

from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from services.history.activities.erasure import Erased, Erasures
from services.history.api.methods import get, post
from services.history.api.requests import (
    CurrentPrincipal,
    Id,
    InjectedParts,
    canonical_number,
)

NUMBER_LENGTH_MAX: Final = 128
"""As long as a network may write one (contracts.withheld)."""


class EraseRequest(Struct, frozen=True, kw_only=True):
    """Whose data are to go: the number as +79161234567."""

    number: Annotated[str, Meta(max_length=NUMBER_LENGTH_MAX, pattern=LINE_PATTERN)]


class EraseRoutes(Controller):
    """Erasing."""

    path = "/erase"

    @get("/{erasure_id:str}", summary="What each service has answered to an erasure by now")
    async def record(self, parts: InjectedParts, principal: CurrentPrincipal, erasure_id: Id) -> Erasures:
        """Who has erased what, what stays where, and who has not answered yet (V6)."""
        return await parts.erasure.record(principal, erasure_id)

    @post(status_code=200, summary="Erase a customer's personal data and audio")
    async def erase(
        self, parts: InjectedParts, principal: CurrentPrincipal, data: JSONBody[EraseRequest]
    ) -> Erased:
        """The record of the erasure: what can't be recalled, and when the last copy on the log ends (V6)."""
        await parts.authentication.require(principal, Action.ERASE, "erase")
        return await parts.erasure.erase(principal, await canonical_number(parts, principal, data.number))
