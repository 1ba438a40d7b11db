"""Explains what is wrong with the shape of a value from outside, in words for people: Russian and English.

    faults(value: Any, type_: Any, forms: Forms) -> list[Fault]

One mechanism for every API. msgspec judges each value, but it stops at the first fault, names no key of a
mapping, and writes for programmers. So this module walks through a value and its type, field by field; where
msgspec refuses a field, the fault gets its place, cause and remedy. `forms` says in words what each pattern
requires.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from msgspec import Struct, UnsetType, inspect, structs

from contracts.plain_text import LINE_PATTERN, TEXT_PATTERN
from runtime.spelling import meant

FAULTS_MAX: Final = 100
"""A user repairs the first faults first; a thousand more do not help."""
SHOWN_MAX: Final = 60
"""The refused value may be long."""


class Text(Struct, frozen=True, kw_only=True):
    """A text in Russian and English."""

    ru: str
    en: str


Forms = Mapping[str, Text]
"""What each pattern requires, in words."""
TEXT_FORMS: Final[Forms] = {
    LINE_PATTERN: Text(
        ru="одну строку без управляющих и невидимых символов",
        en="one line without control and invisible characters",
    ),
    TEXT_PATTERN: Text(
        ru="текст без управляющих и невидимых символов; переводы строк можно",
        en="text without control and invisible characters; line ends are allowed",
    ),
}
"""The patterns of texts that are free otherwise."""


class Fault(Struct, frozen=True, kw_only=True):
    """What does not fit, and what to do; `field` is the dotted path in the sent value.

    The words were made of `kind` and `values`.
    """

    field: str
    cause: Text
    remedy: Text
    kind: "Kind"
    values: dict[str, str | Text]


class Kind(StrEnum):
    """What can be wrong with a value's shape."""

    CHOICE = "choice"
    CHOICE_MEANT = "choice_meant"
    DATE = "date"
    EMPTY = "empty"
    FORM = "form"
    LARGE = "large"
    LIST_EMPTY = "list_empty"
    LONG = "long"
    LONG_LIST = "long_list"
    MISSING = "missing"
    NO_BODY = "no_body"
    NO_JSON = "no_json"
    NO_OBJECT = "no_object"
    OTHER = "other"
    SHORT = "short"
    SHORT_LIST = "short_list"
    SMALL = "small"
    TYPE = "type"
    UNKNOWN = "unknown"
    UNKNOWN_MEANT = "unknown_meant"


Pair = tuple[str, str]
# One row per kind, whatever its length: a table is read across.
# fmt: off
WORDS: Final[dict[Kind, tuple[Pair, Pair]]] = {
    Kind.CHOICE: (("Поле «{field}» не может быть «{value}».", "«{field}» can't be «{value}»."), ("Допустимо: {known}.", "Allowed: {known}.")),
    Kind.CHOICE_MEANT: (("Поле «{field}» не может быть «{value}». Возможно, имелось в виду «{meant}»?", "«{field}» can't be «{value}». Did you mean «{meant}»?"), ("Допустимо: {known}.", "Allowed: {known}.")),
    Kind.DATE: (("В поле «{field}» — не дата.", "«{field}» is not a date."), ("Напишите год, месяц и день: 2026-12-31.", "Write year, month and day: 2026-12-31.")),
    Kind.EMPTY: (("Поле «{field}» пустое.", "«{field}» is empty."), ("Заполните его.", "Fill it in.")),
    Kind.FORM: (("У поля «{field}» неверный формат.", "«{field}» has the wrong format."), ("Нужно: {wanted}.", "Write {wanted}.")),
    Kind.LARGE: (("Число в поле «{field}» слишком велико.", "The number in «{field}» is too large."), ("Напишите не больше {limit}.", "Write at most {limit}.")),
    Kind.LIST_EMPTY: (("Список «{field}» пуст.", "The list «{field}» is empty."), ("Добавьте в него хотя бы одно значение.", "Add at least one value.")),
    Kind.LONG: (("Текст в поле «{field}» слишком длинный.", "The text in «{field}» is too long."), ("Сократите его: предел в символах — {limit}.", "Shorten it: the maximum in characters is {limit}.")),
    Kind.LONG_LIST: (("В списке «{field}» слишком много значений.", "The list «{field}» has too many values."), ("Оставьте не больше {limit}.", "Keep at most {limit}.")),
    Kind.MISSING: (("Нет поля «{field}».", "«{field}» is missing."), ("Добавьте его.", "Add it.")),
    Kind.NO_BODY: (("У запроса нет тела.", "The request has no body."), ("Пошлите объект JSON.", "Send a JSON object.")),
    Kind.NO_JSON: (("Тело запроса — не JSON.", "The request's body is not JSON."), ("Проверьте скобки, кавычки и запятые; кодировка — UTF-8.", "Check brackets, quotes and commas; the encoding is UTF-8.")),
    Kind.NO_OBJECT: (("Тело запроса — не объект JSON.", "The request's body is not a JSON object."), ("Пошлите поля в фигурных скобках.", "Send its fields in braces.")),
    Kind.OTHER: (("Значение поля «{field}» не подходит.", "The value of «{field}» does not fit."), ("Сверьтесь с описанием API: /schema/openapi.json на внутреннем порту службы.", "Compare it with the description of the API: /schema/openapi.json on the service's internal port.")),
    Kind.SHORT: (("Текст в поле «{field}» слишком короткий.", "The text in «{field}» is too short."), ("Дополните его: наименьшая длина в символах — {limit}.", "Lengthen it: the minimum in characters is {limit}.")),
    Kind.SHORT_LIST: (("В списке «{field}» слишком мало значений.", "The list «{field}» has too few values."), ("Нужно не меньше {limit}.", "It needs at least {limit}.")),
    Kind.SMALL: (("Число в поле «{field}» слишком мало.", "The number in «{field}» is too small."), ("Напишите не меньше {limit}.", "Write at least {limit}.")),
    Kind.TYPE: (("У поля «{field}» неверный тип: {got}.", "«{field}» has the wrong type: {got}."), ("Нужно: {wanted}.", "It needs {wanted}.")),
    Kind.UNKNOWN: (("Поле «{field}» неизвестно.", "«{field}» is unknown."), ("Уберите его. Допустимо: {known}.", "Remove it. Allowed: {known}.")),
    Kind.UNKNOWN_MEANT: (("Поле «{field}» неизвестно. Возможно, имелось в виду «{meant}»?", "«{field}» is unknown. Did you mean «{meant}»?"), ("Допустимо: {known}.", "Allowed: {known}.")),
}
# fmt: on
TEXT: Final = Text(ru="текст в кавычках", en="text in quotes")
WHOLE: Final = Text(ru="целое число", en="a whole number")
NUMBER: Final = Text(ru="число", en="a number")
TRUTH: Final = Text(ru="true или false", en="true or false")
LIST: Final = Text(ru="список в квадратных скобках", en="a list in brackets")
OBJECT: Final = Text(ru="объект с полями в фигурных скобках", en="an object with fields in braces")
NULL: Final = Text(ru="пустое значение, null", en="an empty value, null")

