"""Every text of `apply`, in Russian and English: what is wrong in a file, and what differs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from contracts.directory import Language
from runtime.request_shape import Text


class Mistake(StrEnum):
    """What can be wrong in an office file, besides violations of the directory's rules."""

    ALIAS_REPEATS = "alias_repeats"
    ALIAS_SELF = "alias_self"
    CHOICE = "choice"
    DATE = "date"
    DAYS = "days"
    DEVICE_LATE = "device_late"
    DEVICE_NUMBER = "device_number"
    DEVICE_TWICE = "device_twice"
    DURATION = "duration"
    EMAIL = "email"
    EXTENSION = "extension"
    FILE_UNREAD = "file_unread"
    ID = "id"
    KEY_LIST = "key_list"
    KEY_TWICE = "key_twice"
    LARGE = "large"
    LIST = "list"
    MISSING = "missing"
    NAME = "name"
    NO_TEXT = "no_text"
    NO_YAML = "no_yaml"
    NOTICE = "notice"
    NOTICE_ONE = "notice_one"
    NUMBER = "number"
    OTHER = "other"
    SHORT = "short"
    SPAN_LONG = "span_long"
    SPAN_SHORT = "span_short"
    TEXT = "text"
    TIME = "time"
    TOO_LARGE = "too_large"
    TRUTH = "truth"
    UNKNOWN = "unknown"
    UNKNOWN_MEANT = "unknown_meant"
    WHOLE = "whole"
    WORDS = "words"


class Words(NamedTuple):
    """Cause and remedy in both languages; {…} are filled with values."""

    cause_ru: str
    cause_en: str
    remedy_ru: str
    remedy_en: str


