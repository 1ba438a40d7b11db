"""Litestar's route decorators, each documented with our errors' one shape."""

from functools import partial
from typing import Final

import litestar
from litestar.openapi.datastructures import ResponseSpec

from services.history.rules.errors import Problem

DOCUMENTED: Final = (400, 401, 403, 404, 405, 408, 409, 410, 413, 414, 422, 429, 431, 503, 505)
_WHY_NOT: Final = {
    each: ResponseSpec(data_container=Problem, description="why not", generate_examples=False)
    for each in DOCUMENTED
}
get = partial(litestar.get, responses=_WHY_NOT)
post = partial(litestar.post, responses=_WHY_NOT)
put = partial(litestar.put, responses=_WHY_NOT)
delete = partial(litestar.delete, responses=_WHY_NOT)
