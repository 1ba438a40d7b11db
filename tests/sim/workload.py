"""The behaviour of all customers and agents of a morning, from one seed."""

import random
from typing import Any, Final

import msgspec

from contracts.dialling import DiallingPolicy
from contracts.directory import (
    ActionKind,
    AgentAvailabilitySaved,
    AgentSaved,
    CallbackSettings,
    DepartmentSaved,
    Device,
    DeviceKind,
    Language,
    Membership,
    NoAnswerAction,
    OrganizationSaved,
    PbxKind,
    PbxSaved,
    Recipient,
    Strategy,
    StrategyKind,
)
from contracts.ids import Address, AgentId, DepartmentId, Instant, OrganizationId, PbxId
from contracts.message import Fact, Interval
from services.gateway.simulated import Script
from services.gateway.simulated import script as scripts
from tests.sim import (
    department_options,
    direct,
    late_deciders,
    mobile_networks,
    rare_events,
    returning_customers,
)

ORGANIZATION: Final = OrganizationId("north")
CLOUD: Final = PbxId("cloud")
SECOND: Final = PbxId("second")
LINES: Final = {"sales": "+74950001000", "service": "+74950001001"}
CUSTOMERS: Final = [f"+7916555{number:04d}" for number in range(5)]
ZERO_S: Final = 8.0
"""Calls begin after this time, when every process has started."""
CALLS_S: Final = 150.0
"""All calls come within this time, so that customers must wait."""
MORNING_S: Final = 420.0


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """One morning: the office's first cards, later changes, and all people's behaviour."""

    book: tuple[Fact, ...]
    changes: tuple[tuple[float, Fact], ...]
    script: Script
    ends_at_s: float
    office: OrganizationSaved
    departments: tuple[DepartmentSaved, ...]
    plans: tuple[returning_customers.Plan, ...] = ()
    """People's reactions to events."""


def workload(seed: int, now: int) -> Workload:
    """The morning of a seed."""
    chance = random.Random(f"workload {seed}")
    seldom = random.Random(f"rare {seed}")
    agents = _agents(chance)
    switched = random.Random(f"switches {seed}")
    straight = random.Random(f"direct {seed}")
    watching = random.Random(f"again {seed}")
    departments = [
        department_options.department(switched, rare_events.department(seldom, each, agents))
        for each in _departments(chance, agents)
    ]
    numbers = (*LINES.values(), *direct.LINES)
    usual = DiallingPolicy(own_numbers=numbers, orders_per_hour_per_number_max=5)
    office = OrganizationSaved(
        organization_id=ORGANIZATION,
        version=1,
        name="North",
        language=Language.RUSSIAN,
        timezone="Europe/Moscow",
        administrators=rare_events.administrators(seldom, (_recipient("admin"),)),
        dialling_policy=rare_events.policy(seldom, usual),
    )
    book: list[Fact] = [
        office,
        PbxSaved(pbx_id=CLOUD, version=1, name="Moscow", kind=PbxKind.CLOUD, numbers=numbers),
        PbxSaved(pbx_id=SECOND, version=1, name="Volga", kind=PbxKind.CLOUD, numbers=("+78310002000",)),
        *agents,
        *departments,
        *direct.book(straight, agents, CUSTOMERS),
    ]
    rush = returning_customers.rush(watching, departments)
    networks = random.Random(f"networks {seed}")
    script = _script(chance, seldom, straight, watching, networks, agents, has_rush=bool(rush))
    changes = _changes(chance, departments, agents, now)
    seated = [agent.agent_id for agent in agents]
    asked = department_options.changes(switched, departments, CUSTOMERS, seated)
    erased = rare_events.erasures(random.Random(f"erasure {seed}"), CUSTOMERS)
    seldom_said = (*rare_events.changes(seldom, office, agents, CUSTOMERS), *asked, *erased)
    later = [(ZERO_S + at_s, fact) for at_s, fact in (*seldom_said, *rush)]
    return Workload(
        book=tuple(book),
        changes=tuple(sorted((*changes, *later), key=lambda each: each[0])),
        script=script,
        ends_at_s=ZERO_S + MORNING_S,
        office=office,
        departments=tuple(departments),
        plans=(
            *returning_customers.plans(watching, LINES),
            *late_deciders.plans(random.Random(f"behind {seed}")),
        ),
    )


def _recipient(name: str) -> Recipient:
    return Recipient(name=name, email=f"{name}@north.example")


