"""After a logout no remaining token works; the login is remembered until its tokens have expired."""

import httpx
from sqlalchemy import select

from contracts.directory import LoginEnded
from contracts.ids import Instant
from services.history.activities import tables
from tests.integration.history.harness import SOUTH, HistoryHarness, token_of
from tests.unit.history.stories import BORIS, at

MINUTE_S = 60.0


def ended(login_id: str, at_s: float = 0.0) -> LoginEnded:
    """The directory's fact that a login has ended."""
    return LoginEnded(login_id=login_id, agent_id=BORIS, until_at=Instant(at(at_s) + 600_000))


async def asked(harness: HistoryHarness, family: str) -> int:
    """The status that Boris, an administrator, gets with a token of this login."""
    transport = httpx.ASGITransport(app=harness.app)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token_of(BORIS, family=family)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://history", headers=headers) as http:
        return (await http.get("/history")).status_code


async def kept(harness: HistoryHarness) -> list[str]:
    """The logins that history remembers as ended."""
    async with harness.engine.connect() as connection:
        return sorted(await connection.scalars(select(tables.ended_logins.c.login_id)))


async def test_a_token_of_a_login_that_has_ended_opens_nothing(office: HistoryHarness) -> None:
    """The token's signature is valid for minutes more; other logins of the same employee go on."""
    assert await asked(office, "desk") == 200
    await office.tell(ended("desk"), at_s=100)
    assert await asked(office, "desk") == 401
    assert await asked(office, "mobile") == 200


async def test_another_organization_s_login_is_another_one(office: HistoryHarness) -> None:
    """Nothing said for one organization changes another (O1)."""
    await office.tell(ended("desk"), organization_id=SOUTH, at_s=100)
    assert await asked(office, "desk") == 200


async def test_an_ended_login_is_told_twice_and_kept_once(office: HistoryHarness) -> None:
    """The directory's outbox reaches the log at least once."""
    await office.tell(ended("desk"), ended("desk"), at_s=100)
    await office.tell(ended("desk"), at_s=101)
    assert await kept(office) == ["desk"]


async def test_ended_logins_are_forgotten_when_none_of_their_tokens_is_good(office: HistoryHarness) -> None:
    """However many log out in a year, only the last minutes' are kept."""
    await office.tell(ended("first", 100), at_s=100)
    await office.tell(ended("second", 100 + 10 * MINUTE_S), at_s=100 + 10 * MINUTE_S)
    assert await kept(office) == ["first", "second"]
    await office.tell(ended("third", 100 + 12 * MINUTE_S), at_s=100 + 12 * MINUTE_S)
    assert await kept(office) == ["second", "third"]


async def test_what_is_kept_does_not_hang_on_how_the_log_was_cut(harness_on_both: HistoryHarness) -> None:
    """Rebuilding from the log gives the same tables, row for row."""
    for number in range(4):
        at_s = number * 6 * MINUTE_S
        harness_on_both.hear(ended(f"login{number}", at_s), at_s=at_s)
    await harness_on_both.project()
    assert await kept(harness_on_both) == ["login2", "login3"]
