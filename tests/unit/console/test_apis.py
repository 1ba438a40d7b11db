"""What the console asks fits the documents of the APIs, field by field."""

from collections.abc import Iterator
from typing import Any, Final, cast, get_args, get_origin

import msgspec
import pytest

from services.console.activities import directory
from services.console.activities.api_client import NONE, Route
from services.directory.api import app as directory_api

DIRECTORY: Final[dict[str, Any]] = directory_api.build(cast("Any", None)).openapi_schema.to_schema()


def operation(route: Route[Any]) -> dict[str, Any]:
    found: dict[str, Any] = DIRECTORY["paths"][route.path][route.method.lower()]
    return found


def content(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = part["content"]["application/json"]["schema"]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema itself, of a reference or of what may also be null."""
    if "$ref" in schema:
        return resolved(DIRECTORY["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for each in schema.get("oneOf", ()):
        if each.get("type") != "null":
            return resolved(each)
    return schema


def named(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {each.encode_name: each for each in msgspec.structs.fields(struct)}


def inner(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs of a field's type."""
    for each in (kind, *get_args(kind)):
        if isinstance(each, type) and get_origin(each) is None and issubclass(each, msgspec.Struct):
            yield each


def missing_in(schema: dict[str, Any], struct: type[msgspec.Struct]) -> list[str]:
    """Fields that we read and the document does not promise."""
    known = resolved(schema).get("properties", {})
    found = [name for name in named(struct) if name not in known]
    for name, field in named(struct).items():
        for kind in inner(field.type):
            if name in known and kind is not struct:
                found += [f"{name}.{each}" for each in missing_in(_item(known[name]), kind)]
    return found


def _item(schema: dict[str, Any]) -> dict[str, Any]:
    items: dict[str, Any] = resolved(schema).get("items", schema)
    return items


@pytest.mark.parametrize("route", directory.ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_directory_answers_what_is_asked(route: Route[Any]) -> None:
    found = operation(route)
    answers = {status: part for status, part in found["responses"].items() if status.startswith("2")}
    [(status, answer)] = answers.items()
    if route.answer is NONE:
        assert status == "204"
    else:
        assert missing_in(content(answer), route.answer) == []
    taken = {each["name"] for each in found.get("parameters", ()) if each["in"] == "query"}
    assert set(route.query) <= taken


@pytest.mark.parametrize(
    "route",
    [each for each in directory.ROUTES if each.body is not None],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_the_directory_takes_what_is_sent(route: Route[Any]) -> None:
    body = resolved(content(operation(route)["requestBody"]))
    assert route.body is not None
    sent = named(route.body)
    assert set(sent) <= set(body["properties"])
    required = {name for name, field in sent.items() if field.required}
    assert set(body.get("required", ())) <= required


def test_whatever_needs_a_body_has_one() -> None:
    for route in directory.ROUTES:
        assert ("requestBody" in operation(route)) == (route.body is not None), route.path


def test_a_field_that_the_document_lacks_is_found() -> None:
    """Otherwise the tests above would prove nothing."""

    class Wrong(msgspec.Struct):
        access: str
        no_such_field: str

    assert missing_in(content(operation(directory.SIGN_IN)["responses"]["201"]), Wrong) == ["no_such_field"]
