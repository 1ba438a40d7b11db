"""A broken welcome letter fails alone and visibly; one organization's letters hold up no other's."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from contracts.ids import Instant
from runtime.mail.letter import Letter
from runtime.mail.mailer import Sendable
from runtime.mail.smtp_replies import SendResult
from services.directory.activities.tables import LETTERS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.activities.welcome_letters import AT_ONCE_MAX
from services.directory.activities.welcome_text import LetterSecrets, WelcomeWriter
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Office
from tests.integration.directory.companies import NOW, Company, Mail

WEEK = [{"days": [0, 1, 2, 3, 4], "from_minute": 540, "until_minute": 1080}]


class BreakingWriter(WelcomeWriter):
    """Can't write to one person."""

    def letter(self, office: Office, card: EmployeeCard, secrets: LetterSecrets, message_id: str) -> Letter:
        if card.name.startswith("Орлов"):
            raise ValueError("header with a\nline feed and \0")
        return super().letter(office, card, secrets, message_id)


class BreakingMail(Mail):
    """Can't send to one person."""

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        if recipient.startswith("belov"):
            raise UnicodeError("no such charset")
        return await super().send(letter, sender=sender, recipient=recipient)


async def newcomer(company: Company, name: str, email: str) -> str:
    made = await company.made("/employees", {"name": name, "pbx_id": "moskva", "email": email})
    return str(made["id"])


async def letter_of(company: Company, agent_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await company.call("GET", f"/employees/{agent_id}")).json()["letter"]
    return found


@pytest.mark.rule("E3")
async def test_a_letter_that_breaks_while_it_is_written_or_sent_fails_alone_and_its_card_says_why(
    company: Company,
) -> None:
    """The process goes on, the others get theirs, and the next process does not stumble over it."""
    ids = [
        await newcomer(company, name, f"{login}@vostok.example")
        for name, login in (("Орлов Пётр", "orlov"), ("Белов Глеб", "belov"), ("Зимина Вера", "zimina"))
    ]
    for _ in range(2):
        letters = company.directory.welcome_letters
        letters._mailer = BreakingMail()
        letters._writer = BreakingWriter(sender_name="", sender="rb@vostok.example", softphone_url="")
        while await letters.round():
            pass
        company.clock.advance(100)
    written, sent, good = [await letter_of(company, each) for each in ids]
    assert (written["state"], sent["state"], good["state"]) == ("failed", "failed", "accepted")
    assert "ValueError: header with a line feed" in written["answer"]
    assert "UnicodeError: no such charset" in sent["answer"]
    assert written["tries"] == sent["tries"] == 1


@pytest.mark.rule("O1", "E3")
async def test_one_organization_s_letters_do_not_hold_up_another_s(company: Company) -> None:
    """A thousand newcomers of one company, and one of another, who has the letter with the next round."""
    row = {"state": "pending", "answer": "", "tries": 0, "message_id": "<x@y>", "sealed": ""}
    async with company.directory.database.begin() as connection:
        many = [{**row, "organization_id": "vostok", "agent_id": f"a{n}", "due_at": NOW} for n in range(100)]
        late = {**row, "organization_id": "yug", "agent_id": "one", "due_at": Instant(NOW + 1)}
        await connection.execute(insert(LETTERS), [*many, late])
    company.clock.advance(1)
    assert await company.directory.welcome_letters.round() < AT_ONCE_MAX
    async with company.directory.database.begin() as connection:
        ended = (
            await connection.execute(select(LETTERS.c.organization_id).where(LETTERS.c.state == "failed"))
        ).scalars()
        assert "yug" in list(ended)
    for _ in range(30):
        await company.directory.welcome_letters.round()
    async with company.directory.database.begin() as connection:
        left = await connection.execute(select(LETTERS.c.agent_id).where(LETTERS.c.state == "pending"))
        assert left.all() == []


@pytest.mark.rule("O1", "E3")
async def test_more_organizations_than_places_take_turns(quick_company: Company) -> None:
    """Those at the end of the alphabet are not left out."""
    row = {"state": "pending", "answer": "", "tries": 0, "message_id": "<x@y>", "sealed": "", "due_at": NOW}
    rows = [
        {**row, "organization_id": f"o{n:02}", "agent_id": f"a{letter}"}
        for n in range(2 * AT_ONCE_MAX)
        for letter in range(3)
    ]
    async with quick_company.directory.database.begin() as connection:
        await connection.execute(insert(LETTERS), rows)
    for _ in range(2):
        await quick_company.directory.welcome_letters.round()
    async with quick_company.directory.database.begin() as connection:
        query = select(LETTERS.c.organization_id).where(LETTERS.c.state == "failed")
        ended = list((await connection.execute(query)).scalars())
    assert sorted(ended) == [f"o{n:02}" for n in range(2 * AT_ONCE_MAX)]


@pytest.mark.rule("O1", "E5")
async def test_one_organization_s_fault_does_not_cost_another_its_hours(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maintenance goes on with the others."""
    await company.found("zapad")
    await company.changed("/employees/gusev-r", hours=WEEK)
    company.headers = await company.login("gusev.r", "zapad")
    await company.changed("/employees/gusev-r", hours=WEEK)
    await company.sent()
    company.log.sent.clear()
    company.clock.advance(3 * 24 * 3600)
    say = UnitOfWork.say_what_differs

    async def broken(unit: UnitOfWork, dated: list[Any]) -> None:
        if unit.organization_id == "vostok":
            raise ValueError("a card that nobody foresaw")
        await say(unit, dated)

    monkeypatch.setattr(UnitOfWork, "say_what_differs", broken)
    await company.directory.maintenance.round()
    await company.sent()
    assert {envelope.organization_id for envelope, _ in company.log.sent} == {"zapad"}
