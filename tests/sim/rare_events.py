"""Rare events of a morning, drawn separately and added to the usual ones.

Each makes an end occur that an ordinary morning does not have (`coverage.py`).
"""

import random
from typing import Any, Final

import msgspec

from contracts.dialling import DiallingPolicy
from contracts.directory import (
    ActionKind,
    AgentPauseSaved,
    AgentSaved,
    DepartmentSaved,
    NoAnswerAction,
    OrganizationSaved,
    Recipient,
)
from contracts.history import CustomerErased
from contracts.ids import DepartmentId
from contracts.message import Fact

DENIED: Final = "+79165559999"
"""A customer whom the organization does not call back."""
FOREIGN: Final = "+4915112345678"
NO_SUCH_MAILBOX: Final = Recipient(name="gone", email="gone@north.example")
"""A former employee's address: the mail server refuses letters to it for good."""

WAITS: Final = {"after", "during", "until"}
"""Events that come only in some organizations."""


def policy(chance: random.Random, usual: DiallingPolicy) -> DiallingPolicy:
    """One number is denied, and in some organizations a customer can order only once."""
    orders_max = usual.orders_per_hour_per_number_max if chance.random() < 0.8 else 1
    return msgspec.structs.replace(usual, denied_numbers=(DENIED,), orders_per_hour_per_number_max=orders_max)


def administrators(chance: random.Random, usual: tuple[Recipient, ...]) -> tuple[Recipient, ...]:
    """Some organizations have no recipient of letters."""
    return usual if chance.random() < 0.9 else ()


def department(chance: random.Random, usual: DepartmentSaved, agents: list[AgentSaved]) -> DepartmentSaved:
    """Few may wait, and an action handles the others; one recipient's mailbox no longer exists."""
    found = usual
    if chance.random() < 0.35:
        kind = chance.choice((*ActionKind, ActionKind.FALLBACK_EMPLOYEE))
        other = DepartmentId("service" if usual.department_id == "sales" else "sales")
        found = msgspec.structs.replace(
            found,
            waiting_max=2,
            overflow_action=NoAnswerAction(
                kind=kind,
                agent_id=agents[-1].agent_id if kind is ActionKind.FALLBACK_EMPLOYEE else None,
                department_id=other if kind is ActionKind.OTHER_DEPARTMENT else None,
            ),
        )
    if chance.random() < 0.15:
        found = msgspec.structs.replace(found, recipients=(*found.recipients, NO_SUCH_MAILBOX))
    return found


def changes(
    chance: random.Random, office: OrganizationSaved, agents: list[AgentSaved], customers: list[str]
) -> list[tuple[float, Fact]]:
    """A policy is tightened and loosened again, one employee leaves the company, another takes a break."""
    found: list[tuple[float, Fact]] = []
    if chance.random() < 0.25:
        is_on = chance.random() < 0.5
        denied = (DENIED, *customers) if is_on else (DENIED,)
        tight = msgspec.structs.replace(office.dialling_policy, is_on=is_on, denied_numbers=denied)
        at_s = chance.uniform(40, 160)
        found.append((at_s, msgspec.structs.replace(office, version=2, dialling_policy=tight)))
        found.append((at_s + 90, msgspec.structs.replace(office, version=3)))
    if chance.random() < 0.25:
        gone = msgspec.structs.replace(chance.choice(agents), version=2, is_removed=True)
        found.append((chance.uniform(30, 200), gone))
    if chance.random() < 0.15:
        agent_id, at_s = chance.choice(agents).agent_id, chance.uniform(20, 150)
        found.append((at_s, AgentPauseSaved(agent_id=agent_id, version=1, is_paused=True)))
        found.append((at_s + 40, AgentPauseSaved(agent_id=agent_id, version=2, is_paused=False)))
    return found


def erasures(chance: random.Random, customers: list[str]) -> list[tuple[float, Fact]]:
    """A customer asks to be forgotten, whatever the system is doing for that number at the moment (V6)."""
    if chance.random() >= 0.3:
        return []
    erased = CustomerErased(number=chance.choice(customers), erasure_id="erasure-1", actor="agent/admin")
    return [(chance.uniform(40, 220), erased)]


def calls(chance: random.Random, customers: list[str], lines: tuple[str, ...]) -> list[dict[str, Any]]:
    """Customers who type a number, change it, cancel an order, or may not order at all."""
    ordered: list[dict[str, Any]] = [{"after": "invitation"}, {"press": "1"}]
    gone: list[dict[str, Any]] = [{"wait_s": 4.0}, {"hang_up": True}]
    number = f"8{chance.choice(customers)[2:]}"
    typed = [{"during": "type_number"}, {"press": f"{number}#"}, {"during": "confirm_number"}, {"press": "1"}]
    slowly = [step for digit in number for step in ({"press": digit}, {"wait_s": 4.0})]
    manners: tuple[tuple[str | None, list[dict[str, Any]]], ...] = (
        (None, [*ordered, *typed, *gone]),
        (None, [*ordered, {"during": "type_number"}, *slowly, {"press": "#"}, *typed[2:], *gone]),
        (chance.choice(customers), [*ordered, {"during": "order_taken"}, {"press": "5"}, *typed, *gone]),
        (chance.choice(customers), [*ordered, {"during": "order_taken"}, {"press": "0"}, *gone]),
        (DENIED, [*ordered, {"wait_s": 30.0}, {"hang_up": True}]),
        (FOREIGN, [*ordered, {"during": "type_number"}, {"press": "88091234567#"}, {"wait_s": 60.0}]),
    )
    return [
        {
            "at_s": chance.uniform(0, 120),
            "caller": caller,
            "line": chance.choice(lines),
            "then": [*then, {"hang_up": True}],
        }
        for caller, then in manners
        if chance.random() < 0.25
    ]


def phones(chance: random.Random, script: dict[str, Any]) -> dict[str, Any]:
    """A phone without a common codec, and a morning of impatient agents."""
    if chance.random() < 0.15:
        own = chance.choice([phone for pbx in script["pbxs"].values() for phone in pbx["phones"].values()])
        own["behaviours"].insert(0, {"condition": "no_codec"})
    if chance.random() < 0.25:
        _impatient(chance, script)
    return script


def _impatient(chance: random.Random, script: dict[str, Any]) -> None:
    """Agents who leave just when the customer answers, on a PBX that reports late."""
    for pbx in script["pbxs"].values():
        pbx.setdefault("network", {})["latency_ms_max"] = 600
        for phone in pbx["phones"].values():
            leaves = [{"during": "ringing_tone"}, {"wait_s": chance.uniform(1.2, 3.2)}, {"hang_up": True}]
            hasty = {"answer_after_s": 1.0, "then": leaves}
            phone["behaviours"] = [each for usual in phone["behaviours"] for each in (hasty, usual)]
        # If the agent waited for the tone, nobody would end the call of a caller who waits for a notice.
        for call in pbx.get("calls", ()):
            call["then"] = [{"wait_s": 14.0} if WAITS & step.keys() else step for step in call["then"]]
    for phone in script["public"].values():
        talk = [{"until": "bridged"}, {"wait_s": 10.0}, {"hang_up": True}]
        phone["behaviours"].insert(0, {"answer_after_s": 1.5, "then": talk})
