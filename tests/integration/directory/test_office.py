"""People at work: rules, absences, scenarios, the CRM's table, office PBXs, letters, hours."""

import asyncio
from typing import Any

import pytest

from contracts.callback import CallbackOrdered
from contracts.directory import (
    AgentAvailabilitySaved,
    AgentPauseSaved,
    AgentSaved,
    CallbackAsked,
    CallbackCancelAsked,
    CallbackKeepAsked,
    CallbackNotReachedAsked,
    DepartmentSaved,
    DirectRulesSaved,
    Language,
    NoticeSaved,
    PauseReason,
    PbxSaved,
    ResponsibleSaved,
)
from contracts.ids import CallbackId, DepartmentId, Instant, PbxId, PlaceId
from contracts.prompts import company_notice
from contracts.scenario import ScenarioSaved
from contracts.telephony import CheckExtension
from contracts.tts import RenderNotice
from runtime.mail.smtp_replies import SendResult, Verdict
from tests.integration.directory.companies import DIRECTORY, NOW, Company, heard
from tests.unit.voicemail.sounds import silence, voice, wav

DAY_MS = 24 * 3_600_000
# Ids derive from ids: a callback's contains its place's, which contains its department's and its leg's.
LONG_ID = "cb." + 80 * "abc"
SKLAD = {"id": "sklad", "name": "Склад", "kind": "office", "numbers": ["+78120003000"]}


async def _two(company: Company) -> None:
    """Two employees: a and b."""
    for id_ in ("a", "b"):
        await company.made("/employees", {"id": id_, "name": f"Имя {id_}", "pbx_id": "moskva", "login": id_})


@pytest.mark.rule("D6")
async def test_a_certain_loop_is_refused_with_its_path(company: Company) -> None:
    """EC-79: A to B and B to A; nobody would ever be reached."""
    await _two(company)
    first = {"no_answer": {"kind": "colleague", "agent_id": "b"}}
    assert (await company.call("PUT", "/employees/a/rules", first, if_match='"0"')).status_code == 200
    second = {"no_answer": {"kind": "colleague", "agent_id": "a"}}
    answer = await company.call("PUT", "/employees/b/rules", second, if_match='"0"')
    assert (answer.status_code, answer.json()["code"]) == (422, "forward_loop")
    assert "«Имя b» → «Имя a» → «Имя b»" in answer.json()["cause"]["en"]