def _agents(chance: random.Random) -> list[AgentSaved]:
    agents = []
    for number in range(chance.choice((1, 2, 2, 3, 4))):
        extension = f"{201 + number}"
        devices = [Device(kind=DeviceKind.DESK, address=Address(f"sip:{extension}"))]
        if chance.random() < 0.4:
            mobile = Address(f"tel:+7916000{number:04d}")
            devices.append(Device(kind=DeviceKind.MOBILE, address=mobile, delay_ms=5_000))
        agents.append(
            AgentSaved(
                agent_id=AgentId(f"a{number}"),
                version=1,
                name=f"Agent {number}",
                pbx_id=SECOND if chance.random() < 0.25 else CLOUD,
                extension=extension,
                devices=tuple(devices),
            )
        )
    return agents


def _departments(chance: random.Random, agents: list[AgentSaved]) -> list[DepartmentSaved]:
    found: list[DepartmentSaved] = []
    for name, other in (("sales", "service"), ("service", "sales")):
        kind = chance.choice(tuple(ActionKind))
        action = NoAnswerAction(
            kind=kind,
            agent_id=agents[0].agent_id if kind is ActionKind.FALLBACK_EMPLOYEE else None,
            department_id=DepartmentId(other) if kind is ActionKind.OTHER_DEPARTMENT else None,
        )
        seats = [agent.agent_id for agent in agents if chance.random() < 0.7] or [agents[-1].agent_id]
        chance.shuffle(seats)
        found.append(
            DepartmentSaved(
                department_id=DepartmentId(name),
                version=1,
                name=name,
                pbx_id=CLOUD,
                extension=f"30{len(found)}",
                lines=(LINES[name],),
                agents=tuple(Membership(agent_id=each) for each in seats),
                strategy=_strategy(chance),
                no_answer_ms=chance.choice((40_000, 75_000, 150_000)),
                no_answer_action=action,
                wrap_up_ms=chance.choice((0, 0, 5_000)),
                waiting_max=chance.choice((None, None, 4)),
                callback=CallbackSettings(
                    invitation_after_ms=10_000, attempt_gap_ms=chance.choice((20_000, 60_000)), ring_ms=15_000
                ),
                recipients=tuple(_recipient(f"{name}{n}") for n in range(chance.randint(0, 2))),
            )
        )
    return found


def _strategy(chance: random.Random) -> Strategy:
    kind = chance.choice(tuple(StrategyKind))
    # A short step, so that several ring at once although most answer within nine seconds.
    step_ms = 4_000 if kind is StrategyKind.CUMULATIVE else None
    return Strategy(kind=kind, ring_ms=chance.choice((8_000, 15_000)), step_ms=step_ms)


def _changes(
    chance: random.Random, departments: list[DepartmentSaved], agents: list[AgentSaved], now: int
) -> list[tuple[float, Fact]]:
    """An agent is suspended, moved in the order, or goes home, often during a call."""
    changes: list[tuple[float, Fact]] = []
    for department in departments:
        for version in range(2, 2 + chance.randint(0, 2)):
            seats = [
                Membership(agent_id=each.agent_id, is_suspended=chance.random() < 0.3)
                for each in department.agents
            ]
            chance.shuffle(seats)
            changed = msgspec.structs.replace(
                department,
                version=version,
                agents=tuple(seats),
                no_answer_ms=chance.choice((40_000, department.no_answer_ms)),
            )
            changes.append((ZERO_S + chance.uniform(10, MORNING_S), changed))
    if chance.random() < 0.4:
        leaver = chance.choice(agents)
        home_at = Instant(now + round(1000 * (ZERO_S + chance.uniform(30, MORNING_S))))
        hours = (Interval(from_at=Instant(now - 3_600_000), until_at=home_at),)
        fact = AgentAvailabilitySaved(agent_id=leaver.agent_id, version=1, hours=hours, absences=())
        changes.append((0.0, fact))
    return changes


def _script(
    chance: random.Random,
    seldom: random.Random,
    straight: random.Random,
    watching: random.Random,
    networks: random.Random,
    agents: list[AgentSaved],
    *,
    has_rush: bool,
) -> Script:
    phones: dict[PbxId, dict[str, Any]] = {CLOUD: {}, SECOND: {}}
    public: dict[str, Any] = {}
    for agent in agents:
        for device in agent.devices:
            scheme, _, number = device.address.partition(":")
            if scheme == "sip":
                phones[agent.pbx_id][device.address] = _phone(chance, is_mobile=False)
            else:
                public[number] = _phone(chance, is_mobile=True)
    for number in CUSTOMERS:
        public[number] = {"behaviours": [_customer(chance) for _ in range(4)]}
    calls = [_call(chance) for _ in range(chance.randint(5, 11))]
    network: dict[str, Any] = {}
    if chance.random() < 0.5:
        network = {"replies_lost": 0.03, "replies_doubled": 0.03, "replies_late": 0.05}
    if chance.random() < 0.3:
        network["absences"] = [
            {"at_s": chance.uniform(20, 300), "for_s": chance.uniform(5, 40), "drops": 0.3}
        ]
    calls += rare_events.calls(seldom, CUSTOMERS, tuple(LINES.values()))
    calls += direct.calls(straight, CUSTOMERS)
    public[direct.OUTSIDE] = {"behaviours": [_customer(straight) for _ in range(4)]}
    if has_rush:
        returning_customers.rushed(watching, public)
    mobile_networks.make_late(networks, public)
    mobile_networks.write_lines(networks, calls)
    seed = chance.getrandbits(30)
    if random.Random(seed).random() < 0.3:
        # Its own draw, so that every other morning stays as it was. Real speech takes minutes at this rate,
        # and a long talk the better part of an hour, for which the morning waits (`World._sent_at_s`).
        network["sound_bytes_per_s"] = 800
    script = {
        "seed": seed,
        "pbxs": {
            CLOUD: {"phones": phones[CLOUD], "calls": calls, "network": network},
            SECOND: {"phones": phones[SECOND]},
        },
        "public": public,
    }
    return scripts.read(returning_customers.phones(watching, rare_events.phones(seldom, script)))


