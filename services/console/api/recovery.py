"""Forgotten passwords: a code to the own mobile, and another password by it."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from services.console.activities.api_client import Refused
from services.console.api import cookies
from services.console.api.pages import FieldError
from services.console.api.requests import GivenConsole, PathOrganization, client_address, fields
from services.console.api.sign_in import PASSWORDS_DIFFER, PASSWORDS_REMEDY
from services.console.api.sign_in_steps import errors_of, kept, path_of, progress_of
from services.console.rules import addresses
from services.console.state.answers import Forgotten, Recovered
from services.console.state.sessions import Progress, Step

_BETWEEN_DIGITS = str.maketrans("", "", " -()\u00a0\u2011")
"""What people write between the digits of a number."""


class RecoveryRoutes(Controller):
    """Asking for a code, and using it."""

    path = "/o/{organization:str}/sign-in/recovery"

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The form for the mobile."""
        return console.pages.render(
            request, "recovery.html", {"organization": organization, "mobile": "", "errors": {}}
        )

    @post(status_code=200)
    async def ask(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Have a code sent; the answer is the same for an unknown number."""
        typed = (await fields(request)).get("mobile", "").strip()
        mobile = typed.translate(_BETWEEN_DIGITS)
        try:
            await console.directory.ask_recovery(
                Forgotten(organization=organization, mobile=mobile), client_address(request)
            )
        except Refused as refused:
            return console.pages.render(
                request,
                "recovery.html",
                {
                    "organization": organization,
                    "mobile": typed,
                    "errors": errors_of(request, console, refused, ("mobile",)),
                },
                status=refused.status,
            )
        progress = Progress(step=Step.RECOVERY, organization=organization, mobile=mobile)
        answer = Redirect(path_of(progress), status_code=303)
        answer.cookies = [kept(console, progress)]
        return answer

    @get("/code")
    async def show_code(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """The form for the code and another password."""
        progress = progress_of(request, console, organization, Step.RECOVERY)
        if progress is None:
            return Redirect(f"{addresses.sign_in(organization)}/recovery", status_code=303)
        return console.pages.render(
            request,
            "recovery_code.html",
            {"organization": organization, "mobile": progress.mobile, "code": "", "errors": {}},
        )

    @post("/code", status_code=200)
    async def recover(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Set another password; every login of the person ends, and a new one begins at the form."""
        progress = progress_of(request, console, organization, Step.RECOVERY)
        if progress is None:
            return Redirect(f"{addresses.sign_in(organization)}/recovery", status_code=303)
        form = await fields(request)
        code, new, again = form.get("code", "").strip(), form.get("new", ""), form.get("again", "")
        status = 422
        word = console.pages.word
        errors = {"again": FieldError(word(request, PASSWORDS_DIFFER), word(request, PASSWORDS_REMEDY))}
        if new == again:
            recovered = Recovered(organization=organization, mobile=progress.mobile, code=code, new=new)
            try:
                await console.directory.recover(recovered, client_address(request))
            except Refused as refused:
                status = refused.status
                errors = errors_of(request, console, refused, ("new", "code"))
            else:
                answer = Redirect(f"{addresses.sign_in(organization)}?done=recovered", status_code=303)
                answer.cookies = [console.cookies.made(cookies.PROGRESS, "")]
                return answer
        return console.pages.render(
            request,
            "recovery_code.html",
            {"organization": organization, "mobile": progress.mobile, "code": code, "errors": errors},
            status=status,
        )
