"""Litestar's methods, documented with the one shape of every error."""

from functools import partial
from typing import Final

import litestar
from litestar.openapi.datastructures import ResponseSpec

from services.directory.state.responses import ErrorShown

DOCUMENTED: Final = (400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 422, 428, 429, 431, 503)
_WHY_NOT: Final = {
    status: ResponseSpec(data_container=ErrorShown, description="why not", generate_examples=False)
    for status in DOCUMENTED
}

get = partial(litestar.get, responses=_WHY_NOT)
post = partial(litestar.post, responses=_WHY_NOT)
put = partial(litestar.put, responses=_WHY_NOT)
patch = partial(litestar.patch, responses=_WHY_NOT)
delete = partial(litestar.delete, responses=_WHY_NOT)
