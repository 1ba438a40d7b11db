"""The console's rules: where a browser may be sent, whose form it is, who sees what, how figures are read."""

import re

import pytest

from contracts.rights import TABLE, Action
from services.console.api.pages import FOLDER
from services.console.rules import addresses, csrf, formats, kept_input, navigation
from services.console.rules.rights_words import ACTIONS, REACHES

KEY = b"k" * 32


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example/o/vostok/",
        "/o/vostok/../../evil",
        "/o/vostok//evil.example",
        "/o/vostok/\\evil.example",
        "/o/vostok/\r\nLocation: https://evil.example",
        "/o/zapad/me",
        "/o/vostok/sign-in",
        "/o/vostokx/me",
        "javascript:alert(1)",
        "",
        "/o/vostok/" + "a" * 600,
    ],
)
def test_nobody_is_sent_anywhere_but_to_a_page_of_the_own_company(address: str) -> None:
    assert addresses.inside(address, "vostok") == "/o/vostok/"


@pytest.mark.parametrize(
    "address",
    [
        "/o/vostok/me",
        "/o/vostok/history?from=2026-11-01&department=a,b",
        "/o/vostok/voicemail/vm.p.in.moscow.17000.12+",
        "/o/vostok/voicemail/vm.p.in.moscow.17000.12%2B",
    ],
)
def test_a_page_of_the_own_company_is_come_back_to(address: str) -> None:
    assert addresses.inside(address, "vostok") == address


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example/", "/\\evil.example", "/a/../b"])
def test_after_a_preference_nobody_is_sent_to_another_host(address: str) -> None:
    assert addresses.here(address) == "/"


def test_a_form_s_token_is_good_for_the_cookie_it_was_made_for_alone() -> None:
    mine = csrf.token(KEY, "mine")
    assert csrf.is_valid(mine, KEY, "mine")
    assert not csrf.is_valid(mine, KEY, "yours")
    assert not csrf.is_valid(mine, b"x" * 32, "mine")
    assert not csrf.is_valid(csrf.token(KEY, ""), KEY, ""), "whoever has no cookie has no form"
    assert not csrf.is_valid("ы" * 64, KEY, "mine")
    assert not csrf.is_valid("", KEY, "mine")


def test_every_right_of_the_words_is_one_of_the_table_and_every_reach_has_words() -> None:
    assert set(ACTIONS) <= {str(each) for each in Action}
    resolved = {str(reach) for row in TABLE.values() for reach in row.values()} - {"chosen"}
    assert resolved == set(REACHES)


def test_everybody_has_a_first_page() -> None:
    assert navigation.first({}).name == "me"
    assert not navigation.may_see("no such screen", {})


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0, "0:00"), (48_900, "0:48"), (760_000, "12:40"), (3_734_000, "1:02:14"), (-5_000, "0:00")],
)
def test_a_running_duration_is_written_as_on_a_clock(ms: int, shown: str) -> None:
    assert formats.running(ms) == shown


@pytest.mark.parametrize(
    ("ms", "russian", "english"),
    [
        (2_520_000, "42 минуты", "42 minutes"),
        (430_000, "7 мин 10 с", "7 min 10 sec"),
        (1_000, "1 секунда", "1 second"),
        (0, "0 секунд", "0 seconds"),
    ],
)
def test_a_spoken_duration_agrees_with_its_number(ms: int, russian: str, english: str) -> None:
    said = {language: formats.spoken(ms, language).replace("\u00a0", " ") for language in ("ru", "en")}
    assert said == {"ru": russian, "en": english}


def test_an_instant_is_read_in_the_zone_and_the_language() -> None:
    at = 1_795_413_600_000  # 2026-11-23 06:00 UTC
    assert formats.clock(at, "ru", "Europe/Moscow") == "09:00"
    assert formats.clock(at, "en", "Europe/Moscow").replace("\u202f", " ") == "9:00 AM"
    assert formats.clock(at, "ru", "Europe/Moscow", seconds=True) == "09:00:00"
    assert formats.clock(at, "ru", "Nowhere/There") == "06:00"
    assert formats.day(at, "ru", "Europe/Moscow") == "23 ноября, понедельник"
    assert formats.day(at, "en", "Europe/Moscow") == "Monday, November 23"


@pytest.mark.parametrize(
    ("days", "russian", "english"),
    [
        ((0, 1, 2, 3, 4), "пн–пт", "Mon–Fri"),
        ((6, 0, 1), "пн, вт, вс", "Mon, Tue, Sun"),
        ((5,), "сб", "Sat"),
    ],
    ids=["the week", "its ends", "one day"],
)
def test_days_of_the_week_are_named_shortly(days: tuple[int, ...], russian: str, english: str) -> None:
    assert (formats.weekdays(days, "ru"), formats.weekdays(days, "en")) == (russian, english)


def test_times_of_the_day_and_dates_are_those_of_no_zone() -> None:
    assert (formats.time_of_day(540, "ru"), formats.time_of_day(1_440, "ru")) == ("09:00", "00:00")
    assert formats.calendar_date("2026-12-01", "ru") == "1 декабря 2026"
    assert formats.calendar_date("2026-12-01", "en") == "December 1, 2026"


def test_numbers_are_grouped_as_the_language_does() -> None:
    assert formats.count(12_480, "ru").replace("\u00a0", " ") == "12 480"
    assert formats.count(12_480, "en") == "12,480"
    assert formats.share(0.84, "ru").replace("\u00a0", " ") == "84 %"
    assert formats.count(1.1, "ru") == "1,1"


def test_a_form_says_whose_it_is_and_nobody_else_s_says_the_same() -> None:
    mine = csrf.whose(KEY, "vostok", "orlov.i")
    others = (("vostok", "orlov"), ("zapad", "orlov.i"), ("vostokorlov", ".i"))
    assert mine not in {csrf.whose(KEY, *each) for each in others}
    assert mine != csrf.whose(b"x" * 32, "vostok", "orlov.i")


def test_no_password_of_any_page_is_kept() -> None:
    """By the names of the fields: a new one stands here before it is kept by anything."""
    pages = "".join(each.read_text(encoding="utf-8") for each in sorted(FOLDER.glob("*.html")))
    secret = '(?:type="password"|autocomplete="one-time-code")'
    by_macro = re.findall(rf'parts\.field\("(\w+)"[^}}]*{secret}', pages)
    by_hand = [
        name
        for tag in re.findall(r'<input\b[^>]*type="password"[^>]*>', pages)
        for name in re.findall(r'name="(\w+)"', tag)
    ]
    assert len(by_macro) >= 5
    assert {*by_macro, *by_hand} <= kept_input.NEVER_KEPT
    sent = [(name, "x") for name in kept_input.NEVER_KEPT]
    assert kept_input.kept([*sent, ("text", "x"), ("file", b"x")]) == (("text", "x"),)
