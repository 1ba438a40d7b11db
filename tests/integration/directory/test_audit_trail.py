"""The audit trail: what was and is, in words; and security events, in the trail and on the stream."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import httpx
import pytest
import structlog
from sqlalchemy import insert, update

from contracts.history import Accessed, AccessKind, AccessRefused
from devtools.security_events import described
from runtime import client_address
from runtime.security_events import LOGGER, SecurityEvent
from services.directory.activities import audit_trail, phone_links
from services.directory.activities.tables import AUDIT
from services.directory.rules import audit_words
from tests.integration.directory.companies import NOW, ORGANIZATION, PASSWORD, Company, heard
from tests.integration.directory.second_factors import entered, set_up

ENGLISH = {"accept-language": "en"}
LATER_MS = 300_000


@pytest.fixture
def stream() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def events(stream: Sequence[Any]) -> list[Any]:
    return [line for line in stream if line.get("logger") == LOGGER]


async def trail(company: Company, query: str = "", **headers: str) -> list[Any]:
    answer = await company.call("GET", f"/audit{query}", headers={**company.headers, **headers})
    assert answer.status_code == 200, answer.text
    lines: list[Any] = answer.json()["lines"]
    return lines


async def test_a_change_of_a_card_is_told_in_words_with_before_and_after(company: Company) -> None:
    """An administrator sees what a colleague did without comparing cards."""
    await company.made("/employees", {"id": "orlov", "name": "Орлов Пётр", "pbx_id": "moskva"})
    agents = [{"agent_id": "gusev-r"}, {"agent_id": "orlov"}]
    await company.changed("/departments/sales", no_answer_ms=90_000, agents=agents, records_calls=True)
    (russian, *_) = await trail(company, "?kind=department", **{"accept-language": "ru"})
    assert (russian["by"], russian["said"], russian["about"]) == ("Гусев Родион", "изменено", "Отдел продаж")
    told = {each["field"]: (each["before"], each["after"]) for each in russian["changes"]}
    assert told == {
        "время ожидания ответа": ("10 мин", "90 с"),
        "запись разговоров": ("нет", "да"),
        "состав отдела": ("—", "сотрудник Гусев Родион, сотрудник Орлов Пётр"),
    }
    (english, *_) = await trail(company, "?kind=department", **ENGLISH)
    assert {each["field"]: each["after"] for each in english["changes"]} == {
        "no-answer timeout": "90 s",
        "records calls": "yes",
        "agents": "employee Гусев Родион, employee Орлов Пётр",
    }


async def test_a_line_from_before_the_words_stays_readable(company: Company) -> None:
    """A trail is kept for years, and the version that wrote it is not."""
    values = {"organization_id": ORGANIZATION, "at": NOW, "who": "agent/gusev-r", "what": "changed"}
    values |= {"kind": "department", "id": "sales", "version": 9, "before": "a", "after": "b"}
    async with company.directory.database.begin() as connection:
        await connection.execute(insert(AUDIT).values(**values, fields="name"))
    (line, *_) = await trail(company, "?kind=department", **ENGLISH)
    assert (line["fields"], line["changes"], line["by"], line["said"]) == (
        ["name"],
        [],
        "Гусев Родион",
        "changed",
    )


async def test_a_long_value_is_cut(quick_company: Company) -> None:
    """A list of a trail is read, not searched for a text of a thousand characters."""
    await quick_company.made("/notices", {"id": "n", "text": "Ж" * 1_000})
    (line, *_) = await trail(quick_company, "?kind=notice", **ENGLISH)
    (text,) = (each["after"] for each in line["changes"] if each["field"] == "text")
    assert len(text) == 300
    assert text.endswith("…")


async def test_logins_of_both_outcomes_are_in_the_trail_and_on_the_stream(
    company: Company, stream: list[Any]
) -> None:
    """Who looks for an intruder begins with the logins."""
    body = {"organization": ORGANIZATION, "login": "gusev.r", "password": "wrong wrong wrong"}
    assert (await company.http.post("/sessions", json=body)).status_code == 401
    unknown = {**body, "login": "my secret password"}
    assert (await company.http.post("/sessions", json=unknown)).status_code == 401
    await company.login("gusev.r")
    lines = await trail(company, "?kind=session.login", **ENGLISH)
    told = [(line["who"], line["outcome"], line["details"]["address"]) for line in lines[:3]]
    assert told == [
        ("agent/gusev-r", "ok", "127.0.0.1"),
        ("", "refused", "127.0.0.1"),
        ("agent/gusev-r", "refused", "127.0.0.1"),
    ]
    assert (lines[1]["by"], lines[1]["said"]) == ("nobody known", "login")
    assert [(each["actor"], each["outcome"]) for each in events(stream)] == [
        ("agent/gusev-r", "refused"),
        ("", "refused"),
        ("agent/gusev-r", "ok"),
    ]
    assert "secret password" not in repr(stream)
    assert PASSWORD not in repr(stream)


async def test_a_refusal_is_in_the_trail_by_name_and_can_be_found_by_kind_person_and_time(
    company: Company,
) -> None:
    """«Who tried to read the settings on Monday» is one request."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    await company.choose_password(made["card"]["login"], made["one_time_password"])
    orlov = await company.login(made["card"]["login"])
    await company.clock.sleep(300)
    assert (await company.call("GET", "/organization", headers=orlov)).status_code == 403
    who = f"agent/{made['id']}"
    for query in (f"?who={who}&kind=access", f"?since={NOW + LATER_MS}&kind=access.refused"):
        (line,) = await trail(company, query, **ENGLISH)
        assert (line["by"], line["said"], line["outcome"]) == ("Орлов Пётр", "access was refused", "refused")
        assert line["details"]["action"] == "settings.read"
    assert not await trail(company, f"?until={NOW + LATER_MS}&kind=access.refused")


