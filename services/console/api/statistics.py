"""«Statistics»: figures of a period beside those of the one before, by department, hour and employee."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Controller, Request, Response, get
from litestar.response import Redirect, Stream

from services.console.activities.api_client import Download, Refused
from services.console.api.pages import PROTECTING, FieldError
from services.console.api.requests import (
    CurrentPerson,
    Forbidden,
    GivenConsole,
    PathOrganization,
    Person,
    require_screen,
)
from services.console.api.sign_in_steps import errors_of
from services.console.rules import addresses, formats, statistics
from services.console.rules.navigation import marked
from services.console.state.contacts import Colleague
from services.console.state.statistics import Statistics

SCREEN: Final = "statistics"
READ: Final = "statistics.read"
DOWNLOAD: Final = "history.download"
FORM_STATUSES: Final = (400, 422)
"""A period that history can't read: said at its field."""
WEEKDAYS: Final = {
    1: marked("Mon"),
    2: marked("Tue"),
    3: marked("Wed"),
    4: marked("Thu"),
    5: marked("Fri"),
    6: marked("Sat"),
    7: marked("Sun"),
}


class StatisticsRoutes(Controller):
    """Whoever may read statistics, as far as that right goes."""

    path = "/o/{organization:str}/statistics"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """The page of a period; a week until today by itself."""
        require_screen(person, SCREEN)
        path = addresses.home(organization) + SCREEN
        query = request.query_params.dict()
        filters = statistics.given(query)
        if query != {name: [value] for name, value in filters.items()}:
            # A form sends empty fields and a field for each department: an address should be short.
            return Redirect(_address(path, filters), status_code=303)
        today = formats.date_of(console.clock.now(), person.me.timezone)
        usual = person.me.service_level.within_s
        departments = asyncio.create_task(console.contacts.departments(person.token, person.address))
        found: Statistics | None = None
        errors: dict[str, FieldError] = {}
        try:
            asked = statistics.asked(filters, today, usual)
            found = await console.figures.of(person.token, person.address, asked)
        except Refused as refused:
            if refused.status not in FORM_STATUSES:
                raise
            errors = errors_of(request, console, refused, statistics.NAMES)
        finally:
            listed = await departments
        since, until = statistics.days(filters, today)
        values = {
            "screen": SCREEN,
            "path": path,
            "filters": filters,
            "since": since,
            "until": until,
            "errors": errors,
            "departments": _reached(person, listed),
            "chosen": filters.get(statistics.DEPARTMENT, "").split(","),
            "presets": [_preset(path, filters, length, today) for length in statistics.PRESETS],
            "seconds": found.service_level_s if found else 0,
            "seconds_choice": statistics.seconds_choice(usual),
            "csv": _csv(person, organization, statistics.asked(filters, today, usual)),
            "found": found,
            **({} if found is None else _shown(found)),
        }
        status = 422 if errors else 200
        return console.pages.render(request, "statistics.html", values, me=person.me, status=status)


class StatisticsDownloadRoutes(Controller):
    """The same figures as files."""

    path = "/o/{organization:str}/statistics.csv"

    @get()
    async def csv(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Stream:
        """One table, as history sends it."""
        require_screen(person, SCREEN)
        if DOWNLOAD not in person.me.rights:
            raise Forbidden
        query = request.query_params.dict()
        today = formats.date_of(console.clock.now(), person.me.timezone)
        part = request.query_params.get("part", "")
        if part not in statistics.PARTS:
            part = statistics.PARTS[0]
        usual = person.me.service_level.within_s
        asked = {**statistics.asked(statistics.given(query), today, usual), "part": part}
        async with AsyncExitStack() as entered:
            entered.enter_context(console.turns.one(f"{person.me.organization_id}/{person.me.login}"))
            found = await entered.enter_async_context(
                console.figures.download(
                    person.token, person.address, asked, language=console.pages.language(request)
                )
            )
            # From here on the answer holds both, as long as it is being sent.
            held = entered.pop_all()
        disposition = f'attachment; filename="statistics-{part}.csv"'
        return Stream(
            _pieces(held, found),
            media_type="text/csv",
            headers={**PROTECTING, "Content-Disposition": disposition},
        )


async def _pieces(held: AsyncExitStack, found: Download) -> AsyncIterator[bytes]:
    async with held:
        async for piece in found.content:
            yield piece


def _shown(found: Statistics) -> dict[str, Any]:
    people = statistics.people(found)
    return {
        "is_empty": statistics.is_empty(found),
        "before": statistics.total_before(found),
        "lines": statistics.lines(found),
        "people": people[: statistics.PEOPLE_MAX],
        "people_left_out": max(0, len(people) - statistics.PEOPLE_MAX),
        "map": statistics.by_hour(found),
        "weekdays": WEEKDAYS,
        "change": statistics.change_percent,
    }


def _address(path: str, filters: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(filters)}" if filters else path


def _preset(path: str, filters: Mapping[str, str], length: int, today: str) -> dict[str, Any]:
    """A link to so many days, with the other filters as they are."""
    others = {name: filters[name] for name in (statistics.SECONDS, statistics.DEPARTMENT) if name in filters}
    wanted = {**statistics.preset(length, today), **others}
    return {"days": length, "address": _address(path, wanted), "is_here": wanted == dict(filters)}


def _reached(person: Person, departments: tuple[Colleague, ...]) -> tuple[Colleague, ...]:
    """The departments of which somebody sees figures."""
    if person.me.rights[READ] != "departments":
        return departments
    return tuple(each for each in departments if each.id in person.me.departments)


def _csv(person: Person, organization: str, asked: Mapping[str, str]) -> str:
    """Where the tables are as files, but for the name of one; empty without the right to them."""
    if DOWNLOAD not in person.me.rights:
        return ""
    known = {name: value for name, value in asked.items() if name in statistics.NAMES}
    return f"{addresses.home(organization)}statistics.csv?{urlencode(known)}&part="
