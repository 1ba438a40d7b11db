"""Callbacks by the API: standing and ended, as far as rights reach (C13, P2 to P4, P8)."""

from typing import Final

import pytest
from sqlalchemy import select

from contracts.callback import (
    CallbackCancelled,
    CallbackConfirmed,
    CallbackOrdered,
    CallbackRefused,
    Origin,
)
from contracts.dialling import Refusal
from contracts.directory import RightsSaved, Role
from contracts.ids import CallbackId, DepartmentId, PlaceId
from services.history.activities import tables
from tests.integration.history.harness import SOUTH, HistoryHarness, an_office
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER, LINE, MOSCOW, SALES, SERVICE


def order(
    name: str, department_id: DepartmentId = SALES, *, at_s: float, origin: Origin = Origin.API
) -> CallbackOrdered:
    """A callback that was ordered without a call."""
    return CallbackOrdered(
        callback_id=CallbackId(name),
        place_id=PlaceId(f"p.{name}"),
        department_id=department_id,
        pbx_id=MOSCOW,
        number=CUSTOMER,
        caller_id=LINE,
        joined_at=stories.at(at_s),
        deadline_at=stories.at(at_s + 600),
        leg_id=None,
        origin=origin,
    )


def cancelled(ordered: CallbackOrdered) -> CallbackCancelled:
    """It ends at once."""
    return CallbackCancelled(
        callback_id=ordered.callback_id,
        place_id=ordered.place_id,
        department_id=ordered.department_id,
        pbx_id=ordered.pbx_id,
        number=ordered.number,
        joined_at=ordered.joined_at,
        ordered_at=ordered.joined_at,
        attempts=0,
        reason="by_customer",
    )


async def some_callbacks(harness: HistoryHarness, rights: RightsSaved | None = None) -> None:
    """Two of Sales (one ended), one of Service, one after the abandoned call `in.sales`, one refused, and one
    of another organization."""
    await an_office(harness, rights)
    await harness.tell(order("cb.1", at_s=100), at_s=100)
    await harness.tell(order("cb.2", at_s=200), cancelled(order("cb.2", at_s=200)), at_s=200)
    await harness.tell(order("cb.3", SERVICE, at_s=300), at_s=300)
    await harness.tell(order("cb.4", at_s=400, origin=Origin.ABANDONED), at_s=400)
    refused = CallbackRefused(
        place_id=PlaceId("p.cb.5"),
        department_id=SALES,
        leg_id=None,
        reason=Refusal.DENIED,
        callback_id=CallbackId("cb.5"),
        number=CUSTOMER,
        pbx_id=MOSCOW,
    )
    await harness.tell(refused, at_s=500)
    await harness.tell(order("cb.south", at_s=600), organization_id=SOUTH, at_s=600)


FOUND: Final[list[tuple[dict[str, str | int | bool], str]]] = [
    ({}, "54321"),
    ({"is_standing": True}, "431"),
    ({"is_standing": False}, "52"),
    ({"department": "service"}, "3"),
    ({"department": "service,sales", "is_standing": True}, "431"),
    ({"origin": "abandoned"}, "4"),
    ({"origin": "api,abandoned", "is_standing": True}, "431"),
    ({"origin": "queue"}, ""),
    ({"origin": "queue,api,abandoned"}, "54321"),
    ({"since_at": stories.at(200), "until_at": stories.at(400)}, "32"),
]
"""What is asked for, and the last letters of what is found."""


@pytest.mark.rule("C13")
async def test_callbacks_are_found_by_state_department_origin_and_time_newest_first(
    harness_on_both: HistoryHarness,
) -> None:
    """A refused order has ended, and shows why."""
    await some_callbacks(harness_on_both)
    async with harness_on_both.browser(BORIS) as asked:
        for params, wanted in FOUND:
            found = (await asked.get("/history/callbacks", params=params)).json()
            assert ("".join(each["callback_id"][-1] for each in found["callbacks"]), params) == (
                wanted,
                params,
            )
            assert (found["next"], found["zone"]) == (None, "Europe/Moscow")


@pytest.mark.rule("C13")
async def test_pages_of_callbacks_follow_each_other_without_a_gap_or_a_double(
    harness_on_both: HistoryHarness,
) -> None:
    """Also where one callback is in several lists of whoever asks."""
    head = RightsSaved(agent_id=ANNA, version=2, role=Role.DEPARTMENT_HEAD)
    await some_callbacks(harness_on_both, head)
    await harness_on_both.tell(
        stories.a_call("in.both"), stories.place("in.both"), stories.ordered("in.both"), at_s=700
    )
    await harness_on_both.tell(stories.offer(ANNA, 1, "in.both"), at_s=700)
    seen: list[str] = []
    after: str | None = ""
    async with harness_on_both.browser(ANNA) as asked:
        while after is not None:
            params: dict[str, str | int] = {"limit": 2, "after": after}
            page = (await asked.get("/history/callbacks", params=params)).json()
            seen += [each["callback_id"] for each in page["callbacks"]]
            after = page["next"]
    assert seen == ["cb.p.in.both", "cb.5", "cb.4", "cb.2", "cb.1"]