async def test_refusals_that_never_end_are_counted_and_do_not_fill_the_trail(company: Company) -> None:
    """A program that asks in a loop costs an organization's trail sixty lines a minute."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    await company.choose_password(made["card"]["login"], made["one_time_password"])
    orlov = await company.login(made["card"]["login"])
    for _ in range(90):
        await company.call("GET", "/audit", headers=orlov)
    assert len(await trail(company, "?kind=access.refused&limit=200")) == 60
    await company.clock.sleep(61)
    await company.directory.maintenance.round()
    (counted, *_) = await trail(company, "?kind=access.refused&limit=200")
    assert counted["details"]["times"] == "30"


async def test_what_history_says_of_access_stands_in_the_trail_once(company: Company) -> None:
    """«Who listened to this» is answered where every other question about people is."""
    linked = Accessed(
        by="agent/gusev-r", kind=AccessKind.AUDIO_LINKED, subject="recording/r1", address="203.0.113.7"
    )
    refused = AccessRefused(by="agent/gusev-r", action="history.download", what="history.csv", times=3)
    for fact in (linked, refused, linked):
        await company.directory.fact_handler.hear(heard(fact, id_=repr(fact)))
    (line,) = await trail(company, "?kind=history", **ENGLISH)
    assert (line["by"], line["said"], line["id"], line["details"]["address"]) == (
        "Гусев Родион",
        "a link to audio was handed out",
        "recording/r1",
        "203.0.113.7",
    )
    (line,) = await trail(company, "?kind=access.refused", **ENGLISH)
    assert line["details"] == {"action": "history.download", "times": "3"}


async def test_lines_older_than_three_years_are_deleted(company: Company) -> None:
    """What nobody may need any more is not kept."""
    old_at = NOW - audit_trail.KEPT_MS - 1
    async with company.directory.database.begin() as connection:
        await connection.execute(update(AUDIT).where(AUDIT.c.kind == "pbx").values(at=old_at))
    assert await trail(company, "?kind=pbx")
    await company.directory.maintenance.round()
    assert not await trail(company, "?kind=pbx")
    assert await trail(company, "?kind=department")


def test_every_security_event_has_words() -> None:
    """The trail is read by people."""
    assert {event.value for event in SecurityEvent} <= audit_words.DONE.keys()


async def _everything(company: Company) -> None:
    """Whatever the directory's security events are about, done by requests."""
    made = await company.made(
        "/employees", {"id": "orlov", "name": "Орлов Пётр", "pbx_id": "moskva", "mobile": "+79160000001"}
    )
    login = made["card"]["login"]
    await company.choose_password(login, made["one_time_password"])
    opened = await company.http.post(
        "/sessions", json={"organization": ORGANIZATION, "login": login, "password": PASSWORD}
    )
    refresh = opened.json()["refresh"]
    for status in (200, 401):
        assert (await company.http.post("/sessions/renewal", json={"refresh": refresh})).status_code == status
        company.clock.advance(30)
    orlov = await company.login(login)
    await company.call("DELETE", "/sessions/others", headers=orlov)
    asgi = httpx.ASGITransport(app=cast("Any", company.directory.guarded_api))
    async with httpx.AsyncClient(transport=asgi, base_url="http://book") as client:
        await client.get("/me", headers={client_address.HEADER: "203.0.113.7;1;forged"})
    await company.call("GET", "/audit", headers=orlov)
    await company.call("DELETE", "/sessions/current", headers=orlov)
    await company.call("GET", "/me", headers={"Authorization": "Bearer forged"})
    await company.call("POST", "/employees/orlov/password", {})
    answer = await company.call("POST", "/tokens", {"name": "crm", "actions": ["settings.read"]})
    async with company.directory.database.begin() as connection:
        link = await phone_links.make(connection, ORGANIZATION, "orlov", company.clock.now())
    await company.http.post(f"/phone-password/{link}")
    revoked = answer.json()
    await company.call("DELETE", f"/tokens/{revoked['id']}", None, if_match=answer.headers["etag"])
    mobile = {"organization": ORGANIZATION, "mobile": "+79160000001"}
    await company.http.post("/recovery", json=mobile)
    guess = {**mobile, "code": "000000", "new": "another password"}
    for _ in range(7):
        await company.http.put("/recovery", json=guess)
    mine = await company.login("gusev.r")
    await company.call("POST", "/me/reauthentication", {"password": PASSWORD}, headers=mine)
    device, _ = await set_up(company, mine)
    await entered(company, "gusev.r", device.next())


