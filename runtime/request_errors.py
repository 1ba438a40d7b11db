"""Explains in words for people what Litestar refuses in a request: its body, its parameters or its headers.

`remember` is called before every request, `told` by the handler of Litestar's exceptions. Such a handler
can't await the body, so `remember` keeps it.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, ParameterKwarg, PathParameter, QueryParameter
from litestar.types import Empty
from litestar.typing import FieldDefinition
from msgspec import Meta

from runtime import request_shape
from runtime.request_shape import Fault, Forms, Kind

ANY_QUERY: Final = "any_query"
"""The option of a route whose address people open from letters: mail programs add parameters of theirs."""
_BODY: Final = "body_of_the_request"


async def remember(request: Request[Any, Any, Any]) -> None:
    """Keep the body of a request whose route takes one. Raises ClientException for an unreadable body."""
    if request.route_handler.parsed_data_field is None:
        return
    body = await request.body()
    request.state[_BODY] = body
    if _read(body) is None:
        # Litestar expects UTF-8, nested no deeper than its decoder allows.
        raise ClientException


def told(request: Request[Any, Any, Any], forms: Forms) -> list[Fault]:
    """Why Litestar refused a request: at least one fault."""
    handler = request.route_handler
    found = [*_of_body(request, handler, forms), *_of_parameters(request, handler, forms)]
    return found or [request_shape.fault(Kind.OTHER, "")]


def unknown_parameters(request: Request[Any, Any, Any]) -> list[Fault]:
    """Faults for query parameters that a route does not have: a misspelt filter must not be ignored."""
    if request.route_handler.opt.get(ANY_QUERY):
        return []
    known = [
        field.kwarg_definition.name or name
        for name, field in parameters(request.route_handler).items()
        if isinstance(field.kwarg_definition, QueryParameter)
    ]
    return [
        request_shape.unknown(name, known, name[: request_shape.SHOWN_MAX])
        for name in request.query_params
        if name not in known
    ]


def _read(body: bytes) -> tuple[Any] | None:
    """A body's JSON value in a tuple; None when the body is not JSON."""
    try:
        return (msgspec.json.decode(body),) if body else (None,)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _of_body(request: Request[Any, Any, Any], handler: HTTPRouteHandler, forms: Forms) -> list[Fault]:
    if handler.parsed_data_field is None or _BODY not in request.state:
        return []
    body = request.state[_BODY]
    if not body:
        return [request_shape.fault(Kind.NO_BODY, "")]
    read = _read(body)
    if read is None:
        return [request_shape.fault(Kind.NO_JSON, "")]
    return request_shape.faults(read[0], handler.parsed_data_field.annotation, forms)


def _of_parameters(
    request: Request[Any, Any, Any], handler: HTTPRouteHandler, forms: Forms
) -> Iterator[Fault]:
    for name, parameter in parameters(handler).items():
        said = parameter.kwarg_definition
        assert isinstance(said, ParameterKwarg)
        alias = said.name or name
        value = _value(request, said, alias)
        if value is not None:
            yield from request_shape.faults(value, _limited(parameter, said), forms, alias)
        elif parameter.default is Empty and not parameter.is_optional and not isinstance(said, PathParameter):
            yield request_shape.fault(Kind.MISSING, alias)


def parameters(handler: HTTPRouteHandler) -> dict[str, FieldDefinition]:
    """The parameters of a route and its dependencies, by their names in the code."""
    dependencies = handler.resolve_dependencies()
    found: dict[str, FieldDefinition] = {}
    signatures = [handler.parsed_fn_signature]
    used: set[str] = set()
    for signature in signatures:
        for name, field in signature.parameters.items():
            if name in dependencies and name not in used:
                used.add(name)
                signatures.append(dependencies[name].parsed_fn_signature)
            elif isinstance(field.kwarg_definition, QueryParameter | HeaderParameter | PathParameter):
                found[name] = field
    return found


def _value(request: Request[Any, Any, Any], said: ParameterKwarg, alias: str) -> str | None:
    if isinstance(said, HeaderParameter):
        return request.headers.get(alias)
    if isinstance(said, PathParameter):
        found = request.path_params.get(alias)
        return None if found is None else str(found)
    return request.query_params.get(alias)


def _limited(parameter: FieldDefinition, said: ParameterKwarg) -> Any:
    """A parameter's type with its limits, which are declared separately."""
    names: tuple[Literal["ge", "le", "min_length", "max_length", "pattern"], ...]
    names = ("ge", "le", "min_length", "max_length", "pattern")
    limits = {name: getattr(said, name) for name in names if getattr(said, name) is not None}
    plain, *_ = request_shape.parts(parameter.annotation)
    return Annotated[plain, Meta(**limits)] if limits else plain
