"""Measures the console's screens over a full history: the server's time, and a first page's weight."""

import re
import time
from typing import Final

import httpx

from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.company import Company
from devtools.bench.figures import Figure, at_most, median
from devtools.bench.live import TooSlow
from services.console.rules.navigation import SCREENS

WARM_UP: Final = 10
REQUESTS: Final = 100
MS_MAX: Final = 150
KIB_MAX: Final = 150
HOME: Final = f"/o/{office.VOLGA}/"
_ASSET: Final = re.compile(r"/static/[\w.\-]+")
_CONTACT: Final = re.compile(rf'href="({HOME}history/[^"?#]+)')
"""Where a row of history leads to."""


async def figures(bench: Bench, made: Company, *, over: str) -> list[Figure]:
    """Each screen of the menu, and a contact's."""
    found: list[Figure] = []
    async with made.signed_in() as browser:
        addresses = {each.name: HOME + each.path for each in SCREENS}
        contact = _CONTACT.search((await browser.get(addresses["history"])).text)
        if contact is not None:
            addresses["contact"] = contact[1]
        for name, address in addresses.items():
            found += await _of(bench, browser, name, address, over)
    return found


async def _of(bench: Bench, browser: httpx.AsyncClient, name: str, address: str, over: str) -> list[Figure]:
    taken = []
    requests = bench.size(REQUESTS, 10)
    for _ in range(WARM_UP + requests):
        began = time.perf_counter()
        answer = await browser.get(address)
        taken.append(time.perf_counter() - began)
        if answer.status_code != httpx.codes.OK:
            raise TooSlow(f"{address} answers {answer.status_code}")
    return [
        Figure(
            name=f"console: {name} over {over}, median",
            unit="ms",
            measured=1000 * median(taken[WARM_UP:]),
            goal=at_most(MS_MAX),
            how=f"{requests} requests of one administrator, one after the other, with the APIs' answers",
        ),
        Figure(
            name=f"console: {name}, a first page with all that it loads",
            unit="KiB",
            measured=await _weight(browser, answer) / 1024,
            goal=at_most(KIB_MAX),
            how="bytes of the page, its styles, scripts and icons; compression by a proxy would make it less",
        ),
    ]


async def _weight(browser: httpx.AsyncClient, page: httpx.Response) -> int:
    """Bytes of a page and of the files that it names."""
    assets = [await browser.get(each) for each in sorted(set(_ASSET.findall(page.text)))]
    return sum(len(each.raise_for_status().content) for each in (page, *assets))
