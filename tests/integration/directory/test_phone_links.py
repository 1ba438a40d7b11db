"""A letter's one-time link shows the phone password, to whoever presses its button first (E3)."""

import asyncio
import hashlib
import re
from base64 import b64encode
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from msgspec import Struct
from sqlalchemy import select, update

from runtime.mail.mailer import Sendable
from runtime.mail.smtp_replies import SendResult, Verdict
from services.directory.activities import organizations, phone_links
from services.directory.activities.phone_links import LINK_MS, MISSES_MAX
from services.directory.activities.phone_page import WORDS as PAGE_WORDS
from services.directory.activities.tables import CARDS, PHONE_LINKS
from tests.integration.directory.companies import DIRECTORY, ORGANIZATION, Company, Mail

pytestmark = pytest.mark.rule("E3")
LINK = re.compile(rf"{re.escape(DIRECTORY)}(/phone-password/[0-9a-f]{{32}})(?![0-9a-f])")
UNKNOWN = f"/phone-password/{'0' * 32}"


class Newcomer(Struct, frozen=True):
    """A new employee, and what the letter and the answer told."""

    id: str
    password: str
    path: str
    """Of the link."""


async def newcomer(company: Company, **fields: Any) -> Newcomer:
    body = {"name": "Орлов Пётр", "pbx_id": "moskva", "email": "orlov@vostok.example"}
    made = await company.made("/employees", body | fields)
    await company.directory.welcome_letters.round()
    letter = company.mail.letters[-1]
    assert all(made["phone_password"] not in text for text in texts(letter))
    return Newcomer(id=made["id"], password=made["phone_password"], path=path_in(letter))


def texts(letter: EmailMessage) -> list[str]:
    """A letter's two forms."""
    found = [str(part.get_content()) for part in letter.walk() if not part.is_multipart()]
    assert len(found) == 2
    return found


def path_in(letter: EmailMessage) -> str:
    """Where a letter links to."""
    [path] = {str(found) for text in texts(letter) for found in LINK.findall(text)}
    return path


async def opened(company: Company, path: str, *, language: str = "") -> httpx.Response:
    return await company.http.get(path, headers={"Accept-Language": language} if language else {})


async def pressed(company: Company, path: str) -> httpx.Response:
    return await company.http.post(path)


async def test_the_button_shows_the_password_once(company: Company) -> None:
    new = await newcomer(company)
    page = await opened(company, new.path)
    assert page.status_code == 200
    assert new.password not in page.text
    assert '<form method="post">' in page.text
    shown = await pressed(company, new.path)
    assert shown.status_code == 200
    assert new.password in shown.text
    again = await pressed(company, new.path)
    assert again.status_code == 404
    assert new.password not in again.text
    assert (await opened(company, new.path)).status_code == 404


async def test_programs_that_open_every_link_of_a_letter_use_none_up(quick_company: Company) -> None:
    new = await newcomer(quick_company)
    for _ in range(MISSES_MAX + 5):
        assert (await opened(quick_company, new.path)).status_code == 200
    assert (await quick_company.http.head(new.path)).status_code in (200, 405)
    assert new.password in (await pressed(quick_company, new.path)).text


