"""«My page»: who one is here, and what one may do."""

from typing import Any, Final

from litestar import Controller, Request, Response, get
from litestar.response import Redirect

from services.console.api.requests import CurrentPerson, GivenConsole, PathOrganization, require_screen
from services.console.rules import addresses, navigation
from services.console.rules.rights_words import ACTIONS, REACHES

SCREEN: Final = "me"


class MyPageRoutes(Controller):
    """Everybody has it."""

    path = "/o/{organization:str}"

    @get()
    async def first(self, person: CurrentPerson, organization: PathOrganization) -> Redirect:
        """The first page that this person may see."""
        screen = navigation.first(person.me.rights)
        return Redirect(addresses.home(organization) + screen.path, status_code=303)

    @get("/me")
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Response[str]:
        """The page."""
        require_screen(person, SCREEN)
        word = console.pages.word
        rights = [
            (word(request, words), word(request, REACHES[person.me.rights[action]]))
            for action, words in ACTIONS.items()
            if person.me.rights.get(action) in REACHES
        ]
        return console.pages.render(
            request,
            "me.html",
            {"screen": SCREEN, "rights": rights},
            me=person.me,
        )