def _phone(chance: random.Random, *, is_mobile: bool) -> dict[str, Any]:
    """How an agent's phone behaves, dialling by dialling."""
    own: list[dict[str, float]] = []
    if not is_mobile and chance.random() < 0.3:
        own.append({"at_s": chance.uniform(5, 200), "for_s": chance.uniform(5, 60)})
    behaviours = [_agent_answer(chance, is_mobile=is_mobile) for _ in range(6)]
    return {"behaviours": behaviours, "own_calls": own}


def _agent_answer(chance: random.Random, *, is_mobile: bool) -> dict[str, Any]:
    talk = [{"until": "bridged"}, {"wait_s": chance.uniform(5, 90)}, {"hang_up": True}]
    key = [{"wait_s": chance.uniform(0.5, 3)}, {"press": "1"}] if is_mobile else []
    match chance.choices(range(6), (6, 1, 1, 1, 1, 1))[0]:
        case 0:
            return {"answer_after_s": chance.uniform(0.5, 9), "then": [*key, *talk]}
        case 1:
            return {"decline_after_s": chance.uniform(0.5, 14)}
        case 2:
            return {}
        case 3:
            return {"condition": chance.choice(("busy", "unavailable", "dead"))}
        case 4:
            # Answers and drops at once: before the bridge, or before the customer answers.
            return {"answer_after_s": 1.0, "then": [{"wait_s": chance.uniform(0, 6)}, {"hang_up": True}]}
        case _:
            # A mobile's own voicemail answers and presses nothing.
            return {"answer_after_s": 3.0, "then": [{"wait_s": 30}, {"hang_up": True}]}


def _customer(chance: random.Random) -> dict[str, Any]:
    """How a customer answers when called back."""
    match chance.choices(range(6), (6, 1, 1, 1, 2, 2))[0]:
        case 0:
            talk = [{"until": "bridged"}, {"wait_s": chance.uniform(3, 40)}, {"hang_up": True}]
            return {"answer_after_s": chance.uniform(1, 10), "then": talk}
        case 1:
            return {"condition": "busy"}
        case 2:
            return {}
        case 3:
            return {"condition": "unknown"}
        case 4:
            # The customer hears the whole apology, presses 1 and leaves a voice message.
            speak = [{"after": "apology_press_one"}, {"press": "1"}, {"until": "recording"}]
            return {"answer_after_s": 2.0, "then": [*speak, {"say": "call me " * 5}, {"hang_up": True}]}
        case _:
            return {"answer_after_s": 2.0, "then": [{"wait_s": chance.uniform(0.5, 20)}, {"hang_up": True}]}


def _call(chance: random.Random) -> dict[str, Any]:
    """One call to the company."""
    match chance.choices(range(5), (3, 6, 2, 2, 3))[0]:
        case 0:
            then: list[dict[str, Any]] = [{"wait_s": chance.uniform(100, 400)}, {"hang_up": True}]
        case 1:
            then = [
                {"after": "invitation"},
                {"press": "1"},
                {"wait_s": chance.uniform(0, 15)},
                {"hang_up": True},
            ]
        case 2:
            then = [{"wait_s": chance.uniform(0.2, 60)}, {"hang_up": True}]
        case 3:
            then = [
                {"after": "voicemail_greeting"},
                {"until": "recording"},
                {"say": "hello " * 8},
                {"hang_up": True},
            ]
        case _:
            then = [
                {"wait_s": 8.0},
                {"press": "1"},
                {"wait_s": 4.0},
                {"press": "1"},
                {"wait_s": 60},
                {"hang_up": True},
            ]
    return {
        "at_s": chance.uniform(0, CALLS_S),
        "caller": None if chance.random() < 0.1 else chance.choice(CUSTOMERS),
        "line": chance.choice(tuple(LINES.values())),
        "then": then,
    }
