"""Every screen in each role and theme: what a role has is without barriers, what it has not is not there."""

from typing import Final

import pytest
from playwright.async_api import Browser

from contracts.ids import AgentId
from tests import offices
from tests.integration.console.app import ADMINISTRATOR, HOME
from tests.integration.console.past import VOSTOK, heard
from tests.integration.console.walking import Site, Theme, Visitor, visit
from tests.integration.directory.companies import PASSWORD, Company
from tests.integration.history.harness import HistoryHarness
from tests.unit.history.stories import ANNA, LINE, MOSCOW, SALES, VERA

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
MENUS: Final = {
    "administrator": ("wallboard", "callbacks", "history", "voicemail", "statistics", "me"),
    "department_head": ("wallboard", "callbacks", "history", "voicemail", "statistics", "me"),
    "user": ("wallboard", "callbacks", "history", "voicemail", "statistics", "me"),
    "restricted_user": ("history", "me"),
}
BEYOND: Final = (
    "callbacks/ended",
    "callbacks/order",
    "history/in.sales",
    "voicemail/vm.in.inbox.1",
    "wallboard/screens",
)
"""What pages lead to, without an entry in the menu."""
REFUSED: Final = {
    "administrator": (),
    "department_head": ("wallboard/screens",),
    "user": ("wallboard/screens",),
    "restricted_user": ("wallboard", "callbacks", "voicemail", "statistics", *BEYOND),
}
MENU: Final = "[...document.querySelectorAll('.menu a')].map((each) => each.getAttribute('href'))"
LINKS: Final = """[...document.querySelectorAll('#main a[href^="/"]:not([download])')]
  .map((each) => each.href.split('#')[0])"""


async def somebody(company: Company, past: HistoryHarness, role: str) -> str:
    """The login of a person with the role, who sits in Sales, or heads it."""
    if role == "administrator":
        return ADMINISTRATOR
    made = await company.employee("Орлов Пётр", role=role)
    where = {"agents": [{"agent_id": made["id"]}]}
    if role == "department_head":
        await company.changed(f"/employees/{made['id']}", email="orlov@vostok.example")
        where = {"heads": [{"agent_id": made["id"]}]}
    answer = await company.changed("/departments/sales", **where)
    assert answer.status_code == 200, answer.text
    await heard(company, past)
    # History's department is the stories' own, in which this person is another one.
    head_ids = (AgentId(made["id"]),) if role == "department_head" else ()
    seats = () if head_ids else (made["id"],)
    told = {"name": "Отдел продаж", "version": 10, "lines": (LINE,), "head_ids": head_ids}
    here = offices.department(SALES, MOSCOW, ANNA, VERA, *seats, **told)
    await past.tell(here, organization_id=VOSTOK)
    return str(made["card"]["login"])


async def wrong_with(visitor: Visitor, address: str, *, is_there: bool) -> list[str]:
    """What is wrong with a page, and with those that it leads to."""
    found = []
    answer = await visitor.page.goto(f"{visitor.url}{HOME}{address}")
    assert answer is not None
    if answer.status != (200 if is_there else 403):
        found.append(f"{address} answers {answer.status}")
    found += await visitor.faults()
    for each in sorted(set(await visitor.page.evaluate(LINKS))):
        followed = await visitor.context.request.get(each)
        if not followed.ok:
            found.append(f"{address} leads to {each}, which answers {followed.status}")
    return found


@pytest.mark.rule("P1", "P2", "P3", "P4")
@pytest.mark.parametrize("role", MENUS)
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_each_role_finds_its_screens_without_barriers_and_no_others(
    browser: Browser, morning: Site, company: Company, past: HistoryHarness, role: str, theme: Theme
) -> None:
    """axe at 0 on all of them, on a phone and on a desk; neither the menu nor a page leads to a refusal."""
    login = await somebody(company, past, role)
    visitor = await visit(browser, morning.url, theme=theme)
    await visitor.sign_in(login, PASSWORD, first=HOME + ("me" if role == "restricted_user" else "wallboard"))
    assert [each.removeprefix(HOME) for each in await visitor.page.evaluate(MENU)] == list(MENUS[role])
    wrong = [
        fault
        for address in (*MENUS["administrator"], *BEYOND)
        for fault in await wrong_with(visitor, address, is_there=address not in REFUSED[role])
    ]
    assert wrong == []
    assert visitor.complaints == []
