"""Signing in by the company's provider of identities (OpenID Connect).

The directory is the relying party. State, nonce and verifier stay in a sealed cookie of this browser; what
the browser brings back goes to the directory, which verifies it.
"""

import hmac
from typing import Annotated, Any, Final

from litestar import Controller, Request, Response, get
from litestar.params import QueryParameter
from litestar.response import Redirect

from services.console.activities.api_client import Refused
from services.console.api import cookies
from services.console.api.pages import FieldError
from services.console.api.requests import (
    FIELD_LENGTH_MAX,
    Console,
    GivenConsole,
    PathOrganization,
    QueryText,
    client_address,
    user_agent,
)
from services.console.api.sign_in_steps import errors_of, go_on, kept, progress_of
from services.console.rules import addresses
from services.console.rules.navigation import marked
from services.console.state.answers import OpenIdSignIn, OpenIdStart
from services.console.state.sessions import Progress, Step

CALLBACK: Final = "/sign-in/openid"
"""What the operator names as the address to come back to: one for all organizations."""
NOT_BEGUN: Final = marked("This sign-in was not begun in this browser, or too long ago.")
NOT_BEGUN_REMEDY: Final = marked("Begin it anew.")
DECLINED: Final = marked("Your company's sign-in has not let you in.")
DECLINED_REMEDY: Final = marked("Try again, sign in by password, or ask your administrator.")


class OpenIdRoutes(Controller):
    """There, and back."""

    path = "/"

    @get("/o/{organization:str}/sign-in/openid")
    async def begin(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        organization: PathOrganization,
        next: QueryText = "",
    ) -> Response[Any]:
        """Send the browser to the provider; with a one-time password just given, its account is linked."""
        linking = progress_of(request, console, organization, Step.PASSWORD)
        start = OpenIdStart(organization=organization, redirect_uri=console.origin + CALLBACK)
        try:
            authorization = await console.directory.openid_start(start, client_address(request))
        except Refused as refused:
            return _refused(request, console, organization, errors_of(request, console, refused, ("openid",)))
        progress = Progress(
            step=Step.OPENID,
            organization=organization,
            next=addresses.inside(next, organization),
            state=authorization.state,
            nonce=authorization.nonce,
            verifier=authorization.code_verifier,
            token="" if linking is None else linking.token,
            login="" if linking is None else linking.login,
        )
        answer = Redirect(authorization.address, status_code=303)
        answer.cookies = [kept(console, progress)]
        return answer

    @get(CALLBACK)
    async def come_back(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        brought_state: Annotated[str, QueryParameter(name="state", max_length=FIELD_LENGTH_MAX)] = "",
        code: QueryText = "",
        iss: QueryText = "",
    ) -> Response[Any]:
        """Take what the browser brings from the provider, if this browser has been sent there."""
        sealed = console.cookies.read(request, cookies.PROGRESS)
        progress = console.progress_seal.open(
            sealed, Progress, now_s=console.clock.now() // 1_000, lasts_s=cookies.PROGRESS.lasts_s or 0
        )
        is_begun = progress is not None and progress.step is Step.OPENID
        if progress is None or not is_begun or not _same(brought_state, progress.state):
            known = console.cookies.read(request, cookies.ORGANIZATION)
            if not addresses.is_organization(known):
                return Redirect("/sign-in", status_code=303)
            return _refused(request, console, known, _own(request, console, NOT_BEGUN, NOT_BEGUN_REMEDY))
        organization = progress.organization
        if not code:
            return _refused(request, console, organization, _own(request, console, DECLINED, DECLINED_REMEDY))
        brought = OpenIdSignIn(
            organization=organization,
            code=code,
            code_verifier=progress.verifier,
            nonce=progress.nonce,
            redirect_uri=console.origin + CALLBACK,
            iss=iss or None,
            linking=progress.token or None,
        )
        try:
            opened = await console.directory.openid_sign_in(
                brought, client_address(request), user_agent(request)
            )
            return await go_on(request, console, progress, opened)
        except Refused as refused:
            return _refused(request, console, organization, errors_of(request, console, refused, ("openid",)))


def _same(given: str, kept_: str) -> bool:
    return bool(kept_) and hmac.compare_digest(given.encode(), kept_.encode())


def _own(request: Request[Any, Any, Any], console: Console, cause: str, remedy: str) -> dict[str, FieldError]:
    word = console.pages.word
    return {"openid": FieldError(word(request, cause), word(request, remedy))}


def _refused(
    request: Request[Any, Any, Any], console: Console, organization: str, errors: dict[str, FieldError]
) -> Response[str]:
    values = {
        "organization": organization,
        "next": addresses.home(organization),
        "login": "",
        "done": "",
        "errors": errors,
    }
    return console.pages.render(request, "sign_in.html", values, status=403)
