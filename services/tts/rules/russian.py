"""Numbers, dates, times and amounts as Russian reads them: «до восемнадцати часов», «две минуты».

The preposition before a number and the ending of the word after it tell its case; that word tells its
gender, too. These are rules of thumb: a number whose case they can't tell is read in the nominative.
"""

import re
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec
from babel.dates import format_date
from num2words import num2words

from services.tts.rules import russian_date_times


class Case(StrEnum):
    """Grammatical case, by the letter that num2words uses."""

    NOMINATIVE = "n"
    GENITIVE = "g"
    DATIVE = "d"
    ACCUSATIVE = "a"
    INSTRUMENTAL = "i"
    PREPOSITIONAL = "p"


class Gender(StrEnum):
    """Grammatical gender, by the letter that num2words uses."""

    MASCULINE = "m"
    FEMININE = "f"
    NEUTER = "n"


class Noun(msgspec.Struct, frozen=True):
    """A counted noun: its forms after 1, 2 and 5, and its datives, singular and plural."""

    one: str
    few: str
    many: str
    dative: str
    datives: str
    gender: Gender = Gender.MASCULINE
    accusative: str = ""


DEGREE: Final = Noun("градус", "градуса", "градусов", "градусу", "градусам")
MINUTE: Final = Noun("минута", "минуты", "минут", "минуте", "минутам", Gender.FEMININE, "минуту")
SECOND: Final = Noun("секунда", "секунды", "секунд", "секунде", "секундам", Gender.FEMININE, "секунду")
HOUR: Final = Noun("час", "часа", "часов", "часу", "часам")
PERCENT: Final = Noun("процент", "процента", "процентов", "проценту", "процентам")
ROUBLE: Final = Noun("рубль", "рубля", "рублей", "рублю", "рублям")
KOPECK: Final = Noun("копейка", "копейки", "копеек", "копейке", "копейкам", Gender.FEMININE, "копейку")
DOLLAR: Final = Noun("доллар", "доллара", "долларов", "доллару", "долларам")
CENT: Final = Noun("цент", "цента", "центов", "центу", "центам")
EURO: Final = Noun("евро", "евро", "евро", "евро", "евро")
THOUSAND: Final = Noun("тысяча", "тысячи", "тысяч", "тысяче", "тысячам", Gender.FEMININE, "тысячу")
MILLION: Final = Noun("миллион", "миллиона", "миллионов", "миллиону", "миллионам")
MILLIARD: Final = Noun("миллиард", "миллиарда", "миллиардов", "миллиарду", "миллиардам")

