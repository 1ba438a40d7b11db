"""Faults in a request's shape are explained in plain words, each with its place."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.plain_text import END
from runtime import request_shape
from runtime.request_shape import Fault, Text
from runtime.spelling import meant

NUMBER = rf"^\+[1-9][0-9]{{4,14}}{END}"
FORMS = {NUMBER: Text(ru="номер", en="a number with its country code")}
Number = Annotated[str, Meta(pattern=NUMBER)]


class Role(StrEnum):
    USER = "user"
    ADMINISTRATOR = "administrator"


class Shift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    days: Annotated[tuple[Annotated[int, Meta(ge=0, le=6)], ...], Meta(min_length=1, max_length=7)]
    from_minute: Annotated[int, Meta(ge=0, le=1_440)] = 0


class Card(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=10)]
    role: Role = Role.USER
    number: Number | None = None
    numbers: Annotated[tuple[Number, ...], Meta(max_length=2)] = ()
    delay_ms: Annotated[int, Meta(ge=0, le=120_000)] = 0
    is_on: bool = True
    since: date | None = None
    title: str | UnsetType = UNSET
    hours: tuple[Shift, ...] | None = None
    others: dict[Annotated[str, Meta(pattern=f"^[a-z]+{END}")], Shift] = {}


def found(**fields: Any) -> Fault:
    """The only fault of a card with these fields."""
    (fault,) = request_shape.faults({"name": "Анна", **fields}, Card, FORMS)
    return fault


@pytest.mark.parametrize(
    ("fields", "field", "cause", "remedy"),
    [
        ({"nmae": "x"}, "nmae", "«nmae» is unknown. Did you mean «name»?", "Allowed: delay_ms,"),
        ({"colour": "x"}, "colour", "«colour» is unknown.", "Remove it. Allowed: delay_ms,"),
        ({"name": ""}, "name", "«name» is empty.", "Fill it in."),
        ({"name": "x" * 11}, "name", "The text in «name» is too long.", "Shorten it: the maximum in"),
        ({"name": 7}, "name", "«name» has the wrong type: a number.", "It needs text in quotes."),
        ({"name": None}, "name", "«name» has the wrong type: an empty", "It needs text in quotes."),
        ({"role": "admin"}, "role", "«role» can't be «admin». Did you mean «administrator»?", "Allowed: "),
        ({"role": "boss"}, "role", "«role» can't be «boss».", "Allowed: user, administrator."),
        ({"number": "8 916"}, "number", "«number» has the wrong format.", "Write a number with"),
        ({"numbers": ["+79161234567", "8"]}, "numbers.1", "«numbers.1» has the wrong", "Write a number"),
        ({"numbers": ["+79161234567"] * 3}, "numbers", "The list «numbers» has too many", "Keep at most 2"),
        ({"numbers": "+79161234567"}, "numbers", "«numbers» has the wrong type: text.", "It needs a list"),
        ({"delay_ms": -1}, "delay_ms", "The number in «delay_ms» is too small.", "Write at least 0."),
        ({"delay_ms": 10**40}, "delay_ms", "The number in «delay_ms» is too large.", "Write at most 120000."),
        ({"delay_ms": 5.5}, "delay_ms", "«delay_ms» has the wrong type: a fraction.", "It needs a whole"),
        ({"is_on": "maybe"}, "is_on", "«is_on» has the wrong type: text.", "It needs true or false."),
        ({"since": "yesterday"}, "since", "«since» is not a date.", "Write year, month and day: 2026-12-31."),
        ({"hours": [{"days": []}]}, "hours.0.days", "The list «hours.0.days» is empty.", "Add at least one"),
        ({"hours": [{"days": [7]}]}, "hours.0.days.0", "The number in «hours.0.days.0»", "Write at most 6"),
        ({"hours": [{}]}, "hours.0.days", "«hours.0.days» is missing.", "Add it."),
        ({"others": {"ab": {}}}, "others.ab.days", "«others.ab.days» is missing.", "Add it."),
        ({"others": {"ab": []}}, "others.ab", "«others.ab» has the wrong type: a list.", "It needs an"),
    ],
)  # fmt: skip
def test_n7_each_of_the_commonest_mistakes_has_its_words_and_its_place(
    fields: dict[str, Any], field: str, cause: str, remedy: str
) -> None:
    """A user can repair a wrong card without reading code."""
    fault = found(**fields)
    assert fault.field == field
    assert fault.cause.en.startswith(cause)
    assert fault.remedy.en.startswith(remedy)


def test_n7_every_mistake_is_told_at_once_in_the_order_of_the_fields() -> None:
    """A user wants to repair a card in one pass."""
    faults = request_shape.faults({"x": 1, "delay_ms": -1, "hours": [{"days": [9]}, 3]}, Card, FORMS)
    assert [fault.field for fault in faults] == ["x", "name", "delay_ms", "hours.0.days.0", "hours.1"]


@pytest.mark.parametrize("body", [None, 1, "x", [], [{}], True])
def test_n7_a_body_that_is_no_object_is_called_so(body: Any) -> None:
    """There is no field to name."""
    (fault,) = request_shape.faults(body, Card, FORMS)
    assert (fault.field, fault.cause.en) == ("", "The request's body is not a JSON object.")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(Card.__struct_fields__), inner)
    ),
    max_leaves=12,
)


@given(json)
def test_n7_whatever_is_refused_is_told_and_whatever_is_taken_is_not(value: Any) -> None:
    """The words must not disagree with msgspec, which decides, nor speak in its language."""
    try:
        msgspec.convert(value, Card, strict=False)
        is_taken = True
    except msgspec.ValidationError:
        is_taken = False
    faults = request_shape.faults(value, Card, FORMS)
    assert bool(faults) != is_taken
    for fault in faults:
        assert "Expected" not in fault.cause.en
        assert "`" not in fault.cause.en + fault.remedy.en


def test_n7_what_stood_there_is_cut() -> None:
    """An answer must not repeat a long value."""
    assert len(found(**{"y" * 5_000: 1}).cause.en) < 200
    assert len(found(role="z" * 5_000).cause.en) < 200


@pytest.mark.parametrize(
    ("word", "known", "likely"),
    [
        ("nmae", ["name", "kind"], "name"),
        ("Sales", ["sales"], "sales"),
        ("qq", ["name"], None),
        ("", [], None),
    ],
)
def test_n10_a_word_is_taken_for_the_one_it_is_most_like(
    word: str, known: list[str], likely: str | None
) -> None:
    """«Did you mean»: a guess that has nothing to do with it would be worse than none."""
    assert meant(word, known) == likely