_SEEN: Final[dict[type, Text]] = {
    NoneType: NULL,
    bool: TRUTH,
    int: NUMBER,
    float: Text(ru="дробное число", en="a fraction"),
    str: Text(ru="текст", en="text"),
    list: Text(ru="список", en="a list"),
    dict: Text(ru="объект", en="an object"),
}


def fault(kind: Kind, field: str, **values: str | Text) -> Fault:
    """A fault at a place, its texts filled with values."""
    filled = {"field": field, **values}
    ru = {name: value.ru if isinstance(value, Text) else value for name, value in filled.items()}
    en = {name: value.en if isinstance(value, Text) else value for name, value in filled.items()}
    cause, remedy = WORDS[kind]
    return Fault(
        field=field,
        cause=Text(ru=cause[0].format(**ru), en=cause[1].format(**en)),
        remedy=Text(ru=remedy[0].format(**ru), en=remedy[1].format(**en)),
        kind=kind,
        values=values,
    )


def faults(value: Any, type_: Any, forms: Forms, field: str = "") -> list[Fault]:
    """All faults in the order of the fields, FAULTS_MAX at most."""
    return list(itertools.islice(_found(value, type_, forms, field), FAULTS_MAX))


def unknown(word: str, known: Iterable[str], field: str) -> Fault:
    """A fault for an unknown word, with the word that was probably meant."""
    listed = sorted(known)
    near = meant(word, listed)
    text = ", ".join(listed) or "—"
    if near is None:
        return fault(Kind.UNKNOWN, field, known=text)
    return fault(Kind.UNKNOWN_MEANT, field, known=text, meant=near)


def _found(value: Any, type_: Any, forms: Forms, field: str) -> Iterator[Fault]:
    plain, *_ = parts(type_)
    if isinstance(plain, type) and issubclass(plain, Struct) and isinstance(value, dict):
        yield from _of_object(value, plain, forms, field)
        return
    inner = get_args(plain)
    if get_origin(plain) is tuple and isinstance(value, list):
        yield from _of_size(len(value), type_, field)
        for position, each in enumerate(value):
            yield from _found(each, inner[0], forms, _beneath(field, str(position)))
    elif get_origin(plain) is dict and isinstance(value, dict):
        yield from _of_size(len(value), type_, field)
        for key, each in value.items():
            yield from _of_one(key, inner[0], forms, _beneath(field, key))
            yield from _found(each, inner[1], forms, _beneath(field, key))
    else:
        yield from _of_one(value, type_, forms, field)


def _beneath(field: str, word: str) -> str:
    word = word if len(word) <= SHOWN_MAX else f"{word[:SHOWN_MAX]}…"
    return f"{field}.{word}" if field else word


