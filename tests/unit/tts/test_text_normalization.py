"""Numbers, dates, times, amounts and phone numbers are read as people read them."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.directory import Language
from services.tts.rules.text_normalization import as_spoken, has_words

RUSSIAN = {
    "Звоните +7 912 345-67-89": "Звоните плюс, семь, девятьсот двенадцать, триста сорок пять, "
    "шестьдесят семь, восемьдесят девять",
    "8 (800) 555-35-35, доб. 205": "восемь, восемьсот, пятьсот пятьдесят пять, тридцать пять, тридцать пять, "
    "добавочный двести пять",
    "+7 495 007-00-05": "плюс, семь, четыреста девяносто пять, ноль ноль семь, ноль ноль, ноль пять",
    "223-45-67": "двести двадцать три, сорок пять, шестьдесят семь",
    "в 18:30": "в восемнадцать часов тридцать минут",
    "Мы работаем с 9:00 до 18:00.": "Мы работаем с девяти часов до восемнадцати часов.",
    "обед 13:00–14:00": "обед с тринадцати часов до четырнадцати часов",
    "к 21:01": "к двадцати одному часу одной минуте",
    "через 1 минуту": "через одну минуту",
    "21.11.2026": "двадцать первого ноября две тысячи двадцать шестого года",
    "по 2026-12-01 включительно": "по первое декабря две тысячи двадцать шестого года включительно",
    "до 03.05.2027 г.": "до третьего мая две тысячи двадцать седьмого года",
    "Вернётся 1 декабря 2026.": "Вернётся первого декабря две тысячи двадцать шестого года.",
    "до 21 ноября 2026 г. Звоните": "до двадцать первого ноября две тысячи двадцать шестого года. Звоните",
    "7 января 2027 г. — выходной": "седьмого января две тысячи двадцать седьмого года — выходной",
    "с 1 по 8 января, с 31 декабря по 2 января": "с первого по восьмое января, "
    "с тридцать первого декабря по второе января",
    "1–8 мая и к 9 мая": "с первого по восьмое мая и к девятому мая",
    "99 марта": "девяносто девять марта",
    "2026 год, в 2026 году": "две тысячи двадцать шестой год, в две тысячи двадцать шестом году",
    "к 2027 году": "к две тысячи двадцать седьмому году",
    "с 9 до 18 или с 9 до 21 часа": "с девяти до восемнадцати или с девяти до двадцати одного часа",
    "ждать 1 минуту или 21 секунду": "ждать одну минуту или двадцать одну секунду",
    "1 500 ₽": "одна тысяча пятьсот рублей",
    "1 501,02 руб. Ждём вас": "одна тысяча пятьсот один рубль две копейки. Ждём вас",
    "от 2 000 р. и выше": "от двух тысяч рублей и выше",
    "$20 или 3 €": "двадцать долларов или три евро",
    "скидка 15%": "скидка пятнадцать процентов",
    "1,5% в день": "одна целая пять десятых процента в день",
    "2 млн ₽": "два миллиона рублей",
    "21 минута, 2 минуты, 2 стола": "двадцать одна минута, две минуты, два стола",
    "более 100 компаний в 3 офисах": "более ста компаний в трёх офисах",
    "с 2 сотрудниками": "с двумя сотрудниками",
    "3-й этаж, 2-я линия, 5-го мая": "третий этаж, вторая линия, пятого мая",
    "Работаем 24/7": "Работаем двадцать четыре часа семь дней в неделю",
    "код 007": "код ноль ноль семь",
    "нажмите 1 или #": "нажмите один или решётка",
}
ENGLISH = {
    "Call +44 20 7946 0958": "Call plus, four four, two zero, seven nine four six, zero nine five eight",
    "open 9:00-18:30": "open nine a m to six thirty p m",
    "at 12:00, at 6:05 pm": "at noon, at six oh five p m",
    "back on 21.11.2026": "back on the twenty-first of November twenty twenty-six",
    "back on December 1, 2026": "back on December first twenty twenty-six",
    "from 31 December to 8 January 2027": "from the thirty-first of December to the eighth of January "
    "twenty twenty-seven",
    "until May 21st, the 2nd of June": "until May twenty-first, the second of June",
    "May 99": "May ninety-nine",
    "from 9 am, to 6pm": "from nine a m, to six p m",
    "about 5 min, 1 min, 10 secs": "about five minutes, one minute, ten seconds",
    "until 6:30 p.m. Call 5 min. later, or at 9 a.m. Bye": "until six thirty p m. Call five minutes later, "
    "or at nine a m. Bye",
    "$20.50 or 1,500 ₽": "twenty dollars fifty cents or one thousand five hundred roubles",
    "15% off, 1.5 hours": "fifteen percent off, one point five hours",
    "the 2nd floor, 3 lines": "the second floor, three lines",
    "ext. 007": "extension zero zero seven",
}


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    ("region", "spoken"),
    [
        ("DE", "Call zero three zero, nine zero one eight two zero"),
        ("GB", "Call zero three zero, nine zero one eight two zero"),
    ],
)
def test_p8_a_number_without_a_country_is_grouped_as_the_organization_s_country_does(
    region: str, spoken: str
) -> None:
    """030 901820 is a number in Berlin: «zero three zero», not «thirty»; elsewhere it is a row of digits."""
    said = as_spoken(Language.ENGLISH, "Call 030 901820", region)
    assert (said == spoken) == (region == "DE")


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", RUSSIAN)
def test_russian_reads_numbers_as_people_do(written: str) -> None:
    """A caller hears «до восемнадцати часов», never «до восемнадцать ноль ноль», in the author's own text."""
    assert as_spoken(Language.RUSSIAN, written) == RUSSIAN[written]