@pytest.mark.rule("D6")
async def test_two_people_who_close_a_loop_at_once_do_not_close_it(company: Company) -> None:
    """EC-79: saves of one company come one after the other, and the second sees the first."""
    await _two(company)
    answers = await asyncio.gather(
        *(
            company.call(
                "PUT",
                f"/employees/{who}/rules",
                {"no_answer": {"kind": "colleague", "agent_id": target}},
                if_match='"0"',
            )
            for who, target in (("a", "b"), ("b", "a"))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]


@pytest.mark.rule("E2")
async def test_two_employees_made_at_once_get_two_extensions_and_two_logins(company: Company) -> None:
    """The next free one is free for one of them only."""
    body = {"name": "Орлов Пётр", "pbx_id": "moskva"}
    first, second = await asyncio.gather(company.made("/employees", body), company.made("/employees", body))
    assert {first["card"]["extension"], second["card"]["extension"]} == {"202", "203"}
    assert {first["card"]["login"], second["card"]["login"]} == {"orlov.p", "orlov.p-2"}


@pytest.mark.rule("D2", "D3")
async def test_rules_reach_the_log_with_their_notice(company: Company) -> None:
    """Routing hears the rule for calls that nobody takes, and speech the notice before it."""
    await _two(company)
    notice = await company.made(
        "/notices", {"id": "away", "text": "{employee} вернётся {return_date}", "agent_id": "a"}
    )
    assert notice["version"] == 1
    card = {
        "no_answer": {
            "kind": "colleague",
            "agent_id": "b",
            "notice": {"kind": "spoken", "notice_id": "away"},
        },
        "has_call_waiting": True,
    }
    saved = await company.call("PUT", "/employees/a/rules", card, if_match='"0"')
    assert saved.status_code == 200
    log = await company.sent()
    rules = [fact for fact in log.facts(DirectRulesSaved) if fact.agent_id == "a"][-1]
    assert (rules.no_answer.kind, rules.no_answer.agent_id, rules.has_call_waiting) == (
        "colleague",
        "b",
        True,
    )
    await company.changed("/employees/a", absences=[{"first_day": "2026-11-20", "last_day": "2026-12-02"}])
    log = await company.sent()
    assert log.facts(NoticeSaved)[-1].values["return_date"] == "3 декабря 2026"
    renderings = [message for _, message in log.sent if isinstance(message, RenderNotice)]
    assert [each.version for each in renderings if each.notice_id == "away"] == [1, 2]


@pytest.mark.rule("C4", "T3")
async def test_prompts_a_companys_name_is_rendered_whenever_it_is_saved(company: Company) -> None:
    """The apology says who is calling; a company that changes its name is not called by the old one."""
    await company.changed("/organization", name="Новый Восток")
    log = await company.sent()
    names = [each for _, each in log.sent if isinstance(each, RenderNotice) and ":" in each.notice_id]
    assert {each.notice_id for each in names} == {company_notice(Language.RUSSIAN)}
    assert names[-1].text == "Новый Восток"
    assert [each.version for each in names] == sorted({each.version for each in names})


@pytest.mark.rule("O3")
async def test_an_office_extension_is_added_when_its_pbx_has_it(company: Company) -> None:
    """EC-90: an unknown extension and a PBX that does not answer are two errors; nothing is saved."""
    await company.made(
        "/pbxs", {"id": "sklad", "name": "Склад", "kind": "office", "numbers": ["+78120003000"]}
    )
    body = {"name": "Приёмка", "pbx_id": "sklad", "extension": "31"}
    answer = await company.call("POST", "/extensions", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "extension_unchecked")
    company.log.extensions = {"32"}
    answer = await company.call("POST", "/extensions", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "extension_absent")
    assert "31" in answer.json()["cause"]["ru"]
    assert "Склад" in answer.json()["cause"]["ru"]
    assert (await company.call("GET", "/extensions")).json()["cards"] == []
    company.log.extensions = {"31"}
    answer = await company.call("POST", "/extensions", body)
    assert answer.status_code == 201
    seat = {"agent_id": answer.json()["id"]}
    answer = await company.call("POST", "/departments/sales/agents", seat, if_match='"1"')
    assert answer.status_code == 201
    checks = [(e.seq, m.pbx_id) for e, m in company.log.sent if isinstance(m, CheckExtension)]
    assert checks == [(1, "sklad"), (2, "sklad"), (3, "sklad"), (4, "sklad")]
    assert company.log.facts(AgentSaved)[-1].is_employee is False


@pytest.mark.rule("O5")
async def test_an_agent_is_suspended_resumed_and_taken_out(company: Company) -> None:
    """A suspended agent keeps the place in the list."""
    await _two(company)
    for version, id_ in enumerate(("a", "b"), start=1):
        added = await company.call(
            "POST", "/departments/sales/agents", {"agent_id": id_}, if_match=f'"{version}"'
        )
        assert added.status_code == 201
    await company.call("PATCH", "/departments/sales/agents/a", {"is_suspended": True}, if_match='"3"')
    await company.call("DELETE", "/departments/sales/agents/b", if_match='"4"')
    again = await company.call("POST", "/departments/sales/agents", {"agent_id": "a"}, if_match='"5"')
    assert again.json()["code"] == "seat_twice"
    log = await company.sent()
    seats = [[(s.agent_id, s.is_suspended) for s in fact.agents] for fact in log.facts(DepartmentSaved)]
    assert seats[-2:] == [[("a", True), ("b", False)], [("a", True)]]


@pytest.mark.rule("E5", "E6")
async def test_hours_travel_sixty_days_ahead_and_roll_on_by_themselves(company: Company) -> None:
    """The company stays open in two months without any save."""
    weekdays = [{"days": [0, 1, 2, 3, 4], "from_minute": 540, "until_minute": 1080}]
    await _two(company)
    await company.changed("/employees/a", hours=weekdays, absences=[{"first_day": "2026-12-28"}])
    fact = (await company.sent()).facts(AgentAvailabilitySaved)[-1]
    assert fact.hours[0].from_at == Instant(NOW - NOW % DAY_MS + 6 * 3_600_000)
    assert fact.absences[0].until_at is None
    assert 59 * DAY_MS < fact.known_until_at - NOW <= 60 * DAY_MS
    assert await company.directory.maintenance.round() == 0
    company.clock.advance(2 * 24 * 3600)
    assert await company.directory.maintenance.round() == 1
    rolled = (await company.sent()).facts(AgentAvailabilitySaved)[-1]
    assert (rolled.version, rolled.known_until_at - fact.known_until_at) == (fact.version + 1, 2 * DAY_MS)
    assert await company.directory.maintenance.round() == 0
    company.headers = await company.login("gusev.r")
    assert (await company.call("DELETE", "/employees/a", if_match='"2"')).status_code == 204
    company.clock.advance(2 * 24 * 3600)
    assert await company.directory.maintenance.round() == 0


@pytest.mark.rule("E3")
async def test_a_welcome_letter_takes_the_secrets_and_its_failure_is_on_the_card(company: Company) -> None:
    """The letter is retried after «later», and given up after «never»."""
    company.mail.answer = SendResult(verdict=Verdict.DEFERRED, text="451 later")
    body = {"name": "Орлов Пётр", "pbx_id": "moskva", "email": "orlov@vostok.example"}
    made = await company.made("/employees", body)
    assert made["one_time_password"] is None
    assert made["letter"]["state"] == "pending"
    assert await company.directory.welcome_letters.round() == 1
    assert await company.directory.welcome_letters.round() == 0
    card = (await company.call("GET", f"/employees/{made['id']}")).json()
    assert card["letter"] == {"state": "pending", "answer": "451 later", "tries": 1}
    company.mail.answer = SendResult(verdict=Verdict.ACCEPTED, text="250 queued")
    company.clock.advance(60)
    assert await company.directory.welcome_letters.round() == 1
    [letter] = company.mail.letters
    plain = letter.get_body(("plain",))
    assert plain is not None
    text = plain.get_content()
    assert "orlov.p" in text
    assert made["phone_password"] not in text
    assert f"{DIRECTORY}/phone-password/" in text
    company.headers = await company.login("gusev.r")
    card = (await company.call("GET", f"/employees/{made['id']}")).json()
    assert card["letter"]["state"] == "accepted"
    company.mail.answer = SendResult(verdict=Verdict.REFUSED, text="550 no such user")
    other = await company.made("/employees", {**body, "name": "Белова Анна"})
    await company.directory.welcome_letters.round()
    card = (await company.call("GET", f"/employees/{other['id']}")).json()
    assert card["letter"] == {"state": "failed", "answer": "550 no such user", "tries": 1}


@pytest.mark.rule("S4")
async def test_a_scenario_is_saved_whole_or_the_old_one_stays(company: Company) -> None:
    """Each error names its element, and callers go on along the old scenario."""
    good: dict[str, Any] = {
        "id": "main",
        "name": "Главный",
        "pbx_id": "moskva",
        "lines": ["+74950001000"],
        "elements": [
            {
                "element_id": "open",
                "kind": "hours",
                "hours": [{"days": [0], "from_minute": 540, "until_minute": 1080}],
                "arrows": [{"on": "open", "to": "sales"}, {"on": "closed", "to": "bye"}],
            },
            {"element_id": "sales", "kind": "department", "department_id": "sales"},
            {"element_id": "bye", "kind": "hang_up"},
        ],
    }
    await company.made("/scenarios", good)
    bad = [{**each, "arrows": []} if each["element_id"] == "open" else each for each in good["elements"]]
    answer = await company.changed("/scenarios/main", elements=bad)
    found = answer.json()
    codes = {found["code"], *(each["code"] for each in found["more"])}
    assert answer.status_code == 422
    assert codes == {"arrow_missing", "element_unreachable"}
    fact = (await company.sent()).facts(ScenarioSaved)
    assert len(fact) == 1
    assert fact[0].elements[0].hours
    assert fact[0].hours_known_until_at is not None


@pytest.mark.rule("D5")
async def test_the_crms_table_is_saved_whole_and_shows_on_the_card(company: Company) -> None:
    """The card says that it is overridden, and by what."""
    await _two(company)
    lines = [
        {"number": "+79161234567", "agent_id": "a", "second_agent_id": "b"},
        {"number": "+79161234568", "agent_id": "b"},
    ]
    wrong = [*lines, {"number": "+79161234569", "agent_id": "nobody"}]
    assert (await company.call("PUT", "/responsibles", {"lines": wrong})).status_code == 422
    assert (await company.call("PUT", "/responsibles", {"lines": lines})).json() == {"changed": 2}
    assert (await company.call("PUT", "/responsibles", {"lines": lines})).json() == {"changed": 0}
    card = (await company.call("GET", "/employees/a")).json()
    assert card["overridden_by"] == ["CRM: +79161234567"]
    ended = [{"number": "+79161234568", "agent_id": None}]
    assert (await company.call("PUT", "/responsibles", {"lines": ended})).json() == {"changed": 1}
    log = await company.sent()
    said = [(fact.number[-1], fact.version, fact.agent_id) for fact in log.facts(ResponsibleSaved)]
    assert said == [("7", 1, "a"), ("8", 1, "b"), ("8", 2, None)]
    removed = await company.call("DELETE", "/employees/a", if_match='"1"')
    assert removed.status_code == 204
    last = (await company.sent()).facts(ResponsibleSaved)[-1]
    assert (last.number, last.agent_id, last.second_agent_id) == ("+79161234567", "b", None)


@pytest.mark.rule("C9", "C11")
async def test_a_callback_is_asked_for_once_and_cancelled_by_its_departments_people(company: Company) -> None:
    """A web form that is sent twice is one callback; a colleague from elsewhere cancels none."""
    made = await company.employee("Орлов Пётр", role="user")
    headers = await company.login("orlov.p")
    body = {"number": "+79161234567"}
    path = "/departments/sales/callbacks"
    first = await company.call("POST", path, body, idempotency_key="form-1")
    second = await company.call("POST", path, body, idempotency_key="form-1")
    assert first.json() == second.json()
    ordered = CallbackOrdered(
        callback_id=CallbackId(LONG_ID),
        place_id=PlaceId("p"),
        department_id=DepartmentId("sales"),
        pbx_id=PbxId("moskva"),
        number="+79161234567",
        caller_id="",
        joined_at=NOW,
        deadline_at=NOW,
        leg_id=None,
    )
    await company.directory.fact_handler.hear(heard(ordered))
    assert (await company.call("DELETE", f"/callbacks/{LONG_ID}", headers=headers)).status_code == 403
    await company.changed("/departments/sales", agents=[{"agent_id": made["id"]}])
    assert (await company.call("DELETE", f"/callbacks/{LONG_ID}", headers=headers)).status_code == 202
    log = await company.sent()
    [asked] = log.facts(CallbackAsked)
    [cancelled] = log.facts(CallbackCancelAsked)
    assert (asked.callback_id, asked.department_id) == (first.json()["callback_id"], "sales")
    assert (cancelled.callback_id, cancelled.by) == (LONG_ID, made["id"])


@pytest.mark.rule("C13", "C14", "C16")
async def test_m7_who_talks_to_the_customer_keeps_the_callback_or_says_not_reached(company: Company) -> None:
    """The department's people may, in their own names; a program may not, since it talks to nobody."""
    made = await company.employee("Орлов Пётр", role="user")
    headers = await company.login("orlov.p")
    asked = await company.call("POST", "/departments/sales/callbacks", {"number": "+79161234567"})
    path = f"/callbacks/{asked.json()['callback_id']}"
    token = await company.made("/tokens", {"name": "crm", "actions": ["callback.cancel"]})
    program = {"Authorization": f"Bearer {token['token']}"}
    for word in ("keep", "not-reached"):
        assert (await company.call("POST", f"{path}/{word}", headers=headers)).status_code == 403, "elsewhere"
        assert (await company.call("POST", f"{path}/{word}", headers=program)).status_code == 403, "a program"
    await company.changed("/departments/sales", agents=[{"agent_id": made["id"]}])
    for word in ("keep", "not-reached"):
        assert (await company.call("POST", f"{path}/{word}", headers=headers)).status_code == 202
    log = await company.sent()
    [kept], [missed] = log.facts(CallbackKeepAsked), log.facts(CallbackNotReachedAsked)
    assert {(each.callback_id, each.by) for each in (kept, missed)} == {
        (asked.json()["callback_id"], made["id"])
    }


@pytest.mark.rule("C4", "C14", "C16")
async def test_m12_a_pbx_has_its_own_limit_of_apologies_and_a_department_its_own_talk(
    company: Company,
) -> None:
    """The defaults are five lines and fifteen seconds; no PBX has more than fifty lines."""
    pbx = {"id": "volga", "name": "Волга", "kind": "cloud", "numbers": ["+78310002000"]}
    refused = await company.call("POST", "/pbxs", {**pbx, "apologies_at_once_max": 51})
    assert refused.status_code == 400
    await company.made("/pbxs", {**pbx, "apologies_at_once_max": 12})
    calling = {"talk_ms_min": 30_000, "confirms_customer": True}
    await company.changed("/departments/sales", callback=calling)
    log = await company.sent()
    lines = {fact.pbx_id: fact.apologies_at_once_max for fact in log.facts(PbxSaved)}
    assert (lines["moskva"], lines["volga"]) == (5, 12)
    told = [
        (fact.callback.talk_ms_min, fact.callback.confirms_customer) for fact in log.facts(DepartmentSaved)
    ]
    assert (told[0], told[-1]) == ((15_000, False), (30_000, True))


@pytest.mark.rule("Q8")
async def test_a_pause_is_said_each_time_it_is_set(company: Company) -> None:
    """Queue may have ended the pause meanwhile: the last click counts."""
    for is_paused in (True, True, False):
        answer = await company.call("PUT", "/agents/gusev-r/pause", {"is_paused": is_paused})
        assert answer.status_code == 204
    said = (await company.sent()).facts(AgentPauseSaved)
    assert [(fact.version, fact.is_paused) for fact in said] == [(1, True), (2, True), (3, False)]


@pytest.mark.rule("Q8", "P4")
async def test_a_pause_says_why_and_its_end_says_nothing(company: Company) -> None:
    """By the agent, who may do nothing else; a reason that is not in the list is refused at its field."""
    made = await company.employee("Орлов Пётр", role="restricted_user")
    headers = await company.login("orlov.p")
    path = f"/agents/{made['id']}/pause"
    for body in (
        {"is_paused": True, "reason": "lunch"},
        {"is_paused": True},
        {"is_paused": False, "reason": "lunch"},
    ):
        assert (await company.call("PUT", path, body, headers=headers)).status_code == 204
    refused = await company.call("PUT", path, {"is_paused": True, "reason": "football"}, headers=headers)
    assert (refused.status_code, refused.json()["field"]) == (400, "reason")
    said = (await company.sent()).facts(AgentPauseSaved)
    assert [(fact.is_paused, fact.reason) for fact in said] == [
        (True, PauseReason.LUNCH),
        (True, None),
        (False, None),
    ]


@pytest.mark.rule("Q5")
async def test_what_is_doubtful_is_saved_with_a_warning(quick_company: Company) -> None:
    """EC-33: under two minutes no callback will succeed, but the company may choose it."""
    answer = await quick_company.changed("/departments/sales", no_answer_ms=60_000)
    assert answer.status_code == 200
    codes = {each["code"] for each in answer.json()["warnings"]}
    assert codes == {"callback_time_short", "department_empty"}
    assert "60" in answer.json()["warnings"][0]["cause"]["ru"]


@pytest.mark.rule("O7")
async def test_an_office_pbxs_extension_is_no_fallback(quick_company: Company) -> None:
    """The refusal names both."""
    company = quick_company
    company.log.extensions = {"31"}
    await company.made(
        "/pbxs", {"id": "sklad", "name": "Склад", "kind": "office", "numbers": ["+78120003000"]}
    )
    body = {"id": "priemka", "name": "Приёмка", "pbx_id": "sklad", "extension": "31"}
    await company.call("POST", "/extensions", body)
    action = {"kind": "fallback_employee", "agent_id": "priemka"}
    answer = await company.changed("/departments/sales", no_answer_action=action)
    assert (answer.status_code, answer.json()["code"]) == (422, "target_on_office_pbx")
    assert "Склад" in answer.json()["cause"]["ru"]


async def test_an_upload_is_one_object_by_its_content(quick_company: Company) -> None:
    """The same file again is the same key, and a notice can name it."""
    company = quick_company
    keys = []
    sound = wav(voice(1_000))
    for _ in range(2):
        answer = await company.http.post("/uploads", content=sound, headers=company.headers)
        assert answer.status_code == 201
        keys.append(answer.json()["key"])
    assert keys[0] == keys[1]
    assert await company.blobs.get(keys[0]) == sound
    notice = await company.made("/notices", {"key": keys[0]})
    assert notice["card"]["key"] == keys[0]


UNFIT = {
    "a word": (b"hello", "upload_not_audio"),
    "nothing": (b"", "upload_not_audio"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "upload_not_audio"),
    "a playlist": (b"#EXTM3U\nfile:///etc/hostname\n", "upload_not_audio"),
    "a header": (b"RIFF....WAVE", "upload_broken"),
    "a WAV without sound": (wav([]), "upload_broken"),
    "hello as a WAV": (wav([])[:40] + b"hello", "upload_broken"),
    "an MP3 of zeros": (b"ID3" + bytes(2_000), "upload_broken"),
    "silence": (wav(silence(2_000)), "upload_silent"),
    "six minutes": (wav(voice(1_000) * 360), "upload_too_long"),
}


@pytest.mark.rule("T4")
@pytest.mark.parametrize("name", UNFIT)
async def test_uploads_what_can_not_be_played_is_refused_at_once_with_the_reason(
    quick_company: Company, name: str
) -> None:
    """«hello» as a WAV used to be accepted, and the notice stayed silent."""
    content, code = UNFIT[name]
    answer = await quick_company.http.post("/uploads", content=content, headers=quick_company.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["cause"]["ru"]
    assert not [key for key in quick_company.blobs.objects if key.startswith("uploads/")]
