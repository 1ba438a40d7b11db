"""Errors about a request's shape, as its sender reads them."""

import re
from typing import Any

import pytest

from tests.integration.directory.companies import Company

CARD = {"name": "Зимина Вера", "pbx_id": "moskva"}
FOREIGN = re.compile(r"Expected|regex|`|Invalid|Object |msgspec|\bdata\b|RFC")


@pytest.mark.parametrize(
    ("card", "field"),
    [
        ({}, "name"),
        ({**CARD, "name": ""}, "name"),
        ({**CARD, "email": "zimina"}, "email"),
        ({**CARD, "extension": 202}, "extension"),
        ({**CARD, "nmae": "x"}, "nmae"),
        ({**CARD, "role": "boss"}, "role"),
        ({**CARD, "sims": ["+79161234567", "8"]}, "sims.1"),
        ({**CARD, "hours": [{"days": [1], "from_minute": "9:00", "until_minute": 1}]}, "hours.0.from_minute"),
        ({**CARD, "absences": [{"first_day": "завтра"}]}, "absences.0.first_day"),
        ([], ""),
        (None, ""),
    ],
)
async def test_n7_a_card_of_a_wrong_shape_is_refused_in_both_languages_at_the_right_field(
    quick_company: Company, card: Any, field: str
) -> None:
    """A form shows the words beside their field."""
    answer = await quick_company.call("POST", "/employees", card)
    assert (answer.status_code, answer.json()["code"]) == (400, "body_invalid")
    assert answer.json()["field"] == field
    for part in ("cause", "remedy"):
        assert re.search("[а-яё]", answer.json()[part]["ru"])
        assert not FOREIGN.search(answer.json()[part]["ru"])
        assert not FOREIGN.search(answer.json()[part]["en"])


async def test_n7_a_mistake_in_a_sheet_names_whose_it_is(quick_company: Company) -> None:
    """«employees[...]» could be any of a thousand; and all errors are told at once."""
    sheet = {
        "organization_id": "vostok",
        "organization": {"name": "Восток"},
        "employees": {"zimina": {**CARD, "extension": 210}, "Orlikov": {**CARD, "extension": "211"}},
    }
    answer = (await quick_company.call("PUT", "/office", sheet)).json()
    others = [each["field"] for each in answer["more"]]
    assert [answer["field"], *others] == ["employees.zimina.extension", "employees.Orlikov"]


@pytest.mark.parametrize(
    ("path", "field", "said"),
    [
        ("/employees?limit=many", "limit", "a whole number"),
        ("/employees?limit=5000", "limit", "at most 200"),
        ("/employees?limt=5", "limt", "Allowed: cursor, limit, search."),
        (f"/employees/{'x' * 400}", "agent_id", "the maximum in characters is 300"),
    ],
)
async def test_n7_a_parameter_of_a_wrong_shape_is_named(
    quick_company: Company, path: str, field: str, said: str
) -> None:
    """Parameters in the address count, too."""
    answer = await quick_company.call("GET", path)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert said in answer.json()["remedy"]["en"]


async def test_n7_a_header_of_a_wrong_shape_is_named_as_it_is_sent(quick_company: Company) -> None:
    """`idempotency_key` is a name in our code."""
    answer = await quick_company.call("POST", "/employees", CARD, Idempotency_Key="k" * 201)
    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    "body", [b'{"name": ', b'{"name": "\xff\xfe"}', b"name=x", b"[" * 100_000, b'["\\ud800"]']
)
async def test_n7_a_body_that_is_no_json_is_called_so(quick_company: Company, body: bytes) -> None:
    """Bytes that are no text, and brackets beyond all depth, are the sender's mistake."""
    headers = {**quick_company.headers, "Content-Type": "application/json"}
    answer = await quick_company.http.post("/employees", content=body, headers=headers)
    assert (answer.status_code, answer.json()["cause"]["en"]) == (400, "The request's body is not JSON.")


async def test_n7_who_has_not_logged_in_learns_nothing_of_shapes(quick_company: Company) -> None:
    """Authentication comes first."""
    answer = await quick_company.call("POST", "/employees", {}, headers={})
    assert answer.status_code == 401