_UNITS: Final[dict[str, tuple[Noun, Noun | None]]] = {
    "₽": (ROUBLE, KOPECK),
    "рублей": (ROUBLE, KOPECK),
    "рубля": (ROUBLE, KOPECK),
    "руб": (ROUBLE, KOPECK),
    "р": (ROUBLE, KOPECK),
    "коп": (KOPECK, None),
    "$": (DOLLAR, CENT),
    "€": (EURO, CENT),
    "%": (PERCENT, None),
    "°": (DEGREE, None),
    "тыс": (THOUSAND, None),
    "млн": (MILLION, None),
    "млрд": (MILLIARD, None),
    "мин": (MINUTE, None),
    "сек": (SECOND, None),
    "ч": (HOUR, None),
}
_PREPOSITIONS: Final[dict[str, Case]] = {
    **dict.fromkeys(
        (
            "в течение",
            "до",
            "с",
            "со",
            "от",
            "после",
            "около",
            "более",
            "менее",
            "больше",
            "меньше",
            "без",
            "для",
            "из",
            "у",
        ),
        Case.GENITIVE,
    ),
    **dict.fromkeys(("к", "ко"), Case.DATIVE),
    **dict.fromkeys(("в", "во", "на", "по", "за", "через"), Case.ACCUSATIVE),
}
_ENDINGS: Final[tuple[tuple[tuple[str, ...], Case], ...]] = (
    (("ами", "ями", "ьми"), Case.INSTRUMENTAL),
    (("ам", "ям"), Case.DATIVE),
    (("ах", "ях"), Case.PREPOSITIONAL),
)
_SUFFIXES: Final[dict[str, tuple[Case, Gender]]] = {
    "го": (Case.GENITIVE, Gender.MASCULINE),
    "му": (Case.DATIVE, Gender.MASCULINE),
    "й": (Case.NOMINATIVE, Gender.MASCULINE),
    "я": (Case.NOMINATIVE, Gender.FEMININE),
    "ю": (Case.ACCUSATIVE, Gender.FEMININE),
    "е": (Case.NOMINATIVE, Gender.NEUTER),
    "м": (Case.PREPOSITIONAL, Gender.MASCULINE),
}
_BEFORE: Final = (
    rf"(?<!\w)(?:(?P<before>{'|'.join(_PREPOSITIONS)})\s+(?P<sign>(?:плюс-минус|минус|плюс)\s+)?)?"
)
_COUNT: Final = r"(?:\d{1,3}(?: \d{3})+|\d+)"
_CLOCK: Final = r"(?:(?:[01]?\d|2[0-3]):[0-5]\d|24:00)"
_RANGE: Final = re.compile(
    rf"(?<!\w)(?P<with>со?\s+)?(?P<from>{_CLOCK}|\d\d?)\s*[-–—]\s*(?P<until>{_CLOCK})(?![\w:])"
)
_TIME: Final = re.compile(rf"{_BEFORE}(?P<time>{_CLOCK})(?![\w:])", re.IGNORECASE)
_DATE: Final = re.compile(
    rf"{_BEFORE}(?:(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}})|(?P<y2>\d{{4}})-(?P<m2>\d\d)-(?P<d2>\d\d))"
    r"(?:\s*(?:года|г\.))?(?![\w])",
    re.IGNORECASE,
)
_MONTH: Final = "(?P<month>января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_DAYS: Final = re.compile(
    rf"(?<!\w)(?:со?\s+)?(?P<from>{_DAY})\s*[-–—]\s*(?P<until>{_DAY})(?=\s+{_MONTH}(?!\w))", re.IGNORECASE
)
_FIRST_DAY: Final = re.compile(
    rf"(?<!\w)(?P<before>со?|от)\s+(?P<d>{_DAY})(?=\s+(?:по|до)\s+{_DAY}\s+{_MONTH}(?!\w))", re.IGNORECASE
)
_NAMED_DATE: Final = re.compile(
    rf"{_BEFORE}(?P<d>{_DAY})\s+{_MONTH}(?:\s+(?P<y>[12]\d{{3}})(?:\s*(?:года|г\.?)(?!\w))?)?(?!\w)",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(rf"{_BEFORE}(?P<y>[12]\d{{3}})\s+(?P<word>год(?:а|у|ом)?)(?!\w)", re.IGNORECASE)
_UNIT: Final = re.compile(
    rf"{_BEFORE}(?P<n>{_COUNT})(?:[.,](?P<part>\d{{1,6}}))?\s?"
    r"(?P<unit>₽|\$|€|%|°|(?:рублей|рубля|руб|коп|тыс|млн|млрд|мин|сек|р|ч)(?!\w)\.?)",
    re.IGNORECASE,
)
_SIGN_FIRST: Final = re.compile(rf"(?P<unit>[$€₽])\s?(?P<n>{_COUNT}(?:[.,]\d{{1,2}})?)(?!\d)")
_ORDINAL: Final = re.compile(r"(?<!\w)(?P<n>\d{1,6})-(?P<end>го|му|й|я|ю|е|м)(?!\w)", re.IGNORECASE)
_DECIMAL: Final = re.compile(r"(?<![\w.,])(?P<n>\d{1,12})[.,](?P<part>\d{1,6})(?![\w]|[.,]\d)")
_COUNTED: Final = re.compile(rf"{_BEFORE}(?P<n>{_COUNT})(?!\w)(?=(?:\s+(?P<after>[а-яё]+))?)", re.IGNORECASE)
_FROM_TO: Final = re.compile(
    rf"{_BEFORE}(?<![\w.,:/-])(?P<n>\d{{1,9}})\s?[-–—]\s?(?P<m>\d{{1,9}})(?![\w:/]|[.,]\d|-\w)"
    r"(?:\s?(?P<unit>₽|\$|€|%|°|(?:руб|коп|тыс|млн|млрд|мин|сек|ч)(?!\w)\.?))?"
    r"(?=(?:\s+(?P<after>[а-яё]+))?)",
    re.IGNORECASE,
)
_FEMININE: Final = re.compile(r"минут|секунд|недел|тысяч|копе|штук|станци|остановк|лини|заявк|попыт|позици")
"""Feminine nouns that offices count; their genitive plural does not show the gender."""
_DIGITS_MAX: Final = 9
"""A longer row is not a count that people say in words; it is read digit by digit."""


def cardinal(number: int, case: Case = Case.NOMINATIVE, gender: Gender = Gender.MASCULINE) -> str:
    """«двадцать одна», «двадцати одной»; counted nouns here are inanimate."""
    return str(num2words(number, lang="ru", case=case.value, gender=gender.value, animate=False))


def counted(number: int, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
    """A number with what it counts, in agreement: «двадцать одна минута», «до двух минут»."""
    return f"{cardinal(number, case, noun.gender)} {_form(number, noun, case)}"


def _form(number: int, noun: Noun, case: Case) -> str:
    is_one = number % 10 == 1 and number % 100 != 11
    is_few = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
    match case:
        case Case.GENITIVE:
            return noun.few if is_one else noun.many
        case Case.DATIVE:
            return noun.dative if is_one else noun.datives
        case Case.ACCUSATIVE if is_one:
            return noun.accusative or noun.one
        case _:
            return noun.one if is_one else noun.few if is_few else noun.many


def digits(row: str) -> str:
    """A row of digits, one by one."""
    return " ".join(cardinal(int(digit)) for digit in row)


def read(text: str) -> str:
    """Put words in place of every number of a text; phone numbers are replaced already."""
    text = re.sub(r"(?<!\d)24/7(?!\d)", "двадцать четыре часа семь дней в неделю", text)
    text = re.sub(r"(?<!\w)доб\.", "добавочный", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<!\w)тел\.", "телефон", text, flags=re.IGNORECASE)
    text = russian_date_times.read(text)
    text = _RANGE.sub(_read_range, text)
    text = _DATE.sub(_read_date, text)
    text = _DAYS.sub(r"с \g<from> по \g<until>", text)
    text = _FIRST_DAY.sub(lambda found: f"{found['before']} {ordinal(found['d'], Case.GENITIVE)}", text)
    text = _NAMED_DATE.sub(_read_named_date, text)
    text = _YEAR.sub(_read_year, text)
    text = _TIME.sub(_read_time, text)
    text = _SIGN_FIRST.sub(r"\g<n> \g<unit>", text)
    text = _FROM_TO.sub(_read_from_to, text)
    text = _UNIT.sub(_read_unit, text)
    text = _ORDINAL.sub(_read_ordinal, text)
    text = _DECIMAL.sub(lambda found: _decimal(found["n"], found["part"]), text)
    text = _COUNTED.sub(_read_counted, text)
    return re.sub(r"\d+", lambda found: f" {_plain(found[0], Case.NOMINATIVE)} ", text)


def _before(found: re.Match[str]) -> tuple[str, Case]:
    """The preposition as it is written, with its space, and the case that it takes."""
    before = found["before"]
    if not before:
        return "", Case.NOMINATIVE
    return f"{before} {found['sign'] or ''}", _PREPOSITIONS[" ".join(before.lower().split())]


def _clock(text: str, case: Case) -> str:
    if ":" not in text:
        return cardinal(int(text), case)
    hour, minute = (int(part) for part in text.split(":"))
    return (
        f"{counted(hour, HOUR, case)} {counted(minute, MINUTE, case)}"
        if minute
        else counted(hour, HOUR, case)
    )


def _read_range(found: re.Match[str]) -> str:
    start, end = _clock(found["from"], Case.GENITIVE), _clock(found["until"], Case.GENITIVE)
    return f"{found['with'] or 'с '}{start} до {end}"


def _read_time(found: re.Match[str]) -> str:
    before, case = _before(found)
    return before + _clock(found["time"], case)


def _read_date(found: re.Match[str]) -> str:
    year, month, day = (int(found[name] or found[f"{name}2"]) for name in "ymd")
    try:
        when = date(year, month, day)
    except ValueError:  # there is no such day: its numbers are read
        return found[0].replace(".", " ").replace("-", " ")
    before, named = _day(found, str(day))
    of_month = format_date(when, "d MMMM", locale="ru").split(" ", 1)[1]
    return f"{before}{named} {of_month} {_of_year(str(year))}"


def _read_named_date(found: re.Match[str]) -> str:
    before, named = _day(found, found["d"])
    of_year = f" {_of_year(found['y'])}" if found["y"] else ""
    end = "." if found[0].endswith(".") and _ends(found) else ""
    return f"{before}{named} {found['month']}{of_year}{end}"


def _day(found: re.Match[str], day: str) -> tuple[str, str]:
    """The preposition before a date and the day in its case: «до» «первого», «к» «первому», «по» «первое»."""
    before, case = _before(found)
    # A date without a preposition is in the genitive: «двадцать первого ноября мы не работаем».
    return before, ordinal(day, Case.GENITIVE if case is Case.NOMINATIVE else case, Gender.NEUTER)


def _of_year(year: str) -> str:
    return f"{ordinal(year, Case.GENITIVE)} года"


def _read_year(found: re.Match[str]) -> str:
    before, _ = _before(found)
    word = found["word"].lower()
    dative = Case.DATIVE if before.strip().lower() in ("к", "ко") else Case.PREPOSITIONAL
    case = {"год": Case.NOMINATIVE, "года": Case.GENITIVE, "году": dative, "годом": Case.INSTRUMENTAL}[word]
    return f"{before}{ordinal(found['y'], case)} {found['word']}"


def ordinal(number: str, case: Case, gender: Gender = Gender.MASCULINE) -> str:
    """«третье», «третьего»."""
    return str(
        num2words(int(number), lang="ru", to="ordinal", case=case.value, gender=gender.value, animate=False)
    )


def _read_unit(found: re.Match[str]) -> str:
    before, case = _before(found)
    noun, small = _UNITS[found["unit"].lower().rstrip(".")]
    count, part = found["n"].replace(" ", ""), found["part"]
    if len(count) > _DIGITS_MAX:
        return f"{before}{digits(count)} {noun.many}"
    if part is None:
        said = counted(int(count), noun, case)
    elif small is not None and len(part) <= 2:
        cents = int(part.ljust(2, "0"))
        said = counted(int(count), noun, case) + (f" {counted(cents, small, case)}" if cents else "")
    else:
        said = f"{_decimal(count, part)} {noun.few}"
    return before + said + ("." if found["unit"].endswith(".") and _ends(found) else "")


def _ends(found: re.Match[str]) -> bool:
    """Whether the dot of an abbreviation also ends the sentence: nothing or a capital letter follows."""
    rest = found.string[found.end() :].lstrip()
    return not rest or rest[0].isupper()


def _read_ordinal(found: re.Match[str]) -> str:
    return ordinal(found["n"], *_SUFFIXES[found["end"].lower()])


def _decimal(whole: str, part: str) -> str:
    return str(num2words(f"{int(whole)}.{part}", lang="ru")) if int(part) else cardinal(int(whole))


def _read_from_to(found: re.Match[str]) -> str:
    """«одна-две минуты», «с девяти до восемнадцати часов»: both numbers agree with what is counted."""
    first, last = int(found["n"]), int(found["m"])
    if first >= last:  # «дом 10-2» is not a range
        return found[0]
    before, case = _before(found)
    noun = _UNITS[found["unit"].lower().rstrip(".")][0] if found["unit"] else None
    after = (found["after"] or "").lower()
    case = _demanded(case, after)
    if before.strip().lower() in ("с", "со") and case is Case.GENITIVE:
        return f"{before}{cardinal(first, case)} до {cardinal(last, case)}" + (
            f" {_form(last, noun, case)}" if noun else ""
        )
    if noun is not None:
        end = "." if found["unit"].endswith(".") and _ends(found) else ""
        return f"{before}{cardinal(first, case, noun.gender)}-{counted(last, noun, case)}{end}"
    gender = Gender.FEMININE if _FEMININE.match(after) else _gender(last % 100, after, case)
    return f"{before}{_plain(found['n'], case, gender)}-{_plain(found['m'], case, gender)}"


def _demanded(case: Case, after: str) -> Case:
    """The case that the ending of a counted noun shows, else that of the preposition."""
    for endings, demanded in _ENDINGS:
        if after.endswith(endings):
            return demanded
    return case


def _read_counted(found: re.Match[str]) -> str:
    before, case = _before(found)
    after = (found["after"] or "").lower()
    if after in _PREPOSITIONS:
        after = ""
    row = found["n"].replace(" ", "")
    case = _demanded(case, after)
    if case is Case.NOMINATIVE and row.endswith("1") and after.endswith(("у", "ю")):
        case = Case.ACCUSATIVE
    return before + _plain(row, case, _gender(int(row[-2:]), after, case))


def _gender(number: int, after: str, case: Case) -> Gender:
    """The gender of a counted noun by its ending: «две минуты», «два стола», «одно окно»."""
    units = number % 10
    if number in (11, 12) or units not in (1, 2) or not after:
        return Gender.MASCULINE
    if units == 2:
        return Gender.FEMININE if after.endswith(("ы", "и")) else Gender.MASCULINE
    if case is Case.GENITIVE:
        return Gender.FEMININE if after.endswith(("ы", "и")) else Gender.MASCULINE
    if after.endswith(("а", "я", "у", "ю")):
        return Gender.FEMININE
    return Gender.NEUTER if after.endswith(("о", "е")) else Gender.MASCULINE


def _plain(row: str, case: Case, gender: Gender = Gender.MASCULINE) -> str:
    if len(row) > _DIGITS_MAX or (row.startswith("0") and len(row) > 1):
        return digits(row)
    return cardinal(int(row), case, gender)