async def test_of_many_who_press_at_once_one_sees_it(company: Company) -> None:
    new = await newcomer(company)
    answers = await asyncio.gather(*(pressed(company, new.path) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 404, 404, 404, 404]


async def test_a_link_is_over_after_three_days(quick_company: Company) -> None:
    new, other = await newcomer(quick_company), await newcomer(quick_company, name="Белов Глеб")
    quick_company.clock.advance(LINK_MS // 1_000 - 1)
    assert (await pressed(quick_company, new.path)).status_code == 200
    quick_company.clock.advance(1)
    assert (await opened(quick_company, other.path)).status_code == 404
    late = await pressed(quick_company, other.path)
    assert late.status_code == 404
    assert other.password not in late.text
    await quick_company.directory.maintenance.round()
    assert await _kept(quick_company) == []


async def test_a_replaced_password_ends_the_link_and_so_does_removal(quick_company: Company) -> None:
    new, other = await newcomer(quick_company), await newcomer(quick_company, name="Белов Глеб")
    replaced = await quick_company.call("POST", f"/employees/{new.id}/phone-password")
    answer = await pressed(quick_company, new.path)
    assert answer.status_code == 404
    assert replaced.json()["secret"] not in answer.text
    version = (await quick_company.call("GET", f"/employees/{other.id}")).json()["version"]
    removed = await quick_company.call("DELETE", f"/employees/{other.id}", if_match=f'"{version}"')
    assert removed.status_code == 204
    assert (await pressed(quick_company, other.path)).status_code == 404
    assert await _kept(quick_company) == []


async def test_a_corrected_address_ends_the_link_of_the_letter_that_went_astray(company: Company) -> None:
    """Whoever got it comes too late, and nobody else's link ends."""
    new, other = await newcomer(company), await newcomer(company, name="Белов Глеб")
    assert (await company.changed(f"/employees/{new.id}", name="Орлов Пётр Петрович")).status_code == 200
    assert (await opened(company, new.path)).status_code == 200
    corrected = await company.changed(f"/employees/{new.id}", email="orlov.p@vostok.example")
    assert corrected.status_code == 200, corrected.text
    assert (await opened(company, new.path)).status_code == 404
    late = await pressed(company, new.path)
    assert late.status_code == 404
    assert new.password not in late.text
    assert other.password in (await pressed(company, other.path)).text


@pytest.mark.parametrize("is_readable", [True, False])
async def test_an_address_that_an_office_file_corrects_ends_the_link_too(
    quick_company: Company, is_readable: bool
) -> None:
    """Also in place of a card that can't be read: nobody knows where its letter went."""
    new, other = await newcomer(quick_company), await newcomer(quick_company, name="Белов Глеб")
    card = (await quick_company.call("GET", f"/employees/{new.id}")).json()["card"]
    if not is_readable:
        async with quick_company.directory.database.begin() as connection:
            await connection.execute(update(CARDS).where(CARDS.c.id == new.id).values(document="{"))
    fields = ("name", "pbx_id", "login", "extension")
    employee = {name: card[name] for name in fields} | {"email": "orlov.p@vostok.example"}
    sheet = {"organization_id": ORGANIZATION, "organization": {"name": "Восток"}}
    saved = await quick_company.call("PUT", "/office", {**sheet, "employees": {new.id: employee}})
    assert saved.status_code == 200, saved.text
    assert (await pressed(quick_company, new.path)).status_code == 404
    assert other.password in (await pressed(quick_company, other.path)).text


async def test_ones_own_change_of_address_ends_the_link_too(quick_company: Company) -> None:
    """The mailbox of before is perhaps somebody else's by now."""
    new = await newcomer(quick_company, role="administrator")
    made = await quick_company.call("POST", f"/employees/{new.id}/password", {})
    await quick_company.choose_password("orlov.p", made.json()["secret"])
    assert (await opened(quick_company, new.path)).status_code == 200
    quick_company.headers = await quick_company.login("orlov.p")
    own = await quick_company.changed(f"/employees/{new.id}", email="orlov@home.example")
    assert own.status_code == 200, own.text
    assert (await pressed(quick_company, new.path)).status_code == 404


class LosingMail(Mail):
    """Takes a letter, but its answer is lost, as often as it is told."""

    def __init__(self, *, losses: int) -> None:
        super().__init__()
        self._losses = losses

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        result = await super().send(letter, sender=sender, recipient=recipient)
        self._losses -= 1
        return (
            result if self._losses < 0 else SendResult(verdict=Verdict.DEFERRED, text="the answer was lost")
        )


async def ordered(company: Company, mail: Mail) -> dict[str, Any]:
    """A new employee whose letter goes through this server."""
    company.mail = company.directory.welcome_letters._mailer = mail
    return await company.made(
        "/employees", {"name": "Орлов Пётр", "pbx_id": "moskva", "email": "orlov@vostok.example"}
    )


async def test_a_letter_that_waits_goes_to_the_corrected_address_with_a_link_of_its_own(
    company: Company,
) -> None:
    """A copy whose answer was lost lies in the wrong mailbox, and shows nothing."""
    made = await ordered(company, LosingMail(losses=1))
    await company.directory.welcome_letters.round()
    await company.changed(f"/employees/{made['id']}", email="orlov.p@vostok.example")
    await company.directory.welcome_letters.round()
    astray, right = company.mail.letters
    assert ("orlov@vostok" in astray["To"], "orlov.p@vostok" in right["To"]) == (True, True)
    assert astray["Message-ID"] != right["Message-ID"]
    assert (await pressed(company, path_in(astray))).status_code == 404
    assert made["phone_password"] in (await pressed(company, path_in(right))).text
    letter = (await company.call("GET", f"/employees/{made['id']}")).json()["letter"]
    assert (letter["state"], letter["tries"]) == ("accepted", 1)


async def test_once_somebody_has_seen_the_password_no_other_letter_shows_it(quick_company: Company) -> None:
    """It may have been the wrong person: the page of the right one asks to have the password replaced."""
    made = await ordered(quick_company, LosingMail(losses=1))
    await quick_company.directory.welcome_letters.round()
    [astray] = quick_company.mail.letters
    assert made["phone_password"] in (await pressed(quick_company, path_in(astray))).text
    await quick_company.changed(f"/employees/{made['id']}", email="orlov.p@vostok.example")
    quick_company.clock.advance(60)
    await quick_company.directory.welcome_letters.round()
    assert "orlov.p@vostok" in quick_company.mail.letters[1]["To"]
    answer = await pressed(quick_company, path_in(quick_company.mail.letters[1]))
    assert (answer.status_code, made["phone_password"] in answer.text) == (404, False)


class SlowMail(Mail):
    """While it takes its first letter, an administrator corrects the address."""

    def __init__(self, company: Company, path: str) -> None:
        super().__init__()
        self._company = company
        self._path = path

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        if not self.letters:
            await self._company.changed(self._path, email="orlov.p@vostok.example")
        return await super().send(letter, sender=sender, recipient=recipient)


async def test_a_letter_that_is_being_sent_ends_no_other_to_the_corrected_address(company: Company) -> None:
    """Its acceptance is that of the wrong mailbox."""
    made = await ordered(company, SlowMail(company, "/employees/orlov-p"))
    assert made["id"] == "orlov-p"
    await company.directory.welcome_letters.round()
    await company.directory.welcome_letters.round()
    astray, right = company.mail.letters
    assert ("orlov@vostok" in astray["To"], "orlov.p@vostok" in right["To"]) == (True, True)
    assert (await pressed(company, path_in(astray))).status_code == 404
    assert made["phone_password"] in (await pressed(company, path_in(right))).text


async def test_a_letter_that_was_taken_up_before_the_correction_does_not_go(company: Company) -> None:
    """It would be the second one to the corrected address, with a link that shows nothing."""
    made = await ordered(company, Mail())
    letters = company.directory.welcome_letters
    [row] = await letters._claimed(1)
    await company.changed(f"/employees/{made['id']}", email="orlov.p@vostok.example")
    await letters._deliver(row)
    assert company.mail.letters == []
    await letters.round()
    [right] = company.mail.letters
    assert made["phone_password"] in (await pressed(company, path_in(right))).text


async def test_another_link_ends_the_one_before(quick_company: Company) -> None:
    """Of two letters to one person the later one is good."""
    new = await newcomer(quick_company)
    async with quick_company.directory.database.begin() as connection:
        link = await phone_links.make(connection, ORGANIZATION, new.id, quick_company.clock.now())
    assert (await pressed(quick_company, new.path)).status_code == 404
    assert new.password in (await pressed(quick_company, f"/phone-password/{link}")).text


@pytest.mark.parametrize("query", ["utm_source=letter&utm_medium=email", "link=0", "mc_eid=%FF", "x"])
async def test_what_mail_programs_add_to_the_address_is_ignored_there_and_nowhere_else(
    quick_company: Company, query: str
) -> None:
    """Whoever counts clicks adds parameters to every link of a letter."""
    new = await newcomer(quick_company)
    page = await opened(quick_company, f"{new.path}?{query}")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    shown = await pressed(quick_company, f"{new.path}?{query}")
    assert (shown.status_code, new.password in shown.text) == (200, True)
    used = await opened(quick_company, f"{new.path}?{query}")
    assert (used.status_code, used.text) == (404, (await opened(quick_company, UNKNOWN)).text)
    elsewhere = await quick_company.call("GET", f"/employees/{new.id}?{query}")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "body_invalid")


async def test_in_a_suspended_organization_nothing_is_shown_until_it_is_resumed(
    quick_company: Company,
) -> None:
    new = await newcomer(quick_company)
    await organizations.suspend(quick_company.directory.repository, ORGANIZATION)
    assert (await opened(quick_company, new.path)).status_code == 404
    assert (await pressed(quick_company, new.path)).status_code == 404
    await organizations.resume(quick_company.directory.repository, ORGANIZATION)
    assert new.password in (await pressed(quick_company, new.path)).text


@pytest.mark.parametrize("path", [UNKNOWN, "/phone-password/x", "/phone-password/%00%F0", f"{UNKNOWN}'"])
async def test_an_unknown_link_gets_one_page_in_words_with_the_remedy(
    quick_company: Company, path: str
) -> None:
    """The same as one that was used: nobody learns which links there were."""
    new = await newcomer(quick_company)
    await pressed(quick_company, new.path)
    used = await opened(quick_company, new.path, language="en-GB,ru;q=0.5")
    for answer in (await opened(quick_company, path, language="en"), await pressed(quick_company, path)):
        assert answer.status_code == 404
        assert answer.text == used.text
    assert "Ask an administrator" in used.text
    assert "Попросите администратора" in (await opened(quick_company, path, language="ru-RU")).text


async def test_an_address_that_tries_many_links_waits_and_others_do_not(quick_company: Company) -> None:
    new = await newcomer(quick_company)
    for _ in range(MISSES_MAX):
        assert (await opened(quick_company, UNKNOWN)).status_code == 404
    limited = await opened(quick_company, UNKNOWN)
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert "Too many tries" in limited.text
    # Whoever has a link of an office whose others have tried many still gets the own password.
    assert new.password in (await pressed(quick_company, new.path)).text


async def test_no_page_is_kept_framed_or_told_to_others(quick_company: Company) -> None:
    new = await newcomer(quick_company)
    pages = [
        await opened(quick_company, new.path),
        await pressed(quick_company, new.path),
        await opened(quick_company, new.path),
    ]
    for page in pages:
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
        hash_ = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{hash_}'" in policy
        assert "unsafe" not in policy
        for foreign in ("<script", "<link", "<img", "src=", "url(", "style=", "http"):
            assert foreign not in page.text


async def test_the_page_speaks_its_employees_language_and_shows_names_as_text(quick_company: Company) -> None:
    await quick_company.changed("/organization", name="<b>Volga</b> & Co")
    new = await newcomer(quick_company, language="en")
    page = await opened(quick_company, new.path, language="ru")
    assert '<html lang="en">' in page.text
    assert PAGE_WORDS["en"].button in page.text  # type: ignore[index]
    assert "<b>" not in page.text
    assert "&lt;b&gt;Volga" in page.text


async def test_only_the_digest_of_a_link_is_kept(quick_company: Company) -> None:
    new = await newcomer(quick_company)
    [row] = await _kept(quick_company)
    link = new.path.rpartition("/")[2]
    assert row.digest == hashlib.sha256(link.encode()).hexdigest()
    assert link not in str(row)


async def test_that_a_password_was_shown_stands_in_the_trail_without_it(
    quick_company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    new = await newcomer(quick_company)
    with caplog.at_level("INFO"):
        await opened(quick_company, new.path)
        await pressed(quick_company, new.path)
    found = (await quick_company.call("GET", "/audit?kind=secret")).text
    assert "secret.phone_password_shown" in found
    assert f"agent/{new.id}" in found
    # The client of this test logs what it asks for; the service does not.
    logged = "\n".join(each.getMessage() for each in caplog.records if each.name != "httpx")
    assert "secret.phone_password_shown" in logged
    for told in (found, logged):
        assert new.password not in told
        assert new.path not in told


async def _kept(company: Company) -> list[Any]:
    async with company.directory.database.begin() as connection:
        return list((await connection.execute(select(PHONE_LINKS))).all())
