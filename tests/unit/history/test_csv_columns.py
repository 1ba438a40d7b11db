"""The CSV that people download: days and times that nobody can misread."""

import csv
import io
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from contracts.directory import Language
from services.history.rules import csv_columns
from tests.unit.history import stories
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
    cells = csv_columns.cells(row, language, MOSCOW_TIME)
    assert cells[:2] == (day, "11:00:00")
    assert len(cells) == len(csv_columns.HEADS[language])


def test_a_moment_of_the_last_days_is_told_in_both_languages() -> None:
    """Who took a voice message, and when, by the organization's clock."""
    told = csv_columns.written_moment(at(0), MOSCOW_TIME)
    assert (told.ru, told.en) == ("15 января, 11:00", "15 January, 11:00")


@pytest.mark.parametrize(
    ("ms", "said"), [(0, "0:00:00"), (1_000, "0:00:01"), (90_000, "0:01:30"), (101 * 3_600_000, "101:00:00")]
)
def test_durations_are_as_spreadsheets_read_them(ms: int, said: str) -> None:
    """A column of them can be summed."""
    assert csv_columns.duration(ms) == said


@pytest.mark.rule("H5")
@pytest.mark.parametrize(
    "said",
    [
        "=1+1",
        "@SUM(1)",
        "-2+3",
        "+1+cmd",
        '=HYPERLINK("x")',
        "\t=1+1",
        "  =1+1",
        "＝1+1",
        "x,=1+1",
        "x;@SUM(1)",
        "84951234567",
        "0074951234567",
        "-5",
        "1-2",
        "12/11",
        "1e5",
        "79,16",
    ],
)
def test_p9_what_somebody_else_wrote_is_text_in_every_cell(said: str) -> None:
    """A caller writes SIP's From, and any name can begin like a formula, a number or a date."""
    office = Office()
    department = stories.a_department(stories.SALES, said, stories.MOSCOW, stories.ANNA, version=2)
    office.say(stories.an_agent(stories.ANNA, said, stories.MOSCOW, version=2), department)
    call = structs.replace(a_call(caller=said), line=said)
    office.say(call, place(), stories.offer(stories.ANNA, 1), stories.offer_accepted(stories.ANNA, 1))
    office.say(stories.connected(stories.ANNA, 1, waited_ms=1_000))
    row = office.row()
    for language in Language:
        cells = csv_columns.cells(structs.replace(row, pbx_name=said), language, MOSCOW_TIME)
        for cell in (cells[3], cells[4], cells[5], cells[6], cells[7]):
            assert not re.search(r"(^|[,;\t])\s*[=@＝-]", cell), cell
            assert not cell.startswith("+") or cell == "+7 495 123-45-67", cell
            assert re.fullmatch(r"[\d\s.,:/%+-]+(e\d+)?", cell) is None or cell == "+7 495 123-45-67", cell


@pytest.mark.parametrize(
    ("caller", "cell"),
    [
        ("+79165550001", "+7 916 555-00-01"),
        ("84951234567", "+7 495 123-45-67"),
        ("+48512345678", "+48 512-345-678"),
        ("+4930901820", "+49 30-901820"),
        ("102", "'102"),
    ],
)
def test_p10_a_phone_number_is_written_as_people_write_it(caller: str, cell: str) -> None:
    """A bare row of digits is 7,9E+10 in a spreadsheet, and groups of three are a number with thousands."""
    office = Office().say(a_call(caller=caller), place())
    row = office.say(hung_up("in1"), at_s=30).row()
    assert csv_columns.cells(row, Language.RUSSIAN, MOSCOW_TIME)[3] == cell


STRANGE = st.text(
    alphabet=st.sampled_from("=+-@＝＋－＠−\t\r\n\x0b\x85\u2028;,|\"' \u200b\ufeffab1!()\\"), max_size=24
)
FORMULA = re.compile(r"[\s\"\u200b\ufeff]*[=+\-@＝＋－＠−]")


def _pieces(line: str) -> list[str]:
    """What the cells of a line are to programs that read it with their own separator, or without quotes."""
    found = []
    for separator in (",", ";", "\t", "|"):
        found += [cell for row in csv.reader(io.StringIO(line), delimiter=separator) for cell in row]
        found += re.split(rf"[{re.escape(separator)}\r\n\v\f\x85\u2028]", line)
    return found


@pytest.mark.rule("H5")
@given(said=STRANGE, language=st.sampled_from(Language))
@example(said=",-", language=Language.RUSSIAN)
def test_no_program_finds_a_formula_in_what_a_stranger_wrote(said: str, language: Language) -> None:
    """A file in one dialect is opened in another one, or by a program that knows no quotation marks."""
    office = Office().say(a_call(caller=said), place())
    row = office.say(hung_up("in1"), at_s=30).row()
    row = structs.replace(
        row, number=None, line=said, pbx_name=said, department_label=said, agent_label=said, caller=said
    )
    text = io.StringIO()
    separator = ";" if language is Language.RUSSIAN else ","
    cells = csv_columns.cells(row, language, MOSCOW_TIME)
    csv.writer(text, delimiter=separator).writerow(cells)
    formulas = [cell for cell in _pieces(text.getvalue()) if FORMULA.match(cell)]
    assert formulas == []
    (read,) = csv.reader(io.StringIO(text.getvalue()), delimiter=separator)
    assert tuple(read) == cells, "in its own dialect the file says what was written"


def test_dynamic_data_exchange_is_text() -> None:
    """The oldest of these attacks starts a program."""
    row = Office().say(a_call(caller="x"), place()).say(hung_up("in1"), at_s=30).row()
    for said in ("=cmd|'/C calc'!A0", '";=cmd|"/C calc"!A0', "x|=cmd|'/C calc'!A0", "\ufeff@SUM(A1)"):
        cell = csv_columns.cells(structs.replace(row, agent_label=said), Language.RUSSIAN, MOSCOW_TIME)[7]
        assert re.search(r"(^|[;,|])[\s\"\ufeff]*[=@]", cell) is None, cell
