"""Notices have a name, and show whether they can be played yet."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from contracts.audio_keys import upload_key
from contracts.directory import Language, NoticeSaved
from contracts.ids import NoticeId
from contracts.tts import NoticeFailed, NoticeRendered, RenderNotice
from services.directory.activities import bootstrap
from tests.audio_keys import DIGEST, foreign_uploads
from tests.integration.directory.companies import Company, heard

REASONS: dict[str, str] = {
    Language.RUSSIAN: "speech_silent: По этому тексту получилась тишина.",
    Language.ENGLISH: "speech_silent: This text came out as silence.",
}
DELAYED: dict[str, str] = {
    Language.RUSSIAN: "not_rendered: Сейчас не удалось.",
    Language.ENGLISH: "not_rendered: Not at the moment.",
}
FIELDS = ("render_state", "duration_ms", "is_older", "failure", "is_tried_again")


async def rendered(company: Company, version: int, duration_ms: int, notice_id: str = "hello") -> None:
    fact = NoticeRendered(
        notice_id=NoticeId(notice_id),
        version=version,
        language=Language.RUSSIAN,
        parts=("a.wav",),
        duration_ms=duration_ms,
    )
    await company.directory.fact_handler.hear(heard(fact))


async def failed(
    company: Company, version: int, *, is_final: bool = True, reasons: dict[str, str] = REASONS
) -> None:
    fact = NoticeFailed(
        notice_id=NoticeId("hello"),
        version=version,
        reason=REASONS[Language.RUSSIAN],
        is_final=is_final,
        reasons=reasons,
    )
    await company.directory.fact_handler.hear(heard(fact))


async def notice_status(company: Company) -> tuple[Any, ...]:
    """The notice's status, the same in a list and alone."""
    alone = (await company.call("GET", "/notices/hello")).json()
    [listed] = (await company.call("GET", "/notices")).json()["cards"]
    assert alone == listed
    return tuple(alone[name] for name in FIELDS)


async def test_n9_notices_have_names_of_their_own_or_by_their_first_words(quick_company: Company) -> None:
    """Names tell notices apart in a list; a notice without one gets one."""
    company = quick_company
    long = "Здравствуйте!\nВы позвонили в компанию «Восток», и мы скоро ответим вам."
    named = await company.made("/notices", {"name": "Праздники", "text": "Сегодня мы отдыхаем."})
    assert (named["name"], named["card"]["name"]) == ("Праздники", "Праздники")
    assert named["id"] == "prazdniki"
    await company.made("/notices", {"id": "long", "text": long})
    await company.made("/notices", {"id": "one-word", "text": "а" * 50})
    await company.made("/notices", {"id": "upload", "key": upload_key("vostok", 64 * "a")})
    found = (await company.call("GET", "/notices")).json()["cards"]
    assert {each["id"]: each["name"] for each in found} == {
        "long": "Здравствуйте! Вы позвонили в компанию…",
        "one-word": "а" * 39 + "…",
        "prazdniki": "Праздники",
        "upload": "upload",
    }
    [sought] = (await company.call("GET", "/notices?search=праздники")).json()["cards"]
    assert sought["id"] == "prazdniki"
    answer = await company.call("POST", "/notices", {"name": "  ", "text": "Здравствуйте."})
    assert answer.json()["field"] == "name"


async def test_n9_another_name_is_not_spoken_anew(quick_company: Company) -> None:
    """What plays is the same: it stays ready."""
    company = quick_company
    await company.made("/notices", {"id": "hello", "text": "Здравствуйте."})
    await rendered(company, 1, 1_200)
    await company.sent()
    company.log.sent.clear()
    answer = await company.changed("/notices/hello", name="Приветствие")
    assert (answer.json()["name"], answer.json()["version"]) == ("Приветствие", 2)
    assert not (await company.sent()).sent
    assert await notice_status(company) == ("ready", 1_200, False, None, False)


@pytest.mark.rule("T5")
async def test_n9_a_notice_waits_is_ready_and_an_older_version_plays_while_a_newer_one_waits(
    company: Company,
) -> None:
    """Until the newest is ready, the one before plays; late and repeated facts change nothing."""
    made = await company.made("/notices", {"id": "hello", "text": "Здравствуйте."})
    assert made["render_state"] == "waiting"
    assert await notice_status(company) == ("waiting", None, False, None, False)
    for _ in range(2):
        await rendered(company, 1, 1_200)
        assert await notice_status(company) == ("ready", 1_200, False, None, False)
    changed = await company.changed("/notices/hello", text="Добрый день.")
    assert (changed.json()["render_state"], changed.json()["is_older"]) == ("ready", True)
    assert await notice_status(company) == ("ready", 1_200, True, None, False)
    await rendered(company, 2, 900)
    await rendered(company, 1, 1_200)
    assert await notice_status(company) == ("ready", 900, False, None, False)


