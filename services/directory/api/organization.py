"""Routes of the organization and its PBXs."""

from typing import Final

from litestar import Controller, Response
from litestar.params import JSONBody

from services.directory.activities.authentication import Principal
from services.directory.api.card_routes import CardRoutes, Cards
from services.directory.api.methods import get, put
from services.directory.api.shared import CurrentPrincipal, GivenOperations, IfMatch, Operations, with_etag
from services.directory.state.cards import OrganizationCard, PbxCard, PbxDraft
from services.directory.state.office import Kind
from services.directory.state.responses import Shown

_PBXS: Final = CardRoutes(Kind.PBX, PbxCard, PbxDraft, id_name="pbx_id", name=lambda draft: draft.name)


class OrganizationRoutes(Controller):
    """The company itself."""

    path = "/organization"
    tags = ("organization",)

    @get()
    async def read(
        self, operations: GivenOperations, principal: CurrentPrincipal
    ) -> Response[Shown[OrganizationCard]]:
        """The organization's card."""
        found = await _cards(operations, principal).read(principal.organization_id)
        return with_etag(found, found.version)

    @put()
    async def save(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[OrganizationCard],
        if_match: IfMatch = None,
    ) -> Response[Shown[OrganizationCard]]:
        """Save the card's next version."""
        saved = await _cards(operations, principal).replace(principal.organization_id, if_match, data)
        return with_etag(saved, saved.version)


def _cards(operations: Operations, principal: Principal) -> Cards[OrganizationCard]:
    return Cards(operations, principal, Kind.ORGANIZATION, OrganizationCard)


class PbxRoutes(Controller):
    """Phone exchanges."""

    path = "/pbxs"
    tags = ("pbxs",)
    listed = _PBXS.listed()
    create = _PBXS.create()
    read = _PBXS.read()
    save = _PBXS.save()
    remove = _PBXS.remove()
