"""Static files, which browsers keep for a year: another content has another address."""

from typing import Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from services.console.activities.static_files import StaticFiles

YEAR_S: Final = 365 * 24 * 3_600


def route(static: StaticFiles) -> HTTPRouteHandler:
    """The route of all of them."""

    @get("/static/{name:str}", sync_to_thread=False)
    def file(name: FromPath[str]) -> Response[bytes]:
        """One file."""
        found = static.files.get(name)
        if found is None:
            raise NotFoundException
        return Response(
            content=found.content,
            media_type=found.type,
            headers={"Cache-Control": f"public, max-age={YEAR_S}, immutable"},
        )

    return file