@pytest.mark.rule("T5")
async def test_n9_a_failed_notice_says_why_in_both_languages(company: Company) -> None:
    """A rendering may be tried again; one that failed for good stays so, and the older version plays on."""
    await company.made("/notices", {"id": "hello", "text": "Здравствуйте."})
    await failed(company, 1, is_final=False, reasons=DELAYED)
    delayed = {"ru": "Сейчас не удалось.", "en": "Not at the moment."}
    assert await notice_status(company) == ("failed", None, False, delayed, True)
    await rendered(company, 1, 1_200)
    await failed(company, 1, is_final=False, reasons=DELAYED)
    assert await notice_status(company) == ("ready", 1_200, False, None, False)
    await company.changed("/notices/hello", text="Ъ")
    for reasons, is_final in ((DELAYED, False), (REASONS, True), (DELAYED, False)):
        await failed(company, 2, is_final=is_final, reasons=reasons)
    silent = {"ru": "По этому тексту получилась тишина.", "en": "This text came out as silence."}
    assert await notice_status(company) == ("failed", 1_200, True, silent, False)
    await company.changed("/notices/hello", text="Добрый день.")
    assert await notice_status(company) == ("ready", 1_200, True, None, False)


async def test_n9_a_reason_from_before_there_were_two_languages_is_shown_as_it_is(
    quick_company: Company,
) -> None:
    """Older facts on the log are read, too."""
    await quick_company.made("/notices", {"id": "hello", "text": "Ъ"})
    await failed(quick_company, 1, reasons={})
    words = "По этому тексту получилась тишина."
    assert (await notice_status(quick_company))[3] == {"ru": words, "en": words}


async def test_n9_the_companys_name_and_another_companys_notices_are_none_of_these(
    company: Company,
) -> None:
    """One id in two companies has two states; a notice without a card leaves no trace."""
    await company.found("zapad")
    await company.made("/notices", {"id": "hello", "text": "Здравствуйте."})
    fact = NoticeRendered(
        notice_id=NoticeId("hello"), version=1, language=Language.RUSSIAN, parts=(), duration_ms=5
    )
    await company.directory.fact_handler.hear(heard(fact, "zapad"))
    await rendered(company, 1, 700, "company:ru")
    assert await notice_status(company) == ("waiting", None, False, None, False)
    async with company.directory.database.begin() as connection:
        assert not (await connection.execute(text("SELECT * FROM renderings"))).all()


async def test_n9_an_office_file_leaves_the_names_that_were_given(quick_company: Company) -> None:
    """A file has no words for names: applying it again removes none."""
    company = quick_company
    await company.made("/notices", {"id": "hello", "name": "Приветствие", "text": "Здравствуйте."})
    employee = (await company.call("GET", "/employees")).json()["cards"][0]
    sheet = {
        "organization_id": "vostok",
        "organization": {"name": "Восток"},
        "employees": {
            employee["id"]: {
                name: employee["card"][name] for name in ("name", "pbx_id", "role", "extension", "email")
            }
        },
        "notices": {"hello": {"text": "Добрый день."}, "new": {"text": "До свидания."}},
    }
    answer = await company.call("PUT", "/office", sheet)
    assert answer.status_code == 200, answer.text
    found = (await company.call("GET", "/notices")).json()["cards"]
    assert [(each["name"], each["card"]["text"]) for each in found] == [
        ("Приветствие", "Добрый день."),
        ("До свидания.", "До свидания."),
    ]


async def test_n9_republishing_asks_speech_again_for_notices_that_are_there(company: Company) -> None:
    """This tells the status of notices that were rendered before it was kept."""
    for id_ in ("gone", "hello"):
        await company.made("/notices", {"id": id_, "text": "Здравствуйте."})
    read = await company.call("GET", "/notices/gone")
    await company.call("DELETE", "/notices/gone", if_match=read.headers["etag"])
    log = await company.sent()
    before = {envelope.id: each for envelope, each in log.sent if isinstance(each, RenderNotice)}
    log.sent.clear()
    await bootstrap.republish(company.directory.repository)
    again = {envelope.id: each for envelope, each in (await company.sent()).sent}
    asked = {id_: each for id_, each in again.items() if isinstance(each, RenderNotice)}
    del before["directory/vostok/render/gone/1"]
    assert asked == before


@pytest.mark.rule("O1", "T4")
@pytest.mark.parametrize("key", foreign_uploads("vostok", "yug"))
async def test_a_file_of_another_organization_is_no_notice(quick_company: Company, key: str) -> None:
    """Not by a notice, and not by a whole office."""
    wanted = "body_invalid" if not key or "\n" in key else "upload_unknown"
    answer = await quick_company.call("POST", "/notices", {"id": "stolen", "key": key})
    assert (answer.status_code, answer.json()["code"]) in ((422, wanted), (400, wanted))
    sheet = {"organization_id": "vostok", "organization": {"name": "Восток"}}
    answer = await quick_company.call("PUT", "/office", {**sheet, "notices": {"stolen": {"key": key}}})
    assert answer.json()["code"] == wanted
    assert (await quick_company.call("GET", "/notices/stolen")).status_code == 404
    assert (await quick_company.sent()).facts(NoticeSaved) == []


@pytest.mark.rule("O1", "T4")
async def test_a_notice_is_not_led_to_a_file_of_another_organization_later(quick_company: Company) -> None:
    """A saved notice may not change to it either."""
    await quick_company.made("/notices", {"id": "own", "key": upload_key("vostok", DIGEST)})
    answer = await quick_company.changed("/notices/own", key=upload_key("yug", DIGEST))
    assert (answer.status_code, answer.json()["code"]) == (422, "upload_unknown")


async def test_an_upload_that_finds_no_room_on_the_disk_may_come_again(
    quick_company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer says so in words: nothing is wrong with the file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    sound = b"RIFF\x24\0\0\0WAVEfmt " + bytes(16_000)
    answer = await quick_company.http.post("/uploads", content=sound, headers=quick_company.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "upload_unchecked")
