"""The table that people download: days and times that nobody can read the wrong way round."""

from zoneinfo import ZoneInfo

import pytest

from contracts.directory import Language
from services.history.rules import sheets
from tests.unit.history.stories import Office, a_call, at, hung_up, place

MOSCOW_TIME = ZoneInfo("Europe/Moscow")


@pytest.mark.rule("H5")
@pytest.mark.parametrize(
    ("language", "day"),
    [(Language.RUSSIAN, "15.01.2027"), (Language.ENGLISH, "15 Jan 2027")],
)
def test_a_row_names_its_day_and_its_time_of_24_hours(language: Language, day: str) -> None:
    """«1/2/27» is a day in January to some readers of English, and one in February to others."""
    office = Office().say(a_call(), place())
    row = office.say(hung_up("in1"), at_s=30).row()
    cells = sheets.cells(row, language, MOSCOW_TIME)
    assert cells[:2] == (day, "11:00:00")
    assert len(cells) == len(sheets.HEADS[language])


def test_a_moment_of_the_last_days_is_told_in_both_languages() -> None:
    """Who took a voice message, and when, by the organization's clock."""
    told = sheets.moment(at(0), MOSCOW_TIME)
    assert (told.ru, told.en) == ("15 января, 11:00", "15 January, 11:00")


@pytest.mark.parametrize(
    ("ms", "said"), [(0, "0:00:00"), (1_000, "0:00:01"), (90_000, "0:01:30"), (101 * 3_600_000, "101:00:00")]
)
def test_durations_are_as_spreadsheets_read_them(ms: int, said: str) -> None:
    """A column of them can be summed."""
    assert sheets.duration(ms) == said
