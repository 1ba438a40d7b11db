"""The operator's ceilings hold whatever an organization saves, on the log too (C10)."""

import pytest

from contracts.callback import CallbackOrdered
from contracts.dialling import DiallingPolicy
from contracts.directory import OrganizationSaved
from contracts.ids import CallbackId, DepartmentId, PbxId, PlaceId
from contracts.number_ranges import ORDINARY, NumberType
from runtime.metrics import ALLOWANCES
from services.directory.activities import ceilings
from services.directory.activities.organizations import NotDone
from tests.integration.directory.companies import NOW, ORGANIZATION, Company, heard

pytestmark = pytest.mark.rule("C10")
FRAUD = {"allowed_regions": ["SO", "CU", "LV"], "orders_per_minute_max": 100_000}


async def _policy(company: Company) -> DiallingPolicy:
    saved: OrganizationSaved = (await company.sent()).facts(OrganizationSaved)[-1]
    return saved.dialling_policy


async def test_a_card_above_the_ceilings_is_refused_with_the_ceiling_and_whom_to_ask(
    company: Company,
) -> None:
    """With a stolen password an organization allowed itself three countries and 100,000 orders a minute."""
    refused = await company.changed("/organization", dialling=FRAUD)
    assert refused.status_code == 422
    problems = [refused.json(), *refused.json()["more"]]
    assert {each["code"] for each in problems} == {"above_ceiling"}
    assert {each["field"] for each in problems} == {
        "dialling.allowed_regions.0",
        "dialling.allowed_regions.1",
        "dialling.allowed_regions.2",
        "dialling.orders_per_minute_max",
    }
    assert f"operator ceilings {ORGANIZATION}" in problems[0]["remedy"]["en"]


async def test_the_home_region_is_no_way_around_them(company: Company) -> None:
    """It was «the region that is always allowed», and anybody with `settings.write` could change it."""
    refused = await company.changed("/organization", dialling={"home_region": "SO"})
    assert (refused.status_code, refused.json()["field"]) == (422, "dialling.home_region")
    office = {
        "organization_id": ORGANIZATION,
        "organization": {"name": "В", "dialling": {"home_region": "SO"}},
    }
    imported = await company.call("PUT", "/office", office)
    assert (imported.status_code, imported.json()["code"]) == (422, "above_ceiling")


async def test_the_home_region_that_the_operator_has_let_stand_is_the_one_granted(company: Company) -> None:
    """Not the installation's usual one: a company of another country saves its card as before."""
    repository = company.directory.repository
    await ceilings.change(repository, ORGANIZATION, {"regions": ("RU", "KZ")})
    assert (await company.changed("/organization", dialling={"home_region": "KZ"})).status_code == 200
    granted = await ceilings.change(repository, ORGANIZATION, {"regions": ()})
    assert granted.clamped == ()
    assert (await company.changed("/organization", name="Другое")).status_code == 200
    assert (await company.changed("/organization", dialling={"home_region": "RU"})).status_code == 422
    policy = await _policy(company)
    assert (policy.home_region, policy.allowed_regions) == ("KZ", ())


async def test_the_operator_raises_a_ceiling_and_lowers_it_and_the_log_says_no_more(company: Company) -> None:
    """A card that was saved under a higher ceiling is clamped at once, without anybody saving it again."""
    repository = company.directory.repository
    raised = {"regions": ("RU", "KZ"), "orders_per_minute_max": 100, "number_types": (*ORDINARY, "pager")}
    granted = await ceilings.change(repository, ORGANIZATION, raised)
    assert (granted.before.regions, granted.after.regions, granted.clamped) == ((), ("RU", "KZ"), ())
    wanted = {"allowed_regions": ["RU", "KZ"], "orders_per_minute_max": 90, "allowed_types": ["pager"]}
    assert (await company.changed("/organization", dialling=wanted)).status_code == 200
    policy = await _policy(company)
    assert (policy.allowed_regions, policy.orders_per_minute_max) == (("RU", "KZ"), 90)
    assert policy.allowed_types == (NumberType.PAGER,)

    lowered = {"regions": (), "orders_per_minute_max": 5, "number_types": ORDINARY}
    granted = await ceilings.change(repository, ORGANIZATION, {**lowered, "calls_at_once_max": 7})
    assert [each.field for each in granted.clamped] == [
        "dialling.allowed_regions.1",
        "dialling.allowed_types.0",
        "dialling.orders_per_minute_max",
    ]
    policy = await _policy(company)
    assert (policy.allowed_regions, policy.orders_per_minute_max) == (("RU",), 5)
    assert policy.allowed_types == ()
    assert (await company.sent()).facts(OrganizationSaved)[-1].calls_at_once_max == 7


async def test_what_can_t_be_a_ceiling_is_said(company: Company) -> None:
    """A typing error of the operator must not open, or close, a country."""
    repository = company.directory.repository
    with pytest.raises(NotDone, match="XX"):
        await ceilings.change(repository, ORGANIZATION, {"regions": ("RU", "XX")})
    with pytest.raises(NotDone, match="orders_per_day_max"):
        await ceilings.change(repository, ORGANIZATION, {"orders_per_day_max": -1})
    with pytest.raises(NotDone):
        await ceilings.change(repository, ORGANIZATION, {"number_types": ("everything",)})
    with pytest.raises(NotDone):
        await ceilings.change(repository, "nobody", {})


async def test_texts_have_a_ceiling_too(company: Company) -> None:
    """The answer is the same: nobody learns that the text was not sent."""
    await company.employee("Орлов Пётр", mobile="+79160000007")
    await ceilings.change(company.directory.repository, ORGANIZATION, {"texts_per_day_max": 1})
    body = {"organization": ORGANIZATION, "mobile": "+79160000007"}
    answers = [await company.http.post("/recovery", json=body) for _ in range(2)]
    await company.directory.password_recovery.settle()
    assert [each.status_code for each in answers] == [204, 204]
    assert len(company.texts.sent) == 1


@pytest.mark.parametrize("is_alarm", [True, False])
async def test_the_order_at_four_fifths_of_a_day_rings(quick_company: Company, is_alarm: bool) -> None:
    """Callback marks it; the directory, which can log, says whose orders run low."""
    order = CallbackOrdered(
        callback_id=CallbackId("c"),
        place_id=PlaceId("p"),
        department_id=DepartmentId("sales"),
        pbx_id=PbxId("moskva"),
        number="+79161234567",
        caller_id="",
        joined_at=NOW,
        deadline_at=NOW,
        leg_id=None,
        is_alarm=is_alarm,
    )
    before = ALLOWANCES.labels("orders")._value.get()
    await quick_company.directory.fact_handler.hear(heard(order))
    assert ALLOWANCES.labels("orders")._value.get() - before == is_alarm
