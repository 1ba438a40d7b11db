"""Turns between organizations: a flood waits behind itself."""

import asyncio

import pytest

from runtime.fairness import FairRoom, Turns


@pytest.mark.rule("O1")
def test_organizations_take_turns_whatever_each_has_brought() -> None:
    """One notice of a neighbour comes after a single one of ten thousand."""
    turns: Turns[int] = Turns(per_organization_max=10)
    for number in range(5):
        turns.put("flood", number)
    turns.put("neighbour", 100)
    turns.put("third", 200)
    taken = [turns.take() for _ in range(4)]
    assert taken == [("flood", 0), ("neighbour", 100), ("third", 200), ("flood", 1)]


@pytest.mark.rule("O1")
def test_one_organization_begins_only_so_many_at_once_and_keeps_its_order() -> None:
    """Places stay free for those who come later."""
    turns: Turns[int] = Turns(per_organization_max=2)
    for number in range(4):
        turns.put("flood", number)
    assert [turns.take(), turns.take(), turns.take()] == [("flood", 0), ("flood", 1), None]
    turns.put("neighbour", 100)
    assert turns.take() == ("neighbour", 100)
    turns.end("flood")
    assert turns.take() == ("flood", 2)
    assert turns.size == 1


@pytest.mark.rule("O1")
async def test_a_neighbour_finds_a_place_at_once_beside_a_flood() -> None:
    """Two engines speak; one organization has one of them."""
    room = FairRoom(places=2, per_organization_max=1)
    under_way: list[str] = []
    go_on = asyncio.Event()

    async def work(organization: str) -> None:
        async with room.place(organization):
            under_way.append(organization)
            await go_on.wait()

    tasks = [asyncio.create_task(work("flood")) for _ in range(10)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(work("neighbour")))
    await asyncio.sleep(0.01)
    assert under_way == ["flood", "neighbour"]
    go_on.set()
    await asyncio.gather(*tasks)
    assert under_way.count("flood") == 10


async def test_whoever_gives_up_while_waiting_takes_no_place() -> None:
    """Also one that was let in at the very moment."""
    room = FairRoom(places=1, per_organization_max=1)

    async def work() -> str:
        async with room.place("one"):
            await asyncio.sleep(0)
            return "done"

    tasks = [asyncio.create_task(work()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks[:4]:
        task.cancel()
    await asyncio.gather(*tasks[:4], return_exceptions=True)
    assert await asyncio.wait_for(tasks[4], 1) == "done"
    assert await asyncio.wait_for(work(), 1) == "done"
