"""Welcome letters over a real connection: a slow server, a wrong password of ours, a bad letter (E3)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from runtime.mail.mailer import SmtpMailer
from services.directory.activities import welcome_letters
from services.directory.activities.tables import CARDS, LETTERS
from tests.integration.directory.companies import Company
from tests.unit.mail.servers import ScriptedServer


async def newcomer(company: Company, name: str) -> dict[str, Any]:
    body = {"name": name, "pbx_id": "moskva", "email": "newcomer@vostok.example"}
    return await company.made("/employees", body)


async def letter_of(company: Company, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await company.call("GET", f"/employees/{made['id']}")).json()["letter"]
    return found


def through(company: Company, mailer: SmtpMailer) -> None:
    """Send letters to this server from now on."""
    company.directory.welcome_letters._mailer = mailer


@pytest.mark.rule("E3")
async def test_l3_a_slow_server_gets_one_welcome_letter_whoever_else_looks_for_what_is_due(
    company: Company,
) -> None:
    """While the server takes its time the letter is claimed, and no process sends it again."""
    made = await newcomer(company, "Орлов Пётр")
    async with ScriptedServer(delays={"END": 3}) as server:
        through(company, server.mailer(timeout_s=2, end_timeout_s=60))
        rounds = await asyncio.gather(*(company.directory.welcome_letters.round() for _ in range(3)))
    assert sum(rounds) == 1
    assert len(server.letters) == 1
    assert (await letter_of(company, made))["state"] == "accepted"


@pytest.mark.rule("E3")
async def test_l5_a_wrong_password_of_ours_keeps_the_letter_and_its_secrets(company: Company) -> None:
    """Once the fault is mended the letter goes out with its passwords."""
    made = await newcomer(company, "Орлов Пётр")
    hello = b"250-here\r\n250 AUTH PLAIN\r\n"
    async with ScriptedServer({"EHLO": hello, "AUTH": b"535 5.7.8 wrong\r\n"}) as server:
        through(company, SmtpMailer(server.server(user="user:old@")))
        await company.directory.welcome_letters.round()
    waiting = await letter_of(company, made)
    assert (waiting["state"], waiting["tries"]) == ("pending", 1)
    company.clock.advance(60)
    async with ScriptedServer() as server:
        through(company, server.mailer())
        await company.directory.welcome_letters.round()
    assert len(server.letters) == 1


@pytest.mark.rule("E3")
async def test_l1_a_letter_that_can_not_be_written_fails_alone(company: Company) -> None:
    """An invalid old address or secrets of another key stop only their own letter."""
    broken, sealed, good = [
        await newcomer(company, name) for name in ("Орлов Пётр", "Белов Глеб", "Зимина Вера")
    ]
    async with company.directory.database.begin() as connection:
        card = update(CARDS).where(CARDS.c.id == broken["id"])
        await connection.execute(card.values(document=_with(broken, email="a@-vostok.example")))
        other = update(LETTERS).where(LETTERS.c.agent_id == sealed["id"])
        await connection.execute(other.values(sealed="not.a.jwe"))
    async with ScriptedServer() as server:
        through(company, server.mailer())
        assert await company.directory.welcome_letters.round() == 3
    states = [(await letter_of(company, each))["state"] for each in (broken, sealed, good)]
    assert states == ["failed", "failed", "accepted"]
    assert len(server.letters) == 1


def _with(made: dict[str, Any], **fields: str) -> str:
    import json

    return json.dumps({**made["card"], **fields}, ensure_ascii=False)


@pytest.mark.rule("E3")
async def test_l3_a_claim_that_nobody_renews_is_over_and_the_letter_goes(quick_company: Company) -> None:
    """The process that had it died."""
    company = quick_company
    await newcomer(company, "Орлов Пётр")
    [row] = await company.directory.welcome_letters._claimed(10)
    assert await company.directory.welcome_letters._claimed(10) == []
    company.clock.advance(welcome_letters.CLAIM_MS / 1000 + 1)
    assert [each.message_id for each in await company.directory.welcome_letters._claimed(10)] == [
        row.message_id
    ]
