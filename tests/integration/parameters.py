"""Which parameters of an API may be as long or as large as their sender likes, by its OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

LIMITED_BY_THEIR_READER = ("Authorization",)
"""`runtime/tokens.py` parses no longer token, and tells nobody how long one may be."""
LIMITED_FORMATS = ("date", "date-time", "uuid")


def unlimited(document: Mapping[str, Any]) -> list[str]:
    """Every parameter in query, path or header without a limit."""
    return [
        f"{method.upper()} {path}: {parameter['name']}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, Mapping)
        for parameter in operation.get("parameters", ())
        if parameter["name"] not in LIMITED_BY_THEIR_READER
        if not all(_is_limited(each, document) for each in _kinds(parameter["schema"], document))
    ]


def count(document: Mapping[str, Any]) -> int:
    """How many parameters there are."""
    operations = [each for item in document["paths"].values() for each in item.values()]
    return sum(len(each.get("parameters", ())) for each in operations if isinstance(each, Mapping))


def _kinds(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in schema:
        yield from _kinds(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    elif "oneOf" in schema or "anyOf" in schema:
        beside = {name: value for name, value in schema.items() if name not in ("oneOf", "anyOf")}
        for each in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            yield from _kinds({**beside, **each}, document)
    elif isinstance(schema.get("type"), list):
        yield from ({**schema, "type": each} for each in schema["type"])
    else:
        yield schema


def _is_limited(schema: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    if "enum" in schema or "const" in schema:
        return True
    match schema.get("type"):
        case "string":
            return "maxLength" in schema or schema.get("format") in LIMITED_FORMATS
        case "integer" | "number":
            return "maximum" in schema
        case "array":
            items = _kinds(schema["items"], document)
            return "maxItems" in schema and all(_is_limited(each, document) for each in items)
        case "boolean" | "null":
            return True
        case _:
            return False