SEE: Final = ("Смотрите examples/office.yaml", "See examples/office.yaml")
# One row per problem, whatever its length: a table is read across.
# fmt: off
WORDS: Final[dict[Mistake, Words]] = {
    Mistake.ALIAS_REPEATS: Words("ссылки в файле повторяют слишком много частей", "the file's aliases repeat too many parts", "Повторяйте меньше частей", "Repeat fewer of them"),
    Mistake.ALIAS_SELF: Words("ссылка здесь содержит саму себя", "an alias here contains itself", "Напишите значение целиком", "Write the value out"),
    Mistake.CHOICE: Words("значение «{value}» не подходит для «{word}»", "«{value}» is not a valid {word}", "Напишите одно из: {known}{guess}", "Write {known}{guess}"),
    Mistake.DATE: Words("«{value}» — не дата", "«{value}» is not a date", "Напишите год, месяц и день: 2026-12-31", "Write year, month and day: 2026-12-31"),
    Mistake.DAYS: Words("«{value}» — не день недели и не промежуток дней", "«{value}» is not a weekday or a span of weekdays", "Напишите {days} или промежуток, как mon-fri", "Write {days}, or a span such as mon-fri"),
    Mistake.DEVICE_LATE: Words("позже остальных может звонить только мобильный", "only a mobile can ring later than the other phones", "Уберите «after»", "Remove «after»"),
    Mistake.DEVICE_NUMBER: Words("на настольный телефон звонят по внутреннему номеру, на мобильный и SIM — по их номеру", "a desk phone is reached by its extension, a mobile and a SIM by their number", "Задайте номер для mobile и sim, но не для desk", "Give a number to mobile and sim, but not to desk"),
    Mistake.DEVICE_TWICE: Words("у сотрудника не больше одного настольного телефона и одного мобильного", "an employee has at most one desk phone and one mobile", "Уберите остальные", "Remove the others"),
    Mistake.DURATION: Words("«{value}» — не промежуток времени до 24 h", "«{value}» is not a time span of up to 24 h", "Напишите число и единицу: 20 s, 10 min, 1 h", "Write a number and a unit: 20 s, 10 min, 1 h"),
    Mistake.EMAIL: Words("«{value}» — не адрес электронной почты", "«{value}» is not an e-mail address", "Напишите name@company.example", "Write name@company.example"),
    Mistake.EXTENSION: Words("внутренний номер «{value}» должен состоять из 1–8 цифр", "extension «{value}» is not a number of 1 to 8 digits", "Напишите только цифры", "Write digits only"),
    Mistake.FILE_UNREAD: Words("файл {name} не читается", "the file {name} can't be read", "Пути указываются относительно папки файла офиса", "Paths are relative to the office file's folder"),
    Mistake.ID: Words("«{value}» — недопустимый код", "«{value}» is not a valid id", "Используйте строчные латинские буквы, цифры и дефисы; первой должна быть буква: sales-2", "Write lower-case letters, digits and dashes, beginning with a letter: sales-2"),
    Mistake.KEY_LIST: Words("слева от двоеточия — слово, а не список", "a key is a word, not a list", "Напишите «слово: …»", "Write «word: …»"),
    Mistake.KEY_TWICE: Words("«{key}» указано дважды, впервые в строке {line}", "«{key}» is here twice, first in line {line}", "Уберите или переименуйте одно из них", "Remove or rename one of them"),
    Mistake.LARGE: Words("число «{word}» слишком велико", "the number «{word}» is too large", "Напишите не больше {limit}", "Write at most {limit}"),
    Mistake.LIST: Words("«{word}» записано не списком", "«{word}» is not written as a list (lines with a dash)", "Пишите строки с дефисом. Смотрите examples/office.yaml", "See examples/office.yaml"),
    Mistake.MISSING: Words("здесь не хватает «{word}»", "«{word}» is missing here", "Добавьте строку `{word}: …`", "Add a line `{word}: …`"),
    Mistake.NAME: Words("имя — одна непустая строка до 100 знаков", "a name is one line of 1 to 100 characters, not blank", "Напишите его, как его произносят", "Write it as people say it"),
    Mistake.NO_TEXT: Words("это не текст в UTF-8: здесь байт {byte}", "this is not UTF-8 text: it has the byte {byte} here", "Сохраните файл в редакторе как UTF-8", "Save the file as UTF-8 in your editor"),
    Mistake.NO_YAML: Words("это не YAML{why}", "this is not YAML{why}", "Посмотрите на скобки, кавычки и пробелы этой строки и строки перед ней", "Look at the brackets, quotes and spaces of this line and the one before"),
    Mistake.NOTICE: Words("«{value}» — не уведомление", "«{value}» is not a notice", "Напишите standard, none, {{spoken: текст}} или {{uploaded: файл}}", "Write standard, none, {{spoken: a text}} or {{uploaded: a file}}"),
    Mistake.NOTICE_ONE: Words("уведомление задаётся одним способом", "a notice has exactly one of these forms", "Напишите standard, none, {{spoken: …}} или {{uploaded: …}}", "Write standard, none, {{spoken: …}} or {{uploaded: …}}"),
    Mistake.NUMBER: Words("«{value}» — не международный номер", "«{value}» is not an international number", "Напишите его с + и кодом страны: +7 495 …", "Write it with + and the country code: +7 495 …"),
    Mistake.OTHER: Words("значение «{word}» не подходит", "the value of «{word}» does not fit", *SEE),
    Mistake.SHORT: Words("значение «{word}» слишком мало или коротко", "«{word}» is too small or too short", "Нужно не меньше {limit}", "It needs at least {limit}"),
    Mistake.SPAN_LONG: Words("этот промежуток времени слишком велик", "this time span is too long", "Напишите {limit} s или меньше", "Write {limit} s or less"),
    Mistake.SPAN_SHORT: Words("этот промежуток времени слишком мал", "this time span is too short", "Напишите {limit} s или больше", "Write {limit} s or more"),
    Mistake.TEXT: Words("«{word}» — не строка текста", "«{word}» is not a line of text", *SEE),
    Mistake.TIME: Words("«{value}» — не время суток", "«{value}» is not a time of day", "Напишите часы и минуты: 09:00, до 24:00", "Write hours and minutes: 09:00, up to 24:00"),
    Mistake.TOO_LARGE: Words("в файле больше {limit} байт", "the file is larger than {limit} bytes", "Разделите его", "Split it"),
    Mistake.TRUTH: Words("«{value}» — не true и не false", "«{value}» is neither true nor false", "Напишите true или false", "Write true or false"),
    Mistake.UNKNOWN: Words("«{word}» здесь неизвестно", "«{word}» is unknown here", "Проверьте написание или уберите это. Допустимо: {known}", "Check its spelling, or remove it. Allowed: {known}"),
    Mistake.UNKNOWN_MEANT: Words("«{word}» здесь неизвестно", "«{word}» is unknown here", "Проверьте написание: возможно, имелось в виду «{meant}»?", "Check its spelling: did you mean «{meant}»?"),
    Mistake.WHOLE: Words("«{value}» — не целое число", "«{value}» is not a whole number", "Напишите число цифрами", "Write it in digits"),
    Mistake.WORDS: Words("«{word}» записано не парами «слово: значение»", "«{word}» is not written as keys with values", "Пишите строки «слово: значение». Смотрите examples/office.yaml", "See examples/office.yaml"),
}
# fmt: on
GUESS: Final = Text(ru="; возможно, имелось в виду «{meant}»?", en="; did you mean «{meant}»?")
TOO_DEEP: Final = Text(ru=": части вложены слишком глубоко", en=": parts are nested too deep")
BAD_CHARACTER: Final = Text(
    ru=": недопустимый символ {character}", en=": the character {character} is not allowed"
)
ERROR: Final = Text(ru="ошибка", en="error")
WARNING: Final = Text(ru="предупреждение", en="warning")
NOTE: Final = Text(ru="заметка", en="note")
FILE: Final = Text(ru="файл", en="the file")
NEW: Final = Text(ru="новых: {count}", en="{count} new")
CHANGED: Final = Text(ru="изменено: {count}", en="{count} changed")
NOTHING_CHANGED: Final = Text(ru="ничего не изменилось", en="nothing changed")
AS_BEFORE: Final = Text(ru="без изменений: {count}", en="{count} unchanged")
STAYS: Final = Text(
    ru="{kind} {id} — нет в файле, остаётся как есть", en="{kind} {id} is not in the file and stays as it is"
)
NO_DIRECTORY: Final = Text(
    ru="сравнивать не с чем: справочник не указан (RINGBACK_DIRECTORY_URL или `make up`)",
    en="compared with nothing, since no directory is named (RINGBACK_DIRECTORY_URL, or `make up`)",
)
NO_ORGANIZATION: Final = Text(
    ru="сравнивать не с чем: этой организации в справочнике ещё нет",
    en="compared with nothing, since the directory does not have this organization yet",
)
NOT_SAVED: Final = Text(ru="ничего не сохранено (--dry-run)", en="nothing was saved (--dry-run)")
NO_TOKEN: Final = Text(
    ru="{token} не задан: его делает администратор (POST /tokens с settings.read, settings.write, rules.write, "
    "а чтобы менять сотрудников и роли — ещё с roles.grant, secrets.write и всеми правами этих ролей), "
    "а для новой организации — администратор справочника: "
    "`python -m ringback operator admit {organization} --name ИМЯ`",
    en="{token} is not set: an administrator makes one (POST /tokens with settings.read, settings.write, "
    "rules.write; for people and roles also with roles.grant, secrets.write and every right of those roles); "
    "for a new organization the directory's operator makes one, by "
    "`python -m ringback operator admit {organization} --name NAME`",
)
NO_ANSWER: Final = Text(
    ru="{address}: нет ответа ({why}); см. {setting}", en="{address}: {why}; see {setting}"
)
NOT_A_DIRECTORY: Final = Text(
    ru="{address} — не справочник: {why}; см. {setting}",
    en="{address} is not a directory: {why}; see {setting}",
)
NOT_ADMITTED: Final = Text(ru="справочник не выдал токен: {why}", en="the directory gave no token: {why}")
KINDS: Final[Mapping[str, Text]] = {
    "organization": Text(ru="организация", en="organization"),
    "pbx": Text(ru="АТС", en="PBX"),
    "employee": Text(ru="сотрудник", en="employee"),
    "extension": Text(ru="внутренний номер", en="extension"),
    "department": Text(ru="отдел", en="department"),
    "notice": Text(ru="уведомление", en="notice"),
    "rules": Text(ru="личные звонки:", en="direct calls of"),
    "scenario": Text(ru="сценарий", en="scenario"),
}
"""Kinds of cards in words."""


class Explanation(NamedTuple):
    """A cause and a remedy in both languages."""

    cause: Text
    remedy: Text


def explained(mistake: Mistake, **values: str | Text) -> Explanation:
    """The explanation of a mistake, filled with its values."""
    words = WORDS[mistake]
    ru = {name: value.ru if isinstance(value, Text) else value for name, value in values.items()}
    en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    return Explanation(
        cause=Text(ru=words.cause_ru.format(**ru), en=words.cause_en.format(**en)),
        remedy=Text(ru=words.remedy_ru.format(**ru), en=words.remedy_en.format(**en)),
    )


def filled(text: Text, **values: str) -> Text:
    """A text with its values."""
    return Text(ru=text.ru.format(**values), en=text.en.format(**values))


def pick(text: Text, language: Language) -> str:
    """A text in one language."""
    return text.ru if language is Language.RUSSIAN else text.en
