"""No text of a request may have characters that nobody sees: in code and in the published document alike."""

import pytest

from services.history.api.app import build
from tests.invisible import admitted, admitted_as_described, bodies, described, fields

API = build(None, lambda: True)  # type: ignore[arg-type]  # nothing is asked of its parts
FIELDS = {f"{path} {field}": type_ for path, body in bodies(API) for field, type_ in fields(body)}
DESCRIBED = dict(described(API.openapi_schema.to_schema()))


@pytest.mark.rule("H5", "V6")
@pytest.mark.parametrize("field", FIELDS)
def test_no_string_of_a_body_takes_an_invisible_character(field: str) -> None:
    """Every field of every body, found by itself: one that is new is tested on its first day."""
    assert admitted(FIELDS[field]) == []


@pytest.mark.rule("H5", "V6")
@pytest.mark.parametrize("place", DESCRIBED)
def test_the_document_says_so(place: str) -> None:
    """Filters, cursors and ids in addresses as well."""
    assert admitted_as_described(DESCRIBED[place]) == []


def test_all_of_the_api_was_looked_at() -> None:
    """A walk that finds nothing proves nothing."""
    assert FIELDS
    assert len(DESCRIBED) > 20
