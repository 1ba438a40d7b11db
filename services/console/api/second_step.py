"""The second factor at a sign-in: giving a code, or setting one up where the organization wants it."""

from typing import Any

import segno
from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from services.console.activities.api_client import Refused
from services.console.api.pages import FieldError
from services.console.api.requests import (
    Console,
    GivenConsole,
    PathOrganization,
    client_address,
    fields,
    user_agent,
)
from services.console.api.sign_in_steps import device_of, errors_of, go_on, progress_of, session_cookies
from services.console.rules import addresses
from services.console.state.answers import CodeGiven
from services.console.state.sessions import Progress, Step

SECRET_GROUP = 4
"""Letters of a secret that a person types at once."""


class SecondStepRoutes(Controller):
    """Giving a code, or a recovery code."""

    path = "/o/{organization:str}/sign-in/code"

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """The form."""
        if progress_of(request, console, organization, Step.SECOND_FACTOR) is None:
            return Redirect(addresses.sign_in(organization), status_code=303)
        return console.pages.render(request, "code.html", {"organization": organization, "errors": {}})

    @post(status_code=200)
    async def give(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Sign in by the code."""
        progress = progress_of(request, console, organization, Step.SECOND_FACTOR)
        if progress is None:
            return Redirect(addresses.sign_in(organization), status_code=303)
        given = await _given(request, console, progress)
        address, agent = client_address(request), user_agent(request)
        try:
            opened = await console.directory.give_code(progress.token, given, address, agent)
            return await go_on(request, console, progress, opened)
        except Refused as refused:
            errors = errors_of(request, console, refused, ("code",))
            return console.pages.render(
                request, "code.html", {"organization": organization, "errors": errors}, status=refused.status
            )


class SetupRoutes(Controller):
    """Setting up a second factor before the first sign-in with one."""

    path = "/o/{organization:str}/sign-in/setup"

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """The secret, as a QR code and as letters, and the form for a first code."""
        progress = progress_of(request, console, organization, Step.SETUP)
        if progress is None:
            return Redirect(addresses.sign_in(organization), status_code=303)
        return _setup_page(request, console, progress, {}, 200)

    @post(status_code=200)
    async def confirm(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Confirm it by a code: the session begins, and the recovery codes are shown this once."""
        progress = progress_of(request, console, organization, Step.SETUP)
        if progress is None:
            return Redirect(addresses.sign_in(organization), status_code=303)
        given = await _given(request, console, progress)
        address, agent = client_address(request), user_agent(request)
        try:
            confirmed = await console.directory.confirm_setup(progress.token, given, address, agent)
        except Refused as refused:
            errors = errors_of(request, console, refused, ("code",))
            return _setup_page(request, console, progress, errors, refused.status)
        assert confirmed.opened is not None
        made = await session_cookies(request, console, progress, confirmed.opened)
        return console.pages.render(
            request,
            "recovery_codes.html",
            {"codes": confirmed.recovery_codes, "next": addresses.inside(progress.next, organization)},
            set_cookies=made,
        )


async def _given(request: Request[Any, Any, Any], console: Console, progress: Progress) -> CodeGiven:
    form = await fields(request)
    code = form.get("code", "").strip()
    # Apps show six digits in two groups.
    code = code.replace(" ", "") if code.replace(" ", "").isdecimal() else code
    device = device_of(request, console, progress.organization, progress.login)
    return CodeGiven(code=code, device=device)


def _setup_page(
    request: Request[Any, Any, Any],
    console: Console,
    progress: Progress,
    errors: dict[str, FieldError],
    status: int,
) -> Response[str]:
    secret = progress.secret
    groups = [secret[at : at + SECRET_GROUP] for at in range(0, len(secret), SECRET_GROUP)]
    modules = segno.make(progress.uri, error="m", micro=False).matrix
    return console.pages.render(
        request,
        "setup.html",
        {
            "organization": progress.organization,
            "groups": groups,
            "modules": modules,
            "errors": errors,
        },
        status=status,
    )