@pytest.mark.rule("T1")
@pytest.mark.parametrize("written", ENGLISH)
def test_english_reads_numbers_as_people_do(written: str) -> None:
    """The same for an English notice: «six thirty p m», and a phone number digit by digit."""
    assert as_spoken(Language.ENGLISH, written) == ENGLISH[written]


def test_a_day_that_does_not_exist_is_read_as_its_numbers() -> None:
    """An author's slip does not stop the notice: the caller hears what is written."""
    assert as_spoken(Language.RUSSIAN, "31.02.2026") == "тридцать один ноль два две тысячи двадцать шесть"


@pytest.mark.rule("T6")
@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ('<speak>Привет <break time="9s"/>!</speak>', "speak Привет break time девять s! speak"),
        ("[[h@l'oU]] да", "h собака l'oU да"),
        ("\x01[5Vраз\x00два\x1b[31m", "пять Vраз два тридцать один m"),
        ("--help -v en", "help v en"),
        ("Ура 😀🎉👨‍👩‍👧!", "Ура!"),
        ("раз\r\n\r\nдва", "раз. два"),
    ],
)
def test_mark_up_of_an_engine_is_spoken_as_text(written: str, spoken: str) -> None:
    """EC-112: mark-up in a text is spoken as words, and never commands the engine."""
    assert as_spoken(Language.RUSSIAN, written) == spoken


@pytest.mark.rule("T6")
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=300), language=st.sampled_from(Language))
@example(text="\ud800 [[x]] <a> \\ {b} \x01", language=Language.RUSSIAN)
@example(text="1" * 300, language=Language.RUSSIAN)
@example(text="٣٤ ½ ² ① ㊿ 〇", language=Language.ENGLISH)
@example(text="99.99.9999 9999-99-99 24:00 1-1-1-1 99-99-99-99", language=Language.RUSSIAN)
def test_whatever_is_written_only_words_and_pauses_reach_the_engine(text: str, language: Language) -> None:
    """Hostile text: no control character, no bracket of mark-up, no digit, no leading dash gets through."""
    spoken = as_spoken(language, text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f<>\[\]{}\\|^~_`=&@#*$€£₽%+/0-9]", spoken)
    assert not spoken.startswith("-")
    spoken.encode()


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(alphabet="0123456789.,:-–/ +()%₽$руб.минчг до с к в на", max_size=60),
    language=st.sampled_from(Language),
)
def test_whatever_numbers_are_written_each_gets_words(text: str, language: Language) -> None:
    """Nonsense of digits and signs is read somehow, with every digit, and never stops a notice."""
    spoken = as_spoken(language, text)
    assert not any(character.isdigit() for character in spoken)
    assert has_words(spoken) == has_words(as_spoken(language, spoken))
    if any(character.isdigit() for character in text):
        assert has_words(spoken)
