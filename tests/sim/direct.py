"""Direct calls, a call scenario, a CRM's responsible manager: what routing does besides handing calls over.

They are drawn from a separate random stream, so that a seed's other calls stay the same.
"""

import random
from typing import Any, Final

from contracts.directory import (
    AgentSaved,
    DirectAction,
    DirectActionKind,
    DirectRulesSaved,
    NoticeChoice,
    NoticeKind,
    ResponsibleSaved,
)
from contracts.ids import AgentId, DepartmentId, PbxId, ScenarioId
from contracts.message import Fact
from contracts.scenario import Arrow, Element, ElementKind, ScenarioSaved

PERSONAL: Final = "+74950001003"
SCENARIO: Final = "+74950001004"
LINES: Final = (PERSONAL, SCENARIO)
OUTSIDE: Final = "+79165550011"
"""An external number of the scenario, whose phone answers like customers' phones."""
FOREIGN: Final = "+4915112345678"
"""A number that policy does not allow."""
TOLD: Final = NoticeChoice(kind=NoticeKind.STANDARD)


def book(chance: random.Random, agents: list[AgentSaved], customers: list[str]) -> list[Fact]:
    """One employee with a personal number, rules for two, a scenario; sometimes a responsible manager."""
    first, second = agents[0].agent_id, agents[-1].agent_id
    found: list[Fact] = [
        _rules(chance, first, second, (PERSONAL,)),
        _rules(chance, second, first, ()),
        _scenario(chance, first),
    ]
    if chance.random() < 0.3:
        number = chance.choice(customers)
        found.append(ResponsibleSaved(number=number, version=1, agent_id=first, second_agent_id=second))
    return found


def _rules(
    chance: random.Random, agent_id: AgentId, colleague: AgentId, numbers: tuple[str, ...]
) -> DirectRulesSaved:
    return DirectRulesSaved(
        agent_id=agent_id,
        version=1,
        numbers=numbers,
        no_answer_ms=chance.choice((12_000, 25_000)),
        no_answer=_action(chance, colleague),
        out_of_hours=_action(chance, colleague),
        absence=_action(chance, colleague),
        mobile=OUTSIDE,
    )


def _action(chance: random.Random, colleague: AgentId) -> DirectAction:
    kind = chance.choice(tuple(DirectActionKind))
    return DirectAction(
        kind=kind,
        agent_id=colleague if kind is DirectActionKind.COLLEAGUE else None,
        department_id=DepartmentId("sales") if kind is DirectActionKind.DEPARTMENT else None,
        notice=TOLD if chance.random() < 0.7 else NoticeChoice(kind=NoticeKind.NONE),
    )


def _scenario(chance: random.Random, agent_id: AgentId) -> ScenarioSaved:
    """Greeting and menu: 1 an employee, then voicemail; 2 a department; 3 an external number; else an end."""
    elements = (
        Element(element_id="hello", kind=ElementKind.GREETING, notice=TOLD, arrows=(_on("next", "menu"),)),
        Element(
            element_id="menu",
            kind=ElementKind.MENU,
            notice=TOLD,
            arrows=(_on("1", "one"), _on("2", "sales"), _on("3", "outside"), _on("no_choice", "end")),
        ),
        Element(
            element_id="one",
            kind=ElementKind.INTERNAL_SUBSCRIBER,
            agent_id=agent_id,
            wait_ms=15_000,
            arrows=(_on("no_answer", "machine"),),
        ),
        Element(element_id="machine", kind=ElementKind.VOICEMAIL, department_id=DepartmentId("sales")),
        Element(element_id="sales", kind=ElementKind.DEPARTMENT, department_id=DepartmentId("sales")),
        Element(
            element_id="outside",
            kind=ElementKind.EXTERNAL_NUMBER,
            number=chance.choice((OUTSIDE, OUTSIDE, FOREIGN)),
            wait_ms=20_000,
            arrows=(_on("no_answer", "end"),),
        ),
        Element(element_id="end", kind=ElementKind.HANG_UP),
    )
    return ScenarioSaved(
        scenario_id=ScenarioId("welcome"),
        version=1,
        pbx_id=PbxId("cloud"),
        name="welcome",
        lines=(SCENARIO,),
        elements=elements,
    )


def _on(key: str, to: str) -> Arrow:
    return Arrow(on=key, to=to)


def calls(chance: random.Random, customers: list[str]) -> list[dict[str, Any]]:
    """Some customers call one employee; some reach the scenario and press a key, or none."""
    found = []
    for _ in range(chance.randint(0, 3)):
        keys: list[dict[str, Any]] = [{"wait_s": chance.uniform(3, 8)}, {"press": chance.choice("1239")}]
        talk: list[dict[str, Any]] = [{"wait_s": chance.uniform(15, 60)}, {"hang_up": True}]
        line = chance.choice(LINES)
        found.append(
            {
                "at_s": chance.uniform(0, 150),
                "caller": chance.choice(customers),
                "line": line,
                "then": [*(keys if line == SCENARIO and chance.random() < 0.8 else ()), *talk],
            }
        )
    return found
