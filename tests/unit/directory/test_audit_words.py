"""The audit trail's words cover every field and value of a card that a person can save."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from contracts.directory import Language
from contracts.rights import Action
from services.directory.rules import audit_changes, audit_words
from services.directory.rules.audit_changes import Reader
from services.directory.state.cards import DepartmentCard, EmployeeCard, ResponsibleCard
from services.directory.state.office import CARDS


def _types(type_: inspect.Type) -> Iterator[inspect.Type]:
    yield type_
    match type_:
        case inspect.Metadata():
            yield from _types(type_.type)
        case inspect.UnionType():
            for each in type_.types:
                yield from _types(each)
        case inspect.VarTupleType():
            yield from _types(type_.item_type)
        case inspect.StructType():
            for field in type_.fields:
                yield from _types(field.type)
        case _:
            pass


ALL = [found for card in CARDS.values() for found in _types(inspect.type_info(card))]


def test_every_field_of_every_card_has_words() -> None:
    """Nobody reads `orders_per_hour_per_number_max` in a list of changes."""
    names = {field.name for found in ALL if isinstance(found, inspect.StructType) for field in found.fields}
    assert len(names) > 50
    assert names - audit_words.FIELDS.keys() == set()


def test_every_value_of_an_enumeration_has_words() -> None:
    """Rights keep their names, under which documents and tokens have them."""
    enums: set[Any] = {found.cls for found in ALL if isinstance(found, inspect.EnumType)} - {Action}
    values = {str(value) for each in enums if issubclass(each, StrEnum) for value in each}
    assert values
    assert values - audit_words.VALUES.keys() == set()


def _employee(**changed: Any) -> EmployeeCard:
    said = {"name": "Орлов", "pbx_id": "moskva", "login": "orlov", "extension": "201"}
    return msgspec.convert({**said, **changed}, EmployeeCard)


RUSSIAN = Reader(language=Language.RUSSIAN)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"role": "administrator"}, ("пользователь", "администратор")),
        ({"mobile": "+79160000001"}, ("—", "+79160000001")),
        ({"mobile_delay_ms": 90_000}, ("5 с", "90 с")),
        ({"mobile_delay_ms": 0}, ("5 с", "0 с")),
        (
            {"hours": [{"days": [0, 4], "from_minute": 540, "until_minute": 1_080}]},
            ("—", "дни пн, пт; с 09:00; до 18:00"),
        ),
        ({"absences": [{"first_day": "2026-01-12"}]}, ("—", "с 2026-01-12")),
    ],
)
def test_values_are_told_as_people_say_them(changed: dict[str, Any], said: tuple[str, str]) -> None:
    """Before and after, as the screens show them."""
    (change,) = audit_changes.changes(_employee(), _employee(**changed))
    assert tuple(RUSSIAN.said(change.name, each) for each in (change.before, change.after)) == said


def test_numbers_are_masked_for_who_may_not_see_them() -> None:
    """The trail is one more screen with customers' numbers."""
    card = ResponsibleCard(number="+79161234567", agent_id="orlov")
    reader = Reader(language=Language.ENGLISH, sees_numbers=False)
    told = [reader.said(each.name, each.after) for each in audit_changes.changes(None, card)]
    assert told == ["…4567", "orlov"]


def test_what_is_stored_is_bounded_however_large_a_card_is() -> None:
    """A department of a thousand agents does not make each line of its trail a thousand agents long."""
    seats = [{"agent_id": f"agent-{number}"} for number in range(1_000)]
    said = {"name": "Сбыт", "pbx_id": "moskva", "extension": "400", "agents": seats}
    card = msgspec.convert(said, DepartmentCard)
    assert len(audit_changes.encoded(audit_changes.changes(None, card))) < 5_000
