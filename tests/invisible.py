"""Characters that no text from outside may have, and the strings of an API, in code and in its document."""

import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from litestar import Litestar
from msgspec import Struct, structs

from contracts.plain_text import TEXT_PATTERN

OF_LINES = ("\t", "\n", "\r")
HIDDEN = (
    *(chr(code) for code in range(0x20) if chr(code) not in OF_LINES),
    *(chr(code) for code in range(0x7F, 0xA0)),
    *"\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff",
)
"""Controls, line separators, directions and their overrides."""


def spoiled(character: str) -> list[str]:
    """Texts with a character before, within and after what would be fine in many fields."""
    return [
        character,
        f"201{character}",
        f"{character}abcdefghij",
        f"abcde{character}fghij",
        f"a@b.c{character}",
    ]


def fields(type_: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every string of a body's type, keys of objects included, with its path."""
    inner = get_args(type_)
    origin = get_origin(type_)
    if origin is Annotated and inner[0] is str:
        yield path, type_
    elif origin is Annotated:
        yield from fields(inner[0], path)
    elif origin in (Union, types.UnionType, tuple, dict):
        for each in inner:
            yield from fields(each, path)
    elif type_ is str:
        yield path, str
    elif isinstance(type_, type) and issubclass(type_, Struct):
        for each in structs.fields(type_):
            yield from fields(each.type, f"{path}.{each.encode_name}" if path else each.encode_name)


def bodies(app: Litestar) -> list[tuple[str, Any]]:
    """The body of each route that takes one."""
    return [
        (route.path, handler.parsed_data_field.annotation)
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.parsed_data_field is not None
    ]


def admitted(type_: Any) -> list[str]:
    """Texts that a field takes and should not."""
    is_of_lines = any(getattr(each, "pattern", None) == TEXT_PATTERN for each in get_args(type_))
    found = []
    for character in (*HIDDEN, *(() if is_of_lines else OF_LINES)):
        for text in spoiled(character):
            try:
                msgspec.convert(text, type_)
            except msgspec.ValidationError:
                continue
            found.append(text)
    return found


def described(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The strings of all requests in an OpenAPI document: of bodies, addresses and queries."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not isinstance(operation, dict):
                continue
            place = f"{method} {path}"
            for parameter in operation.get("parameters", ()):
                if parameter["in"] != "header":
                    yield from _strings(
                        document, parameter.get("schema", {}), f"{place} {parameter['name']}", ()
                    )
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from _strings(document, content.get("schema", {}), place, ())


def _strings(
    document: dict[str, Any], schema: dict[str, Any], place: str, above: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    reference = schema.get("$ref", "")
    if reference:
        if reference not in above:
            name = reference.rpartition("/")[2]
            named = document["components"]["schemas"][name]
            yield from _strings(document, named, place, (*above, reference))
        return
    if schema.get("type") == "string" and not {"enum", "const", "format"} & set(schema):
        yield place, schema
    for name, each in schema.get("properties", {}).items():
        yield from _strings(document, each, f"{place}.{name}", above)
    for word in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(word), dict):
            yield from _strings(document, schema[word], f"{place}.{word}", above)
    for word in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(word, ()):
            yield from _strings(document, each, place, above)


def admitted_as_described(schema: dict[str, Any]) -> list[str]:
    """Texts that fit a schema and should not."""
    pattern = schema.get("pattern")
    if pattern is None:
        return ["anything"]
    lines = () if pattern == TEXT_PATTERN else OF_LINES
    tried = [text for character in (*HIDDEN, *lines) for text in spoiled(character)]
    return [text for text in tried if re.search(pattern, text)]
