"""Callbacks ordered and cancelled by the people of a department: who may, and in whose name (C9, C11)."""

import pytest

from contracts.directory import CallbackAsked, CallbackCancelAsked
from tests.integration.directory.companies import Company

CUSTOMER = "+79161234567"


async def a_head_of_sales(company: Company) -> dict[str, str]:
    """Belova heads Sales, and only sits in Service: the headers of her requests."""
    made = await company.employee("Белова Ольга", role="department_head")
    await company.changed(f"/employees/{made['id']}", email="head@vostok.example")
    service = {"id": "service", "name": "Сервис", "pbx_id": "moskva", "agents": [{"agent_id": made["id"]}]}
    await company.made("/departments", service)
    answer = await company.changed("/departments/sales", heads=[{"agent_id": made["id"]}])
    assert answer.status_code == 200, answer.text
    return await company.login("belova.o")


@pytest.mark.rule("P2", "C11")
async def test_a_head_orders_callbacks_in_the_departments_that_are_headed(company: Company) -> None:
    """A seat in another one gives a head no right there; the refusal is recorded."""
    headers = await a_head_of_sales(company)

    async def ordered(department: str) -> int:
        answer = await company.call(
            "POST", f"/departments/{department}/callbacks", {"number": CUSTOMER}, headers=headers
        )
        return answer.status_code

    assert [await ordered(each) for each in ("sales", "service", "nowhere")] == [202, 403, 403]
    [asked] = (await company.sent()).facts(CallbackAsked)
    assert (asked.department_id, asked.number) == ("sales", CUSTOMER)


@pytest.mark.rule("P2", "C9")
async def test_a_head_cancels_whoever_ordered_in_the_departments_that_are_headed(company: Company) -> None:
    """In her own name; a callback of another department stays."""
    headers = await a_head_of_sales(company)
    order = {"number": CUSTOMER}
    ids = [
        (await company.call("POST", f"/departments/{each}/callbacks", order)).json()["callback_id"]
        for each in ("sales", "service")
    ]
    answers = [await company.call("DELETE", f"/callbacks/{each}", headers=headers) for each in ids]
    assert [each.status_code for each in answers] == [202, 403]
    [asked] = (await company.sent()).facts(CallbackCancelAsked)
    assert (asked.callback_id, asked.by) == (ids[0], "belova-o")


@pytest.mark.rule("P2", "C11")
async def test_the_same_key_of_two_people_makes_two_orders(company: Company) -> None:
    """Nobody is answered with what a colleague was told; one's own second click is the first one."""
    headers = await a_head_of_sales(company)
    path, order = "/departments/sales/callbacks", {"number": CUSTOMER}
    hers = [
        await company.call("POST", path, order, headers=headers, idempotency_key="form-1") for _ in range(2)
    ]
    his = await company.call("POST", path, order, idempotency_key="form-1")
    assert hers[0].json() == hers[1].json() != his.json()
    other = {"number": "+79161234568"}
    reused = await company.call("POST", path, other, headers=headers, idempotency_key="form-1")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await company.sent()).facts(CallbackAsked)) == 2


@pytest.mark.rule("C11")
async def test_what_is_no_international_number_is_refused_at_its_field(quick_company: Company) -> None:
    for number in ("", "8 916 123-45-67", "+7 916 123 45 67", "+7<b>", "112", "+" + 40 * "7"):
        answer = await quick_company.call("POST", "/departments/sales/callbacks", {"number": number})
        assert (answer.status_code, answer.json()["field"]) == (400, "number"), number
    assert not (await quick_company.sent()).facts(CallbackAsked)
