"""A believable afternoon, for pictures: departments, a day of calls, and one deadline that nobody keeps."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.callback import CallbackConnected, CallbackExpired, CallbackOrdered, Origin
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, LegId, OfferId, PbxId, PlaceId
from contracts.message import Fact
from contracts.queue import (
    AgentBusy,
    OfferMade,
    PlaceAbandoned,
    PlaceClosed,
    PlaceConnected,
    PlaceTaken,
    WrapUpStarted,
)
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.directory.companies import Company

MOSCOW: Final = PbxId("moskva")
LINE: Final = "+74950001000"
AFTERNOON_MS: Final = 5 * 3_600_000 + 31 * 60_000
"""From nine to 14:31."""


class Person(NamedTuple):
    """An employee: what he does, and for how many seconds."""

    name: str
    does: str
    since_s: int


class Waiting(NamedTuple):
    """A place: who holds it, and for how many seconds."""

    held: str
    waited_s: int
    ringing: tuple[str, ...] = ()


class Busy(NamedTuple):
    """A department, and its day: answered in time and later, given up, called back, expired."""

    name: str
    people: tuple[Person, ...]
    places: tuple[Waiting, ...]
    day: tuple[int, int, int, int, int]
    timeout_s: int = 600


COMPANY: Final = {
    "sales": Busy(
        "Отдел продаж",
        (
            Person("Орлов Игорь", "ring", 6),
            Person("Громова Анна", "ring", 6),
            Person("Левина Вера", "talk", 192),
            Person("Денисов Павел", "talk", 105),
            Person("Сафин Тимур", "talk", 20),
            Person("Белова Ольга", "wrap", 14),
            Person("Никитин Роман", "lunch", 760),
        ),
        (
            Waiting("queue", 134, ("Орлов Игорь", "Громова Анна")),
            Waiting("line", 92),
            Waiting("line", 51),
            Waiting("abandoned", 22),
        ),
        (101, 11, 6, 7, 0),
    ),
    "support": Busy(
        "Техническая поддержка",
        (
            Person("Ершов Антон", "talk", 511),
            Person("Титова Нина", "talk", 242),
            Person("Гусев Лев", "talk", 170),
            Person("Рыжов Фёдор", "lunch", 2530),
            Person("Климова Дарья", "break", 380),
        ),
        (
            Waiting("queue", 552),
            Waiting("line", 460),
            Waiting("line", 365),
            Waiting("queue", 341),
            Waiting("line", 190),
            Waiting("api", 86),
        ),
        (57, 12, 24, 8, 2),
    ),
    "delivery": Busy(
        "Доставка",
        (
            Person("Ветрова Яна", "ring", 4),
            Person("Лосева Инна", "talk", 310),
            Person("Юдин Глеб", "wrap", 8),
            Person("Комаров Илья", "free", 151),
        ),
        (Waiting("queue", 39, ("Ветрова Яна",)),),
        (39, 1, 1, 1, 0),
        300,
    ),
    "billing": Busy(
        "Бухгалтерия",
        (Person("Жукова Мария", "free", 1900), Person("Котов Егор", "talk", 88)),
        (),
        (18, 2, 1, 0, 0),
    ),
    "partners": Busy(
        "Партнёры",
        (Person("Фролова Алла", "talk", 402), Person("Рябов Кирилл", "meeting", 1500)),
        (Waiting("line", 470),),
        (21, 4, 2, 1, 0),
    ),
    "repairs": Busy(
        "Ремонт и гарантия",
        (
            Person("Зуева Лидия", "free", 44),
            Person("Панин Олег", "free", 620),
            Person("Мухин Денис", "talk", 61),
        ),
        (),
        (26, 3, 0, 2, 0),
    ),
}
PAUSES: Final = ("lunch", "break", "meeting")


async def fill(company: Company, history: CompanyHistory, *departments: str) -> None:
    """These departments at 14:31, each with its people, its places and its day."""
    assert (await company.changed("/organization", name="Северный ветер")).status_code == 200
    now = company.clock.now() + AFTERNOON_MS
    ids: dict[str, str] = {}
    for id_ in departments:
        busy, seats = COMPANY[id_], []
        for person in busy.people:
            made = await company.made("/employees", {"name": person.name, "pbx_id": MOSCOW})
            ids[person.name] = made["id"]
            seats.append({"agent_id": made["id"]})
        if id_ == "sales":
            changed = await company.changed("/departments/sales", name=busy.name, agents=seats)
            assert changed.status_code == 200, changed.text
        else:
            await company.made(
                "/departments", {"id": id_, "name": busy.name, "pbx_id": MOSCOW, "agents": seats}
            )
    await history.hear_directory()
    told: list[tuple[int, Person | Fact]] = []
    for id_ in departments:
        told += [(person.since_s, person) for person in COMPANY[id_].people]
        told += [(3_600, fact) for fact in _day(id_, now)]
        told += [(since_s, fact) for since_s, fact in _places(id_, ids, now)]
    batch: list[Fact] = []
    for since_s, what in sorted(told, key=lambda each: -each[0]):
        at = now - 1_000 * since_s
        if at != company.clock.now() or isinstance(what, Person):
            await history.tell(*batch)
            batch = []
            company.clock.at = float(at)
        if isinstance(what, Person):
            await _begin(company, history, what, ids[what.name], now)
        else:
            batch.append(what)
    await history.tell(*batch)
    company.clock.at = float(now)


async def _begin(company: Company, history: CompanyHistory, person: Person, id_: str, now: int) -> None:
    agent_id = AgentId(id_)
    if person.does in PAUSES:
        # The login of the morning is over.
        company.headers = await company.login("gusev.r")
        pause = {"is_paused": True, "reason": person.does}
        assert (await company.call("PUT", f"/agents/{id_}/pause", pause)).status_code == 204
        await history.hear_directory()
    elif person.does == "talk":
        await history.tell(
            AgentBusy(agent_id=agent_id, leg_id=LegId(f"l.{id_}"), lease_until_at=Instant(2**42))
        )
    elif person.does == "wrap":
        await history.tell(WrapUpStarted(agent_id=agent_id, until_at=Instant(now + 30_000)))


def _places(department: str, ids: dict[str, str], now: int) -> Iterator[tuple[int, Fact]]:
    busy = COMPANY[department]
    for index, each in enumerate(busy.places, 1):
        name = f"{department}.{index}"
        yield each.waited_s, _taken(department, name, now - 1_000 * each.waited_s, position=index)
        if each.held != "line":
            ordered = _ordered(department, name, now - 1_000 * each.waited_s, Origin(each.held))
            yield each.waited_s - 10, ordered
        for number, person in enumerate(each.ringing, 1):
            since_s = next(one.since_s for one in busy.people if one.name == person)
            yield (
                since_s,
                OfferMade(
                    offer_id=OfferId(f"p.{name}.o{number}"),
                    place_id=PlaceId(f"p.{name}"),
                    department_id=DepartmentId(department),
                    agent_id=AgentId(ids[person]),
                    round=1,
                    ring_ms_max=20_000,
                    legs=(),
                ),
            )


def _day(department: str, now: int) -> Iterator[Fact]:
    """The calls of the day until an hour ago; each waits for as long as its kind does."""
    soon, later, gave_up, called_back, expired = COMPANY[department].day
    waits = (
        ["soon"] * soon
        + ["later"] * later
        + ["gave_up"] * gave_up
        + ["back"] * called_back
        + ["late"] * expired
    )
    for index, kind in enumerate(waits, 1):
        name, joined_at = f"day.{department}.{index}", now - 3_600_000 - 40_000 * index
        yield _taken(department, name, joined_at, position=1)
        place_id = PlaceId(f"p.{name}")
        if kind in ("soon", "later"):
            yield PlaceConnected(
                place_id=place_id,
                agent_id=AgentId("nobody"),
                leg_id=LegId(name),
                agent_leg_id=LegId(f"a.{name}"),
                waited_ms=9_000 if kind == "soon" else 70_000,
            )
        elif kind == "gave_up":
            yield PlaceAbandoned(place_id=place_id, waited_ms=95_000)
        else:
            yield from _called_back(department, name, joined_at, is_expired=kind == "late")


def _called_back(department: str, name: str, joined_at: int, *, is_expired: bool) -> Iterator[Fact]:
    ordered = _ordered(department, name, joined_at, Origin.QUEUE)
    yield ordered
    ended = {
        "callback_id": ordered.callback_id,
        "place_id": ordered.place_id,
        "department_id": ordered.department_id,
        "pbx_id": MOSCOW,
        "number": ordered.number,
        "joined_at": Instant(joined_at),
        "ordered_at": Instant(joined_at),
        "attempts": 1,
    }
    if is_expired:
        yield CallbackExpired(**ended, has_voice_message=False, was_told=True)  # type: ignore[arg-type]
    else:
        yield CallbackConnected(
            **ended,  # type: ignore[arg-type]
            agent_id=AgentId("nobody"),
            agent_leg_id=LegId(f"a.{name}"),
            leg_id=LegId(f"c.{name}"),
            waited_ms=240_000,
        )
    outcome = "expired" if is_expired else "connected"
    yield PlaceClosed(place_id=ordered.place_id, callback_id=ordered.callback_id, outcome=outcome)


def _number(name: str) -> str:
    return f"+7900000{sum(map(ord, name)) * 37 % 10_000:04}"


def _taken(department: str, name: str, joined_at: int, *, position: int) -> PlaceTaken:
    return PlaceTaken(
        place_id=PlaceId(f"p.{name}"),
        department_id=DepartmentId(department),
        pbx_id=MOSCOW,
        leg_id=LegId(name),
        caller=_number(name),
        line=LINE,
        joined_at=Instant(joined_at),
        deadline_at=Instant(joined_at + 1_000 * COMPANY[department].timeout_s),
        position=position,
    )


def _ordered(department: str, name: str, joined_at: int, origin: Origin) -> CallbackOrdered:
    return CallbackOrdered(
        callback_id=CallbackId(f"cb.p.{name}"),
        place_id=PlaceId(f"p.{name}"),
        department_id=DepartmentId(department),
        pbx_id=MOSCOW,
        number=_number(name),
        caller_id=LINE,
        joined_at=Instant(joined_at),
        deadline_at=Instant(joined_at + 1_000 * COMPANY[department].timeout_s),
        leg_id=LegId(name),
        origin=origin,
    )
