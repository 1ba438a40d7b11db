"""The OpenAPI document: Litestar's routes with msgspec's schemas, which state everything that msgspec checks.

Litestar's own schemas lose limits inside lists, and do not state that unknown fields are errors.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from litestar import Litestar, Request
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from msgspec import Struct

from services.directory.state import cards, responses
from services.directory.state.office import CARDS

_REF: Final = "#/components/schemas/{name}"
_MODULE: Final = re.compile(r"services(?:\.\w+?)*\.(?=[A-Z])")
_NEEDS_A_LOGIN: Final = frozenset({"principal", "authorization"})


class Document(JsonRenderPlugin):
    """Gives the document as JSON."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document of this application."""
        return super().render(request, document(request.app))


def document(app: Litestar) -> dict[str, Any]:
    """The document: components by msgspec, and no security on routes that need no token."""
    found: dict[str, Any] = _renamed(app.openapi_schema.to_schema())
    found["components"]["schemas"] |= _components(_structs(app))
    for path, method in _open_routes(app):
        # The page for people is in no document of the API.
        if path not in found["paths"]:
            continue
        found["paths"][path][method]["security"] = []
    return found


def _renamed(part: Any) -> Any:
    """Component names without their modules, as msgspec writes them."""
    if isinstance(part, Mapping):
        return {_MODULE.sub("", str(name)): _renamed(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_renamed(each) for each in part]
    if isinstance(part, str) and part.startswith("#/components/"):
        return _MODULE.sub("", part)
    return part


def _components(types: Iterable[Any]) -> dict[str, Any]:
    _, found = msgspec.json.schema_components(types, ref_template=_REF)
    return found


def _structs(app: Litestar) -> list[Any]:
    """Every body: of requests, of answers, and each kind of card in its wrappers."""
    taken = [
        handler.parsed_data_field.annotation
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.parsed_data_field is not None
    ]
    answered = [
        each
        for each in vars(responses).values()
        if isinstance(each, type)
        and issubclass(each, Struct)
        and each not in (responses.Shown, responses.Listed)
    ]
    wrapped = [wrap[card] for wrap in (responses.Shown, responses.Listed) for card in CARDS.values()]
    bodies = [each for each in taken if isinstance(each, type) and issubclass(each, Struct)]
    return [each for each in (*bodies, *answered, *wrapped) if each not in (Struct, cards.Card)]


def _open_routes(app: Litestar) -> list[tuple[str, str]]:
    """The routes that need no token."""
    return [
        (route.path_format, str(method).lower())
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema")
        for handler in route.route_handlers
        if not _NEEDS_A_LOGIN & set(handler.parsed_fn_signature.parameters)
        for method in handler.http_methods
        if str(method) in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ]
