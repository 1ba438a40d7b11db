"""Signing in: which company, login and password, a password of one's own, and signing out."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from services.console.activities.api_client import Refused
from services.console.api import cookies
from services.console.api.pages import FieldError
from services.console.api.requests import (
    Console,
    GivenConsole,
    PathOrganization,
    QueryText,
    client_address,
    fields,
    user_agent,
)
from services.console.api.sign_in_steps import device_of, errors_of, go_on, progress_of
from services.console.rules import addresses
from services.console.rules.navigation import marked
from services.console.state.answers import Login, OwnPassword
from services.console.state.sessions import Progress, Step

COMPANY_UNKNOWN = marked("This is not a company's short name.")
COMPANY_REMEDY = marked("It has small letters, digits and dashes, and stands in your letter of welcome.")
PASSWORDS_DIFFER = marked("The two passwords differ.")
PASSWORDS_REMEDY = marked("Type the same one twice.")


class BeginningRoutes(Controller):
    """Where a browser comes that knows no address: each company has its own."""

    path = "/"

    @get()
    async def begin(self, request: Request[Any, Any, Any], console: GivenConsole) -> Redirect:
        """The first page of the company that this browser has signed in to last."""
        known = console.cookies.read(request, cookies.ORGANIZATION)
        return Redirect(
            addresses.home(known) if addresses.is_organization(known) else "/sign-in", status_code=303
        )

    @get("/sign-in")
    async def ask(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: QueryText = ""
    ) -> Response[str] | Redirect:
        """Ask for the company, and lead to where its people sign in."""
        named = organization.strip().lower()
        if addresses.is_organization(named):
            return Redirect(addresses.sign_in(named), status_code=303)
        errors = {}
        if organization:
            word = console.pages.word
            errors["organization"] = FieldError(word(request, COMPANY_UNKNOWN), word(request, COMPANY_REMEDY))
        return console.pages.render(
            request,
            "organization.html",
            {"organization": organization, "errors": errors},
            status=422 if errors else 200,
        )


class SignInRoutes(Controller):
    """By login and password."""

    path = "/o/{organization:str}/sign-in"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        organization: PathOrganization,
        next: QueryText = "",
        done: QueryText = "",
    ) -> Response[str]:
        """The form."""
        return _form(request, console, organization, next, done=done)

    @post(status_code=200)
    async def sign_in(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Sign in, or go on with what is still missing."""
        form = await fields(request)
        login, password = form.get("login", "").strip(), form.get("password", "")
        wanted = addresses.inside(form.get("next", ""), organization)
        given = Login(
            organization=organization,
            login=login,
            password=password,
            device=device_of(request, console, organization, login),
        )
        progress = Progress(
            step=Step.PASSWORD, organization=organization, next=wanted, login=login, password=password
        )
        try:
            opened = await console.directory.sign_in(given, client_address(request), user_agent(request))
            return await go_on(request, console, progress, opened)
        except Refused as refused:
            errors = errors_of(request, console, refused, ("login", "password"))
            return _form(
                request, console, organization, wanted, login=login, errors=errors, status=refused.status
            )

    @get("/password")
    async def own_password(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """The form for a password of one's own, after a one-time password."""
        if progress_of(request, console, organization, Step.PASSWORD) is None:
            return Redirect(addresses.sign_in(organization), status_code=303)
        return console.pages.render(request, "password.html", {"organization": organization, "errors": {}})

    @post("/password", status_code=200)
    async def choose_password(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Replace the one-time password, and go on."""
        progress = progress_of(request, console, organization, Step.PASSWORD)
        if progress is None:
            return Redirect(addresses.sign_in(organization), status_code=303)
        form = await fields(request)
        new, again = form.get("new", ""), form.get("again", "")
        word = console.pages.word
        if new != again:
            errors = {"again": FieldError(word(request, PASSWORDS_DIFFER), word(request, PASSWORDS_REMEDY))}
            return console.pages.render(
                request, "password.html", {"organization": organization, "errors": errors}, status=422
            )
        given = OwnPassword(
            old=progress.password,
            new=new,
            device=device_of(request, console, organization, progress.login),
        )
        address, agent = client_address(request), user_agent(request)
        try:
            opened = await console.directory.choose_password(progress.token, given, address, agent)
            return await go_on(request, console, progress, opened)
        except Refused as refused:
            errors = errors_of(request, console, refused, ("again", "new"))
            return console.pages.render(
                request,
                "password.html",
                {"organization": organization, "errors": errors},
                status=refused.status,
            )


class SignOutRoutes(Controller):
    """Ends a session."""

    path = "/o/{organization:str}/sign-out"

    @post()
    async def sign_out(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Redirect:
        """End the session here, and the login at the directory."""
        await console.sessions.end(console.cookies.read(request, cookies.SESSION), client_address(request))
        answer = Redirect(f"{addresses.sign_in(organization)}?done=out", status_code=303)
        answer.cookies = [
            console.cookies.made(cookies.SESSION, ""),
            console.cookies.made(cookies.PROGRESS, ""),
            console.cookies.made(cookies.INPUT, ""),
        ]
        return answer


def _form(
    request: Request[Any, Any, Any],
    console: Console,
    organization: str,
    wanted: str,
    *,
    login: str = "",
    done: str = "",
    errors: dict[str, FieldError] | None = None,
    status: int = 200,
) -> Response[str]:
    return console.pages.render(
        request,
        "sign_in.html",
        {
            "organization": organization,
            "next": addresses.inside(wanted, organization),
            "login": login,
            "done": done,
            "errors": errors or {},
        },
        status=status,
    )