def parts(type_: Any) -> list[Any]:
    """The types that a type consists of, without their limits, None and «left out»."""
    if get_origin(type_) is Annotated:
        return parts(get_args(type_)[0])
    if get_origin(type_) in (Union, UnionType):
        return [part for each in get_args(type_) if each not in (NoneType, UnsetType) for part in parts(each)]
    return [type_]


def _of_object(value: dict[str, Any], type_: type[Struct], forms: Forms, field: str) -> Iterator[Fault]:
    fields = {each.encode_name: each for each in structs.fields(type_)}
    for name in value:
        if name not in fields and type_.__struct_config__.forbid_unknown_fields:
            yield unknown(name, fields, _beneath(field, name))
    for name, each in fields.items():
        here = _beneath(field, name)
        if name in value:
            yield from _found(value[name], each.type, forms, here)
        elif each.required:
            yield fault(Kind.MISSING, here)


def _of_one(value: Any, type_: Any, forms: Forms, field: str) -> Iterator[Fault]:
    """Faults of a value that msgspec judges as a whole; as in an API, text may stand for a number."""
    try:
        msgspec.convert(value, type_, strict=False, str_keys=True)
    except msgspec.ValidationError:
        yield _refused(value, _wanted_type(inspect.type_info(type_)), forms, field)


def _wanted_type(info: inspect.Type) -> inspect.Type:
    """The type itself, without its limits and without «or null»: a value has one type here."""
    if isinstance(info, inspect.Metadata):
        return _wanted_type(info.type)
    if isinstance(info, inspect.UnionType):
        return _wanted_type(next(each for each in info.types if not isinstance(each, inspect.NoneType)))
    return info


def _refused(value: Any, info: inspect.Type, forms: Forms, field: str) -> Fault:
    """Why a value does not fit a type."""
    match info:
        case inspect.StrType() if isinstance(value, str):
            return _of_text(value, info, forms, field)
        case inspect.IntType() | inspect.FloatType():
            return _of_number(value, info, field)
        case inspect.EnumType() | inspect.LiteralType() if not isinstance(value, dict | list):
            return _of_choice(value, info, field)
        case inspect.DateType() | inspect.DateTimeType() if isinstance(value, str):
            return fault(Kind.DATE, field)
    return _of_type(value, info, field)


def _of_type(value: Any, info: inspect.Type, field: str) -> Fault:
    if not field:
        return fault(Kind.NO_OBJECT, field)
    return fault(Kind.TYPE, field, got=_SEEN.get(type(value), NULL), wanted=_wanted(info))


def _wanted(info: inspect.Type) -> Text:
    match info:
        case inspect.BoolType():
            return TRUTH
        case inspect.IntType():
            return WHOLE
        case inspect.FloatType():
            return NUMBER
        case inspect.VarTupleType() | inspect.ListType():
            return LIST
        case inspect.StructType() | inspect.DictType():
            return OBJECT
        case _:
            return TEXT


def _of_text(value: str, info: inspect.StrType, forms: Forms, field: str) -> Fault:
    if not value.strip():
        return fault(Kind.EMPTY, field)
    if info.max_length is not None and len(value) > info.max_length:
        return fault(Kind.LONG, field, limit=str(info.max_length))
    if info.min_length is not None and len(value) < info.min_length:
        return fault(Kind.SHORT, field, limit=str(info.min_length))
    wanted = forms.get(info.pattern or "")
    return fault(Kind.OTHER, field) if wanted is None else fault(Kind.FORM, field, wanted=wanted)


def _of_number(value: Any, info: inspect.IntType | inspect.FloatType, field: str) -> Fault:
    number = _number(value)
    if number is not None and info.ge is not None and number < info.ge:
        return fault(Kind.SMALL, field, limit=str(info.ge))
    if number is not None and info.le is not None and number > info.le:
        return fault(Kind.LARGE, field, limit=str(info.le))
    return _of_type(value, info, field)


def _number(value: Any) -> float | None:
    """A number, or text that stands for one, as an API reads it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return float(value) if isinstance(value, str | float) else None
    except ValueError:
        return None


def _of_choice(value: Any, info: inspect.EnumType | inspect.LiteralType, field: str) -> Fault:
    said = str(value)[:SHOWN_MAX]
    listed = [each.value for each in info.cls] if isinstance(info, inspect.EnumType) else list(info.values)
    known = [str(each) for each in listed]
    near = meant(said, known)
    text = ", ".join(known)
    if near is None:
        return fault(Kind.CHOICE, field, value=said, known=text)
    return fault(Kind.CHOICE_MEANT, field, value=said, known=text, meant=near)


def _of_size(length: int, type_: Any, field: str) -> Iterator[Fault]:
    """The allowed number of values, in words."""
    info = _wanted_type(inspect.type_info(type_))
    assert isinstance(info, inspect.VarTupleType | inspect.DictType)
    if info.max_length is not None and length > info.max_length:
        yield fault(Kind.LONG_LIST, field, limit=str(info.max_length))
    elif length < (info.min_length or 0):
        kind = Kind.LIST_EMPTY if length == 0 else Kind.SHORT_LIST
        yield fault(kind, field, limit=str(info.min_length))
