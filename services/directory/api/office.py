"""The route that saves a whole office at once."""

from litestar import Controller
from litestar.params import JSONBody

from contracts.rights import Action
from services.directory.api.methods import put
from services.directory.api.shared import CurrentPrincipal, DryRun, GivenOperations, require
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import OfficeShown


class OfficeRoutes(Controller):
    """The whole office at once."""

    path = "/office"
    tags = ("office",)

    @put(quota="offices")
    async def save(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        data: JSONBody[OfficeSheet],
        dry_run: DryRun = False,
    ) -> OfficeShown:
        """Save every card of the sheet, or none; other cards stay, and the answer names them.

        A card of the sheet is whole, but fields that office files have no words for (a login, a job title,
        how long history is kept …) stay as saved where they are left out. Saving the same sheet again
        changes nothing. An organization that is only admitted begins with its first sheet.
        """
        await require(operations, principal, Action.SETTINGS_WRITE, "office")
        if data.rules:
            await require(operations, principal, Action.RULES_WRITE, "office/rules")
        if dry_run:
            return await operations.office_import.preview(principal, data)
        return await operations.office_import.save(principal, data)
