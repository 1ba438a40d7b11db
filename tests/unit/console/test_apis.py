"""What the console asks fits the documents of the APIs, field by field."""

from collections.abc import Iterator
from typing import Any, Final, cast, get_args, get_origin

import msgspec
import pytest

from services.console.activities import (
    callbacks,
    contacts,
    directory,
    history,
    own_page,
    recordings,
    screens,
    statistics,
    voice_messages,
)
from services.console.activities.api_client import NONE, Route
from services.directory.api import app as directory_api
from services.history.api import app as history_api

DIRECTORY: Final[dict[str, Any]] = directory_api.build(cast("Any", None)).openapi_schema.to_schema()
HISTORY: Final[dict[str, Any]] = history_api.build(cast("Any", None), lambda: True).openapi_schema.to_schema()
DOCUMENTS: Final = (
    *((route, DIRECTORY) for route in directory.ROUTES),
    *((route, DIRECTORY) for route in screens.ROUTES),
    *((route, DIRECTORY) for route in contacts.DIRECTORY_ROUTES),
    *((route, HISTORY) for route in contacts.HISTORY_ROUTES),
    *((route, DIRECTORY) for route in callbacks.DIRECTORY_ROUTES),
    *((route, HISTORY) for route in callbacks.HISTORY_ROUTES),
    *((route, HISTORY) for route in history.ROUTES),
    *((route, HISTORY) for route in recordings.ROUTES),
    *((route, HISTORY) for route in statistics.ROUTES),
    *((route, HISTORY) for route in voice_messages.ROUTES),
    *((route, DIRECTORY) for route in own_page.DIRECTORY_ROUTES),
    *((route, HISTORY) for route in own_page.HISTORY_ROUTES),
)


def operation(route: Route[Any], document: dict[str, Any] = DIRECTORY) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][route.path][route.method.lower()]
    return found


def content(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = part["content"]["application/json"]["schema"]
    return found


def resolved(schema: dict[str, Any], document: dict[str, Any] = DIRECTORY) -> dict[str, Any]:
    """A schema itself, of a reference or of what may also be null."""
    if "$ref" in schema:
        return resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    for each in schema.get("oneOf", ()):
        if each.get("type") != "null":
            return resolved(each, document)
    return schema


def named(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {each.encode_name: each for each in msgspec.structs.fields(struct)}


def inner(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs of a field's type."""
    for each in (kind, *get_args(kind)):
        if isinstance(each, type) and get_origin(each) is None and issubclass(each, msgspec.Struct):
            yield each


def missing_in(
    schema: dict[str, Any], struct: type[msgspec.Struct], document: dict[str, Any] = DIRECTORY
) -> list[str]:
    """Fields that we read and the document does not promise."""
    known = resolved(schema, document).get("properties", {})
    found = [name for name in named(struct) if name not in known]
    for name, field in named(struct).items():
        for kind in inner(field.type):
            if name in known and kind is not struct:
                inside = missing_in(_item(known[name], document), kind, document)
                found += [f"{name}.{each}" for each in inside]
    return found


def _item(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    items: dict[str, Any] = resolved(schema, document).get("items", schema)
    return items


@pytest.mark.parametrize(
    ("route", "document"), DOCUMENTS, ids=[f"{route.method} {route.path}" for route, _ in DOCUMENTS]
)
def test_the_api_answers_what_is_asked(route: Route[Any], document: dict[str, Any]) -> None:
    found = operation(route, document)
    answers = {status: part for status, part in found["responses"].items() if status.startswith("2")}
    [(status, answer)] = answers.items()
    if route.answer is NONE:
        assert status == "204"
    else:
        assert missing_in(content(answer), route.answer, document) == []
    taken = {each["name"] for each in found.get("parameters", ()) if each["in"] == "query"}
    assert set(route.query) <= taken


@pytest.mark.parametrize(
    "route",
    [
        each
        for each in (
            *directory.ROUTES,
            *screens.ROUTES,
            *callbacks.DIRECTORY_ROUTES,
            *own_page.DIRECTORY_ROUTES,
        )
        if each.body is not None
    ],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_the_directory_takes_what_is_sent(route: Route[Any]) -> None:
    body = resolved(content(operation(route)["requestBody"]))
    assert route.body is not None
    sent = named(route.body)
    assert set(sent) <= set(body["properties"])
    required = {name for name, field in sent.items() if field.required}
    assert set(body.get("required", ())) <= required


def test_history_takes_the_note_that_is_sent() -> None:
    route = voice_messages.NOTE
    body = resolved(content(operation(route, HISTORY)["requestBody"]), HISTORY)
    assert route.body is not None
    assert set(named(route.body)) == set(body["properties"])


def test_whatever_needs_a_body_has_one() -> None:
    for route in (*directory.ROUTES, *screens.ROUTES, *callbacks.DIRECTORY_ROUTES):
        assert ("requestBody" in operation(route)) == (route.body is not None), route.path


def test_a_field_that_the_document_lacks_is_found() -> None:
    """Otherwise the tests above would prove nothing."""

    class Wrong(msgspec.Struct):
        access: str
        no_such_field: str

    assert missing_in(content(operation(directory.SIGN_IN)["responses"]["201"]), Wrong) == ["no_such_field"]


def test_the_file_is_where_the_console_looks_for_it() -> None:
    assert "get" in HISTORY["paths"][contacts.CSV]
    assert "get" in HISTORY["paths"][statistics.CSV]


def test_the_streams_are_where_the_console_looks_for_them() -> None:
    assert "get" in HISTORY["paths"][history.EVENTS]
    assert "get" in HISTORY["paths"][own_page.EVENTS]
