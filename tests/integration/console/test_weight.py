"""What a first page weighs with all that it loads: for a phone on a train."""

import re
from typing import Final

import pytest

from services.console.rules.navigation import SCREENS
from tests.integration.console.app import HOME, SIGN_IN, ConsoleApp

BYTES_MAX: Final = 150 * 1024
_ASSET: Final = re.compile(r"/static/[\w.\-]+")


@pytest.mark.parametrize("address", [SIGN_IN, *(HOME + each.path for each in SCREENS)])
async def test_a_first_page_is_light_with_everything_that_it_names(reading: ConsoleApp, address: str) -> None:
    """Of every screen of the menu, uncompressed; a new one is judged as soon as it has an address."""
    browser = reading.browser()
    await browser.sign_in()
    page = await browser.open(address)
    assert page.status_code == 200
    named = sorted(set(_ASSET.findall(page.text)))
    assert len(named) >= 3
    assets = [await browser.http.get(each) for each in named]
    assert {each.status_code for each in assets} == {200}
    assert 10_000 < sum(len(each.content) for each in (page, *assets)) < BYTES_MAX
