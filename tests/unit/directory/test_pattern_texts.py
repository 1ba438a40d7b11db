"""Every pattern of a request's field has its words."""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from services.directory.api.app import build
from services.directory.rules.pattern_texts import PATTERN_TEXTS


def patterns(info: Any) -> Iterator[str]:
    """The patterns in a type, however deep."""
    if isinstance(info, inspect.StrType) and info.pattern is not None:
        yield info.pattern
    for name in getattr(info, "__struct_fields__", ()):
        inner = getattr(info, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(each, inspect.Type | inspect.Field):
                yield from patterns(each)


def test_n7_every_pattern_of_every_body_has_words() -> None:
    """«matching regex '^[a-z]…'» does not help a person."""
    bodies = [
        handler.parsed_data_field.annotation
        for route in build(None).routes  # type: ignore[arg-type]  # nothing is asked of its parts
        for handler in getattr(route, "route_handlers", ())
        if handler.parsed_data_field is not None
    ]
    assert len(bodies) > 15
    found = {pattern for body in bodies for pattern in patterns(inspect.type_info(body))}
    assert found == set(PATTERN_TEXTS)