@pytest.mark.rule("C13", "C9", "C6", "H4")
async def test_one_callback_shows_who_where_when_and_what_was_tried(harness_on_both: HistoryHarness) -> None:
    """A standing one after its first attempt; the same story as its contact's."""
    await an_office(harness_on_both)
    await harness_on_both.tell(stories.a_call("in.cb"), stories.place("in.cb", position=3), at_s=0)
    await harness_on_both.tell(stories.ordered("in.cb"), *stories.attempt(ANNA, "in.cb"), at_s=60)
    async with harness_on_both.browser(BORIS) as asked:
        found = (await asked.get("/history/callbacks/cb.p.in.cb")).json()
        page = (await asked.get("/history/callbacks", params={"is_standing": True})).json()
    assert page["callbacks"] == [found]
    attempt = found.pop("attempts")
    assert [(each["kind"], each["agent_label"], each["at"], each["outcome"]) for each in attempt] == [
        ("attempt", "Anna", stories.at(60), None)
    ]
    expected = {
        "contact_id": "in.cb",
        "number": CUSTOMER,
        "department_label": "Sales",
        "origin": "queue",
        "ordered_at": stories.at(60),
        "position": 3,
        "deadline_at": stories.at(600),
        "next_attempt_at": None,
        "is_standing": True,
        "end": None,
        "cancelled_by": None,
    }
    assert {name: found[name] for name in expected} == expected


@pytest.mark.rule("C8", "C10", "C11")
async def test_whoever_ordered_by_the_api_finds_what_became_of_the_order(
    harness_on_both: HistoryHarness,
) -> None:
    """Refused, or only confirming the callback there was."""
    await some_callbacks(harness_on_both)
    confirmed = CallbackConfirmed(
        callback_id=CallbackId("cb.1"), place_id=PlaceId("p.cb.1"), asked_id=CallbackId("callback.api.x")
    )
    await harness_on_both.tell(confirmed, at_s=700)
    async with harness_on_both.browser(BORIS) as asked:
        refused = (await asked.get("/history/callbacks/cb.5")).json()
        first = (await asked.get("/history/callbacks/callback.api.x")).json()
    assert (refused["end"], refused["reason"], refused["is_standing"]) == ("refused", "denied", False)
    assert (first["callback_id"], first["is_standing"]) == ("cb.1", True)


@pytest.mark.rule("P2", "P3", "P4", "P5", "P6", "O1")
@pytest.mark.parametrize(
    ("role", "listed"),
    [
        (Role.ADMINISTRATOR, "54321"),
        (Role.DEPARTMENT_HEAD, "5421"),
        (Role.USER, "5421"),
        (Role.RESTRICTED_USER, ""),
    ],
)
async def test_whoever_sees_a_contact_sees_its_callbacks_and_nobody_else(
    harness_on_both: HistoryHarness, role: Role, listed: str
) -> None:
    """Out of reach is 403 and recorded; another organization's is 404, like what nobody has."""
    await some_callbacks(harness_on_both, RightsSaved(agent_id=ANNA, version=2, role=role))
    async with harness_on_both.browser(ANNA) as asked:
        page = (await asked.get("/history/callbacks")).json()
        assert "".join(each["callback_id"][-1] for each in page["callbacks"]) == listed
        for name in "12345":
            before = len(harness_on_both.refusals())
            answer = await asked.get(f"/history/callbacks/cb.{name}")
            contact_id = "in.sales" if name == "4" else f"p.cb.{name}"
            contact = await asked.get(f"/history/{contact_id}")
            assert answer.status_code == contact.status_code == (200 if name in listed else 403)
            refused = harness_on_both.refusals()[before:]
            what = [] if name in listed else [f"callback/cb.{name}", f"history/{contact_id}"]
            assert [each.what for each in refused] == what
        for name in ("cb.south", "cb.9"):
            answer = await asked.get(f"/history/callbacks/{name}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        other = await asked.get("/history/callbacks", params={"department": SERVICE})
        assert "".join(each["callback_id"][-1] for each in other.json()["callbacks"]) == (
            "3" if "3" in listed else ""
        )


@pytest.mark.rule("P4")
async def test_a_restricted_user_sees_the_callbacks_of_own_calls(harness: HistoryHarness) -> None:
    """Anna was rung for this one, and for no other."""
    await some_callbacks(harness, RightsSaved(agent_id=ANNA, version=2, role=Role.RESTRICTED_USER))
    await harness.tell(stories.a_call("in.own"), stories.place("in.own"), stories.ordered("in.own"), at_s=700)
    await harness.tell(stories.offer(ANNA, 1, "in.own"), at_s=701)
    async with harness.browser(ANNA) as asked:
        found = (await asked.get("/history/callbacks")).json()["callbacks"]
    assert [each["callback_id"] for each in found] == ["cb.p.in.own"]


@pytest.mark.rule("H5")
@pytest.mark.parametrize("params", [{"origin": "web"}, {"origin": "queue,web"}], ids=str)
async def test_an_unknown_word_in_a_filter_is_refused_with_the_known_ones(
    harness: HistoryHarness, params: dict[str, str]
) -> None:
    """A typing error is no empty page."""
    await an_office(harness)
    async with harness.browser(BORIS) as asked:
        answer = await asked.get("/history/callbacks", params=params)
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(params)))


@pytest.mark.rule("V6")
async def test_rows_of_callbacks_follow_their_contact_into_lists_and_out_of_them(
    harness_on_both: HistoryHarness,
) -> None:
    """A callback that ends moves to the ended ones: no second row stays behind."""
    await an_office(harness_on_both)
    ordered = order("cb.1", at_s=100)
    await harness_on_both.tell(ordered, at_s=100)
    await harness_on_both.tell(cancelled(ordered), at_s=110)
    table = tables.callback_lists
    async with harness_on_both.engine.connect() as connection:
        query = select(table.c.list, table.c.is_standing).order_by(table.c.list)
        rows = [tuple(row) for row in await connection.execute(query)]
    assert rows == [("department/sales", False), ("organization", False)]
