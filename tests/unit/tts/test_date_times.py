"""Times, days, signs and ranges as offices write them are read as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.directory import Language
from services.tts.rules.text_normalization import as_spoken

TIMES = {
    "с 9.00 до 18.00": "с девяти часов до восемнадцати часов",
    "с 9-00 до 18-00": "с девяти часов до восемнадцати часов",
    "с 8.30 до 17.15": "с восьми часов тридцати минут до семнадцати часов пятнадцати минут",
    "с 10.00-19.00": "с десяти часов до девятнадцати часов",
    "9.00–18.00, обед 13-00 - 14-00": "с девяти часов до восемнадцати часов, обед с тринадцати часов "
    "до четырнадцати часов",
    "с 9⁰⁰ до 18³⁰": "с девяти часов до восемнадцати часов тридцати минут",
    "с 00:00 до 24:00": "с ноля часов до двадцати четырёх часов",
    "до 24-00": "до двадцати четырёх часов",
    "в 10-15, в 9.05": "в десять часов пятнадцать минут, в девять часов пять минут",
    "8.30 утра": "восемь часов тридцать минут утра",
    "с 9-18 часов, с 9-18.00": "с девяти до восемнадцати часов, с девяти до восемнадцати часов",
    "с 9.10 до 18.00": "с девяти часов десяти минут до восемнадцати часов",
}
DAYS = {
    "Акция до 31.12 включительно": "Акция до тридцать первого декабря включительно",
    "до 31.12.": "до тридцать первого декабря.",
    "с 01.01 по 08.01": "с первого января по восьмое января",
    "с 25.12 до 08.01": "с двадцать пятого декабря до восьмого января",
    "31.12–08.01": "с тридцать первого декабря по восьмое января",
    "до 31.12.2026": "до тридцать первого декабря две тысячи двадцать шестого года",
    "24.12.26, 24/12/2026": "двадцать четвёртого декабря две тысячи двадцать шестого года, "
    "двадцать четвёртого декабря две тысячи двадцать шестого года",
    "25.12 не работаем": "двадцать пятого декабря не работаем",
}
SIGNS = {
    "Сегодня -5 градусов": "Сегодня минус пять градусов",
    "−5 градусов, –7°": "минус пять градусов, минус семь градусов",
    "от -5 до +5 градусов": "от минус пяти до плюс пяти градусов",
    "±5 %": "плюс-минус пять процентов",
    "5°C, -1 °С": "пять градусов, минус один градус",
    "скидка -20%": "скидка минус двадцать процентов",
    "+7 912 345-67-89": "плюс, семь, девятьсот двенадцать, триста сорок пять, шестьдесят семь, "
    "восемьдесят девять",
    "- 5 сотрудников, перерыв -15 минут": "пять сотрудников, перерыв пятнадцать минут",
}
RANGES = {
    "1-2 минуты": "одна-две минуты",
    "через 1–2 минуты, 1-2 часа": "через одну-две минуты, один-два часа",
    "10-15 мин. Ждите": "десять-пятнадцать минут. Ждите",
    "21-25 минут": "двадцать одна-двадцать пять минут",
    "в 10-15 местах, с 2-3 сотрудниками": "в десяти-пятнадцати местах, с двумя-тремя сотрудниками",
    "в течение 5-10 дней": "в течение пяти-десяти дней",
    "дом 10-2": "дом десять-два",
}
FRACTIONS = {
    "1.5 часа": "одна целая пять десятых часа",
    "1½ часа": "одна целая пять десятых часа",
    "длина 2.50 метра": "длина две целых пятьдесят сотых метра",
    "курс 92.50 рубля": "курс девяносто два рубля пятьдесят копеек",
    "версия 9.10": "версия девять целых десять сотых",
}
ENGLISH = {
    "open 9.00-18.30": "open nine a m to six thirty p m",
    "from 9.00 to 18.30": "from nine a m to six thirty p m",
    "open 9-5, 9am–5pm, 9-5.30pm": "open nine to five, nine a m to five p m, nine to five thirty p m",
    "at 8.30, at 6.05": "at eight thirty a m, at six oh five a m",
    "from 00:00 to 24:00": "from midnight to midnight",
    "closed until 31.12.": "closed until the thirty-first of December.",
    "on 31/12 and 12/25": "on the thirty-first of December and the twenty-fifth of December",
    "12/31/2026, 31.12.26": "the thirty-first of December twenty twenty-six, "
    "the thirty-first of December twenty twenty-six",
    "from 25.12 to 08.01": "from the twenty-fifth of December to the eighth of January",
    "-5 degrees, −1°": "minus five degrees, minus one degree",
    "from -5 to +5, ±2": "from minus five to plus five, plus or minus two",
    "-$5": "minus five dollars",
    "1-2 minutes, 10–15 people": "one to two minutes, ten to fifteen people",
    "1.5 hours, 1½ hours, 2.50 meters": "one point five hours, one point five hours, two point five meters",
    "Call +7 912 345-67-89": "Call plus, seven, nine one two, three four five, six seven, eight nine",
}


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", TIMES)
def test_p19_hours_are_hours_however_they_are_written(written: str) -> None:
    """«с восьми часов тридцати минут», never «восемь целых тридцать сотых»; «24:00» is a time, too."""
    assert as_spoken(Language.RUSSIAN, written) == TIMES[written]


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", DAYS)
def test_p19_a_day_is_a_day_with_and_without_its_year(written: str) -> None:
    """«до 31.12» is not a fraction."""
    assert as_spoken(Language.RUSSIAN, written) == DAYS[written]


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", SIGNS)
def test_p20_a_sign_before_a_number_is_said(written: str) -> None:
    """The minus of a temperature is spoken, and the plus of a phone number stays."""
    assert as_spoken(Language.RUSSIAN, written) == SIGNS[written]


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", RANGES)
def test_p20_both_numbers_of_a_range_agree_with_what_is_counted(written: str) -> None:
    """«одна-две минуты», not «один-две минуты»."""
    assert as_spoken(Language.RUSSIAN, written) == RANGES[written]


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", FRACTIONS)
def test_p19_fractions_stay_fractions(written: str) -> None:
    """A measured value, or a number with one decimal, is not a time."""
    assert as_spoken(Language.RUSSIAN, written) == FRACTIONS[written]


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", ENGLISH)
def test_p19_p20_english_reads_them_as_well(written: str) -> None:
    """With a m and p m, and with the month first, as Americans write it."""
    assert as_spoken(Language.ENGLISH, written) == ENGLISH[written]


@pytest.mark.rule("T1")
@given(
    hour=st.integers(0, 23),
    minute=st.sampled_from((0, 15, 20, 30, 40, 45, 59)),
    mark=st.sampled_from(".-:"),
    language=st.sampled_from(Language),
)
def test_p19_a_time_is_read_the_same_whatever_its_mark(
    hour: int, minute: int, mark: str, language: Language
) -> None:
    """A dot, a dash and a colon mean the same between an hour and its minutes."""
    if language is Language.ENGLISH and mark == "-":
        mark = "."
    text = "Мы работаем до {}." if language is Language.RUSSIAN else "We are open until {}."
    with_colon = as_spoken(language, text.format(f"{hour}:{minute:02}"))
    assert as_spoken(language, text.format(f"{hour}{mark}{minute:02}")) == with_colon
