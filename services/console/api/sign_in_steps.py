"""What a sign-in goes on with, whatever it began with: a session, or the next step.

Until there is a session nothing is kept but sealed cookies of this browser.
"""

from typing import Any, Final

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect
from msgspec import structs

from services.console.activities.api_client import Refused
from services.console.api import cookies
from services.console.api.pages import FieldError
from services.console.api.requests import Console, client_address
from services.console.rules import addresses
from services.console.state.answers import Opened
from services.console.state.sessions import Device, Progress, Step

DEVICES_MAX: Final = 5
"""Logins of one browser: a cookie has no more room."""


def progress_of(
    request: Request[Any, Any, Any], console: Console, organization: str, *steps: Step
) -> Progress | None:
    """The sign-in under way in this browser, if it is at one of these steps of this organization."""
    sealed = console.cookies.read(request, cookies.PROGRESS)
    found = console.progress_seal.open(
        sealed, Progress, now_s=console.clock.now() // 1_000, lasts_s=cookies.PROGRESS.lasts_s or 0
    )
    is_this = found is not None and found.organization == organization and found.step in steps
    return found if is_this else None


def kept(console: Console, progress: Progress) -> Cookie:
    """The cookie of a sign-in under way."""
    sealed = console.progress_seal.seal(progress, console.clock.now() // 1_000)
    return console.cookies.made(cookies.PROGRESS, sealed)


def path_of(progress: Progress) -> str:
    """The page of a step."""
    paths = {
        Step.PASSWORD: "password",
        Step.SECOND_FACTOR: "code",
        Step.SETUP: "setup",
        Step.RECOVERY: "recovery/code",
    }
    return f"{addresses.sign_in(progress.organization)}/{paths[progress.step]}"


async def go_on(
    request: Request[Any, Any, Any], console: Console, progress: Progress, opened: Opened
) -> Response[Any]:
    """A redirect to the page that was wanted, or to the next step. Raises what the directory raises."""
    if opened.access is not None:
        answer: Response[Any] = Redirect(
            addresses.inside(progress.next, progress.organization), status_code=303
        )
        answer.cookies = await session_cookies(request, console, progress, opened)
        return answer
    following = await _following(console, progress, opened, client_address(request))
    redirect = Redirect(path_of(following), status_code=303)
    redirect.cookies = [kept(console, following)]
    return redirect


async def _following(console: Console, progress: Progress, opened: Opened, address: str) -> Progress:
    """The next step, with the directory's token for it."""
    if opened.password is not None:
        return structs.replace(progress, step=Step.PASSWORD, token=opened.password)
    if opened.second_factor is not None:
        return structs.replace(progress, step=Step.SECOND_FACTOR, token=opened.second_factor, password="")
    assert opened.second_factor_setup is not None
    begun = await console.directory.begin_setup(opened.second_factor_setup, address)
    return structs.replace(
        progress,
        step=Step.SETUP,
        token=opened.second_factor_setup,
        password="",
        secret=begun.secret,
        uri=begun.uri,
    )


async def session_cookies(
    request: Request[Any, Any, Any], console: Console, progress: Progress, opened: Opened
) -> list[Cookie]:
    """Begin a session; the cookies that it comes with. A session of before ends."""
    before = console.cookies.read(request, cookies.SESSION)
    cookie = await console.sessions.begin(progress.organization, opened)
    if before:
        await console.sessions.end(before, client_address(request))
    made = [
        console.cookies.made(cookies.SESSION, cookie),
        console.cookies.made(cookies.PROGRESS, ""),
        console.cookies.made(cookies.DOOR, ""),
        console.cookies.made(cookies.ORGANIZATION, progress.organization),
    ]
    if opened.device and progress.login:
        made.append(_devices_cookie(request, console, progress, opened.device))
    return made


def device_of(request: Request[Any, Any, Any], console: Console, organization: str, login: str) -> str:
    """What the directory knows this browser by, for this login."""
    for each in _devices(request, console):
        if (each.organization, each.login) == (organization, login):
            return each.device
    return ""


def _devices(request: Request[Any, Any, Any], console: Console) -> tuple[Device, ...]:
    found = console.device_seal.open(
        console.cookies.read(request, cookies.DEVICES),
        tuple[Device, ...],
        now_s=console.clock.now() // 1_000,
        lasts_s=cookies.DEVICES.lasts_s or 0,
    )
    return found or ()


def _devices_cookie(
    request: Request[Any, Any, Any], console: Console, progress: Progress, device: str
) -> Cookie:
    new = Device(organization=progress.organization, login=progress.login, device=device)
    others = [
        each
        for each in _devices(request, console)
        if (each.organization, each.login) != (new.organization, new.login)
    ]
    sealed = console.device_seal.seal((new, *others)[:DEVICES_MAX], console.clock.now() // 1_000)
    return console.cookies.made(cookies.DEVICES, sealed)


def errors_of(
    request: Request[Any, Any, Any], console: Console, refused: Refused, fields: tuple[str, ...]
) -> dict[str, FieldError]:
    """An API's refusal at its field, in the reader's language; what names no field of ours is at the last."""
    language = console.pages.language(request)
    found: dict[str, FieldError] = {}
    for problem in (refused.problem, *refused.problem.more):
        field = problem.field if problem.field in fields else fields[-1]
        found.setdefault(
            field, FieldError(getattr(problem.cause, language), getattr(problem.remedy, language))
        )
    return found
