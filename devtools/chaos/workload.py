"""A morning at three companies from one seed: what every customer and every agent does.

Every company has its own PBX, lines, phones and customers, so that the network's counts can be attributed by
address.
"""

import random
from dataclasses import dataclass
from typing import Any, Final

from contracts.dialling import DiallingPolicy
from contracts.directory import (
    ActionKind,
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
from contracts.ids import Address, AgentId, DepartmentId, OrganizationId, PbxId
from contracts.message import Fact

NAMES: Final = ("north", "south", "east")
DEPARTMENTS: Final = ("sales", "service")
CUSTOMERS: Final = 8
AGENTS: Final = 3
CALL_EVERY_S: Final = 1.6
"""The time between two calls of all companies: agents are busy most of the time, and customers wait."""
SAID: Final = "Добрый день. Перезвоните мне, пожалуйста, завтра утром по поводу моего договора."


@dataclass(frozen=True, slots=True)
class Company:
    """One company with its cards."""

    organization_id: OrganizationId
    pbx_id: PbxId
    book: tuple[Fact, ...]
    addresses: frozenset[str]
    """All phones that may be dialled for it."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The morning: companies, and the phones' script as `ringback phones` reads it."""

    companies: tuple[Company, ...]
    script: dict[str, Any]
    calls: int


def workload(seed: int, calls_s: float) -> Workload:
    """The morning of a seed; its calls come in `calls_s` seconds."""
    chance = random.Random(f"chaos workload {seed}")
    companies: list[Company] = []
    pbxs: dict[str, Any] = {}
    public: dict[str, Any] = {}
    calls = 0
    for number, name in enumerate(NAMES):
        company = _company(chance, number, name)
        companies.append(company)
        customers = [f"+7900000{number}{customer:03}" for customer in range(CUSTOMERS)]
        phones = {address: _agents_phone(chance) for address in _desks(number)}
        made = [
            _call(chance, number, customers, calls_s)
            for _ in range(max(1, round(calls_s / CALL_EVERY_S / len(NAMES))))
        ]
        calls += len(made)
        pbxs[str(company.pbx_id)] = {"phones": phones, "calls": made}
        public |= {customer: {"behaviours": [_customer(chance) for _ in range(4)]} for customer in customers}
        public |= {mobile: _agents_phone(chance, is_mobile=True) for mobile in _mobiles(number)}
    script = {"seed": chance.getrandbits(30), "pbxs": pbxs, "public": public}
    return Workload(tuple(companies), script, calls)


def _desks(number: int) -> list[str]:
    return [f"sip:{number + 2}{agent + 10}" for agent in range(AGENTS)]


def _mobiles(number: int) -> list[str]:
    return [f"+7900001{number}{agent:03}" for agent in range(AGENTS)]


def line_of(number: int, department: int) -> str:
    """The public number of a company's department."""
    return f"+74950{number}0100{department}"


def department_extension(department: int) -> str:
    """The extension of a department, the same at each company."""
    return f"30{department}"


def _company(chance: random.Random, number: int, name: str) -> Company:
    lines = [line_of(number, department) for department in range(len(DEPARTMENTS))]
    pbx_id = PbxId(f"pbx-{name}")
    agents = [
        AgentSaved(
            agent_id=AgentId(f"{name}-{agent}"),
            version=1,
            name=f"Agent {agent} of {name}",
            pbx_id=pbx_id,
            extension=desk.removeprefix("sip:"),
            devices=_devices(chance, desk, mobile),
        )
        for agent, (desk, mobile) in enumerate(zip(_desks(number), _mobiles(number), strict=True))
    ]
    book = (
        OrganizationSaved(
            organization_id=OrganizationId(name),
            version=1,
            name=name.capitalize(),
            language=Language.RUSSIAN,
            timezone="Europe/Moscow",
            administrators=(_recipient("admin", name),),
            dialling_policy=DiallingPolicy(
                own_numbers=tuple(lines), orders_per_hour_per_number_max=20, orders_per_day_per_number_max=50
            ),
        ),
        PbxSaved(pbx_id=pbx_id, version=1, name=name, kind=PbxKind.CLOUD, numbers=tuple(lines)),
        *agents,
        *(
            _department(chance, name, department, pbx_id, lines[at], agents)
            for at, department in enumerate(DEPARTMENTS)
        ),
    )
    customers = {f"tel:+7900000{number}{customer:03}" for customer in range(CUSTOMERS)}
    mobiles = {f"tel:{mobile}" for mobile in _mobiles(number)}
    return Company(OrganizationId(name), pbx_id, book, frozenset(customers | mobiles | set(_desks(number))))


def _devices(chance: random.Random, desk: str, mobile: str) -> tuple[Device, ...]:
    devices = [Device(kind=DeviceKind.DESK, address=Address(desk))]
    if chance.random() < 0.3:
        devices.append(Device(kind=DeviceKind.MOBILE, address=Address(f"tel:{mobile}"), delay_ms=3_000))
    return tuple(devices)


def _department(
    chance: random.Random, name: str, department: str, pbx_id: PbxId, line: str, agents: list[AgentSaved]
) -> DepartmentSaved:
    seats = [agent.agent_id for agent in agents if chance.random() < 0.8] or [agents[0].agent_id]
    other = next(each for each in DEPARTMENTS if each != department)
    # Only in one direction, or a caller who never gives up would be passed back and forth.
    may_pass = department == DEPARTMENTS[0] and chance.random() < 0.3
    kind = ActionKind.OTHER_DEPARTMENT if may_pass else ActionKind.VOICEMAIL
    return DepartmentSaved(
        department_id=DepartmentId(f"{name}-{department}"),
        version=1,
        name=department,
        pbx_id=pbx_id,
        extension=department_extension(DEPARTMENTS.index(department)),
        lines=(line,),
        agents=tuple(Membership(agent_id=each) for each in seats),
        strategy=Strategy(
            kind=chance.choice(tuple(StrategyKind)),
            ring_ms=chance.choice((8_000, 12_000)),
            pause_between_rounds_ms=3_000,
        ),
        no_answer_ms=chance.choice((35_000, 45_000, 60_000)),
        no_answer_action=NoAnswerAction(
            kind=kind,
            department_id=DepartmentId(f"{name}-{other}") if kind is ActionKind.OTHER_DEPARTMENT else None,
        ),
        wrap_up_ms=chance.choice((0, 2_000)),
        callback=CallbackSettings(invitation_after_ms=2_000, attempt_gap_ms=10_000, ring_ms=12_000),
        recipients=tuple(_recipient(f"{department}{n}", name) for n in range(chance.randint(1, 2))),
    )


def _recipient(who: str, name: str) -> Recipient:
    return Recipient(name=who, email=f"{who}@{name}.example")


def _agents_phone(chance: random.Random, *, is_mobile: bool = False) -> dict[str, Any]:
    return {"behaviours": [_agent(chance, is_mobile=is_mobile) for _ in range(8)]}


def _agent(chance: random.Random, *, is_mobile: bool) -> dict[str, Any]:
    """What an agent does with one offer: answers and talks, declines, misses, or answers and drops."""
    key: list[dict[str, Any]] = [{"wait_s": 1.0}, {"press": "1"}] if is_mobile else []
    talk = [{"until": "bridged"}, {"wait_s": chance.uniform(5, 25)}, {"hang_up": True}]
    match chance.choices(range(4), (7, 1, 1, 1))[0]:
        case 0:
            return {"answer_after_s": chance.uniform(0.5, 5), "then": [*key, *talk]}
        case 1:
            return {"decline_after_s": chance.uniform(0.5, 4)}
        case 2:
            return {}
        case _:
            return {
                "answer_after_s": 1.0,
                "then": [{"wait_s": chance.uniform(0.5, 4)}, {"hang_up": True}],
            }


def _customer(chance: random.Random) -> dict[str, Any]:
    """What a customer does with a call from us."""
    match chance.choices(range(5), (5, 1, 1, 3, 2))[0]:
        case 0:
            talk = [{"until": "bridged"}, {"wait_s": chance.uniform(3, 15)}, {"hang_up": True}]
            return {"answer_after_s": chance.uniform(1, 6), "then": talk}
        case 1:
            return {"condition": "busy"}
        case 2:
            return {}
        case 3:
            speak = [{"after": "apology_press_one"}, {"press": "1"}, {"until": "recording"}]
            return {"answer_after_s": 1.5, "then": [*speak, {"say": SAID}, {"hang_up": True}]}
        case _:
            return {"answer_after_s": 2.0, "then": [{"wait_s": chance.uniform(1, 15)}, {"hang_up": True}]}


def _call(chance: random.Random, number: int, customers: list[str], calls_s: float) -> dict[str, Any]:
    """One call: waits, orders and hangs up, gives up, or waits for the answering machine and speaks."""
    match chance.choices(range(4), (4, 12, 2, 4))[0]:
        case 0:
            then: list[dict[str, Any]] = [{"wait_s": chance.uniform(40, 90)}, {"hang_up": True}]
        case 1:
            again: list[dict[str, Any]]
            orders: list[dict[str, Any]] = [{"after": "invitation"}, {"wait_s": 0.3}, {"press": "1"}]
            # A caller without an answer presses again: a key is lost while no gateway runs.
            again = [{"wait_s": 6.0}, {"press": "1"}] if chance.random() < 0.5 else []
            then = [*orders, *again, {"wait_s": chance.uniform(0, 12)}, {"hang_up": True}]
        case 2:
            then = [{"wait_s": chance.uniform(0.2, 30)}, {"hang_up": True}]
        case _:
            then = [{"until": "recording"}, {"say": SAID}, {"hang_up": True}]
    return {
        "at_s": round(chance.uniform(0, calls_s), 2),
        "caller": None if chance.random() < 0.05 else chance.choice(customers),
        "line": line_of(number, chance.randrange(len(DEPARTMENTS))),
        "then": then,
    }