OF_OTHERS = {
    SecurityEvent.OPENID,
    SecurityEvent.IDENTITY_LINKED,
    SecurityEvent.IDENTITY_UNLINKED,
    SecurityEvent.BREAK_GLASS,
    SecurityEvent.AUDIO_LINKED,
    SecurityEvent.DOWNLOADED,
    SecurityEvent.CUSTOMER_ERASED,
    SecurityEvent.OPERATOR_ACTED,
    SecurityEvent.QUOTA_REFUSED,
    SecurityEvent.POLICY_REFUSED,
    SecurityEvent.OUTBOX_SET_ASIDE,
}
"""Events that other services, the operator's program, a login by a provider of identities, or other parts of
the directory emit."""


async def test_every_event_of_the_directory_is_emitted_by_a_real_request(
    quick_company: Company, stream: list[Any]
) -> None:
    """A name on docs/security-events.md that nothing emits would be an alarm that never rings."""
    await _everything(quick_company)
    emitted = {SecurityEvent(line["event"]) for line in events(stream)}
    assert set(SecurityEvent) - OF_OTHERS - emitted == set()
    documented = described()
    common = {"event", "log_level", "logger", "organization_id", "actor", "subject", "outcome", "times"}
    for line in events(stream):
        assert set(line) - common <= set(documented[SecurityEvent(line["event"])].details), line
    shown = repr(stream)
    assert "9160000001" not in shown
    assert PASSWORD not in shown
