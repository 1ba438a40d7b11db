"""A day as a company's people see it in the console, over real processes, a real browser and real sound."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from contracts import callback as c
from contracts import voicemail as v
from contracts.ids import AgentId
from devtools.live.logins import Logins
from ringback.stack.postgres import Postgres
from runtime import secret_files
from services.console.rules.formats import number
from tests.e2e.cluster import Cluster
from tests.e2e.company import Administered
from tests.e2e.signing_in import sign_in
from tests.integration.console.walking import PAGE_MS_MAX, Visitor, chromium, visit
from tests.integration.console.walks.test_contact import audio, heard_beyond

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
expect.set_options(timeout=PAGE_MS_MAX)
ANNA, HEADS = "Анна Белова", {"boris": "Борис Чернов", "vera": "Вера Серова"}


@dataclass(slots=True)
class Headed(Administered):
    """A company whose support has two heads."""

    def office(self) -> str:
        """The same office, with them."""
        plain = Administered.office(self)
        return plain.replace("    agents: [vera]\n", "    agents: [vera]\n    heads: [boris, vera]\n")


@dataclass(frozen=True, slots=True)
class Day:
    """The running company, and who signs in by which name."""

    cluster: Cluster
    company: Headed
    administrator: str
    heads: dict[str, str]

    @property
    def console(self) -> str:
        """Where it is."""
        return self.cluster.stack.service("console").address

    def page(self, name: str) -> str:
        """The address of one of its pages."""
        return f"{self.console}/o/{self.company.organization_id}/{name}"

    async def visitor(self, browser: Browser, login: str) -> Visitor:
        """Somebody's window, signed in."""
        visitor = await visit(browser, self.console)
        await sign_in(visitor.page, self.console, self.company.organization_id, login)
        return visitor

    async def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait for something on the log, while the browser goes on."""
        await asyncio.to_thread(self.cluster.until, what, self.company, is_so)


@pytest.fixture(params=["sqlite", "postgresql"])
def day(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Day]:
    """An organization that the operator has just created, its office applied, nobody has called yet."""
    overrides = {"RINGBACK_QUOTA_FACTOR": "10"}
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        for name in ("directory", "history"):
            overrides[f"RINGBACK_{name.upper()}_DATABASE"] = server.database(f"journey-{name}")
    company = Headed("journey", 30)
    with Cluster(tmp_path, [company], overrides=overrides) as cluster:
        cluster.stack.start_services(("console",))
        cluster.open(company)
        directory = cluster.stack.service("directory").address
        settings = secret_files.resolved(cluster.stack.settings("directory"))
        logins = Logins(directory, settings, company.organization_id)
        administrator = logins.administrator()
        heads = {name: logins.give(AgentId(name)) for name in HEADS}
        logins.close()
        cluster.until("the office is open", company, company.is_open)
        yield Day(cluster, company, administrator, heads)


@pytest.mark.rule("Q12", "C3", "V1")
async def test_a_call_is_followed_from_the_wallboard_to_the_message_that_one_of_two_heads_claims(
    day: Day,
) -> None:
    """Seen live, called back, found in the history with its reasons; heard, sought in, and claimed once."""
    async with chromium() as browser:
        anna = await day.visitor(browser, day.administrator)
        await sees_who_waits_and_is_called_back(anna.page, day)
        await finds_the_call_and_why_it_went_so(anna.page, day)
        heads = [await day.visitor(browser, login) for login in day.heads.values()]
        await speaks_to_the_machine(day)
        for each in heads:
            await opens_the_message(each.page, day)
        await hears_the_message(heads[0].page)
        await both_claim_it_at_once([each.page for each in heads])
        assert [each.complaints for each in (anna, *heads)] == [[], [], []]


async def sees_who_waits_and_is_called_back(page: Page, day: Day) -> None:
    """Alisa calls, orders and hangs up; her agent comes free. No page is loaded anew meanwhile."""
    company, cluster = day.company, day.cluster
    shown = number(company.phone("alisa"))
    await expect(page.locator("#wall-live")).to_be_visible()
    await expect(page.locator("#board")).not_to_contain_text(shown)
    await asyncio.to_thread(cluster.call, company, "alisa")
    await expect(page.locator("#board")).to_contain_text(shown)
    await day.until("alisa's order", lambda: company.has_ordered("alisa") and company.has_left("alisa"))
    await page.goto(day.page("callbacks"))
    row = page.locator("#board tbody tr", has_text=shown)
    await expect(row).to_have_count(1)
    await asyncio.to_thread(cluster.agent, company, "anna", is_there=True)
    await expect(row).to_contain_text(ANNA)
    await day.until("alisa's connection", lambda: company.has(c.CallbackConnected))
    await expect(row).to_have_count(0)
    await page.goto(day.page("callbacks/ended"))
    await expect(page.locator("tbody tr", has_text=shown)).to_contain_text(ANNA)


async def finds_the_call_and_why_it_went_so(page: Page, day: Day) -> None:
    """From the list to the contact, which tells of the callback and of each ringing phone."""
    shown = number(day.company.phone("alisa"))
    await page.goto(day.page("history"))
    await page.click(f"tbody th a:has-text('{shown}')")
    await expect(page.locator("h1")).to_contain_text(shown)
    await expect(page.locator(".story")).to_contain_text(ANNA)
    why = page.locator("section[aria-labelledby=why-1]")
    await expect(why.locator("h2")).to_contain_text("Отдел продаж")
    await expect(why.locator(".lanes")).to_contain_text(ANNA)


async def speaks_to_the_machine(day: Day) -> None:
    """Denis orders a callback; nobody comes free by the deadline: he is called, and leaves a message."""
    await asyncio.to_thread(day.cluster.call, day.company, "denis")
    await day.until("denis's message", lambda: day.company.has(v.MessageStored))


async def opens_the_message(page: Page, day: Day) -> None:
    """From the inbox."""
    await page.goto(day.page("voicemail"))
    shown = number(day.company.phone("denis"))
    link = page.locator(f"tbody th a:has-text('{shown}')")
    # The list does not renew itself, and history may still be reading.
    while await link.count() == 0:
        await page.reload()
    await link.click()
    await expect(page.locator("#message")).to_contain_text(shown)


async def hears_the_message(page: Page) -> None:
    """Its bytes come from S3; after a jump the sound goes on from there."""
    async with page.expect_response(lambda answer: answer.url.endswith("/audio")) as heard:
        await page.click("[data-play]")
    answer = await heard.value
    assert answer.status == 206
    assert len(await answer.body()) > 1_000
    await heard_beyond(page, 0.2)
    late_s = await audio(page, "duration") - 1.5
    await page.evaluate(f"document.querySelector('.player audio').currentTime = {late_s}")
    await heard_beyond(page, late_s + 0.3)


async def both_claim_it_at_once(pages: list[Page]) -> None:
    """One of them has it; the other one reads who was quicker."""
    await asyncio.gather(*(page.click("#claim") for page in pages))
    said = []
    for page in pages:
        await expect(page.locator("#message header")).to_contain_text("Взя")
        said.append(await page.locator("#message").inner_text())
    won = ["Взяли вы" in each for each in said]
    assert sorted(won) == [False, True], said
    winner = list(HEADS.values())[won.index(True)]
    told = next(line for line in said[won.index(False)].splitlines() if line.startswith("Вас опередили"))
    assert winner in told
