"""A process's HTTP server answers its own paths, and the service's API answers the others."""

from typing import Any

from runtime.web import with_api


def _named(name: str, asked: list[tuple[str, str]]) -> Any:
    async def app(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
        asked.append((name, scope.get("path", scope["type"])))

    return app


async def test_health_and_lifespan_stay_with_the_process_and_the_rest_is_the_apis() -> None:
    """An API can neither hide a process's health nor keep it from starting."""
    asked: list[tuple[str, str]] = []
    app = with_api(_named("process", asked), [("/metrics", _named("", asked))], _named("api", asked))
    scopes: list[dict[str, str]] = [
        {"type": "lifespan"},
        {"type": "http", "path": "/metrics"},
        {"type": "http", "path": "/metrics/more"},
        {"type": "http", "path": "/departments"},
    ]
    for scope in scopes:
        await app(scope, None, None)  # type: ignore[arg-type]  # nothing here receives or sends
    assert asked == [
        ("process", "lifespan"),
        ("process", "/metrics"),
        ("api", "/metrics/more"),
        ("api", "/departments"),
    ]
