"""Errors about a request's shape, as its sender reads them."""

import re
from pathlib import Path
from typing import Any

import pytest

from services.directory.api.openapi import document
from tests.integration import parameters
from tests.integration.directory.companies import Company, sqlite
from tests.integration.runtime.listeners import said, served

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


async def test_a_cursor_that_is_no_cursor_is_refused_in_words(quick_company: Company) -> None:
    """It never means the first page, which would look like one that was seen before."""
    for cursor in ("garbage", "-1", "1 or 1=1", "٣"):
        answer = await quick_company.call("GET", f"/audit?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown"), cursor


def test_every_parameter_has_a_limit(tmp_path: Path) -> None:
    """Lists, cursors, searches and ids: none may be as long as its sender likes."""
    found = document(Company(sqlite(tmp_path)).directory.api)
    assert parameters.count(found) > 50
    assert parameters.unlimited(found) == []


@pytest.mark.parametrize(("method", "path"), [("POST", "/uploads"), ("PUT", "/office")])
async def test_a_large_body_needs_a_login_before_it_is_read(
    quick_company: Company, method: str, path: str
) -> None:
    """Without one nobody can fill the directory's memory, or hold the few places for such bodies."""
    head = f"{method} {path} HTTP/1.1\r\nHost: book\r\nContent-Length: 1000000\r\n"
    token = quick_company.headers["Authorization"]
    other = f"PATCH {path} HTTP/1.1\r\nHost: book\r\nContent-Length: 70000\r\n\r\n"
    async with served(quick_company.directory.guarded_api) as port:
        refused = await said(port, f"{head}\r\n".encode())
        forged = await said(port, f"{head}Authorization: Bearer x.y.z\r\n\r\n".encode())
        small = await said(port, other.encode())
        taken = await said(port, f"{head}Authorization: {token}\r\n\r\n".encode(), b"x" * 1_000_000)
    assert [(each.status, each.code) for each in (refused, forged)] == [(401, "token_refused")] * 2
    assert refused.headers["www-authenticate"] == "Bearer"
    assert (small.status, small.code) == (413, "body_too_large")
    assert taken.status in (400, 422), "read to its end, and found to be no audio and no office"
