"""A person signs in at the console of a running stack."""

from playwright.async_api import Page

from contracts.ids import OrganizationId
from devtools.live.logins import PASSWORD


async def sign_in(page: Page, console: str, organization: OrganizationId, login: str) -> None:
    """Through the form; the person is on the first page of the day afterwards."""
    await page.goto(f"{console}/o/{organization}/sign-in")
    await page.fill("#login", login)
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_selector("#main")
