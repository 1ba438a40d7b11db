"""The morning on real phones: the same people, who speak instead of keeping silent, and one more phone each.

Who would wait or talk silently speaks, so that whoever is bridged with them has something to hear. Each
company has one more department whose only agent has the phone that is no Asterisk; its calls are recorded.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec

from contracts.directory import (
    AgentSaved,
    DepartmentSaved,
    Device,
    DeviceKind,
    Membership,
    NoAnswerAction,
    OrganizationSaved,
    PbxSaved,
    Recipient,
    Strategy,
    StrategyKind,
)
from contracts.ids import Address, AgentId, DepartmentId
from contracts.message import Fact
from devtools.chaos.workload import NAMES, Company, Workload, line_of, workload
from services.gateway.simulated.script import Call, Step

SENTENCE: Final = "Я говорю и говорю, чтобы на другом конце было что послушать, и ни на миг не умолкаю."
"""Spoken in about `SENTENCE_S`."""
SENTENCE_S: Final = 6.0
QUIET_S_MAX: Final = 1.5
"""A shorter wait may stay silent: nobody takes it for a dead line."""
SPOKEN_MAX: Final = 15
"""So many sentences at most, 90 s: more are the same file again."""
CROWD: Final = 200
CROWD_S: Final = 30.0
CROWD_LINE: Final = 0
"""They call the first department."""
LONE_LINE: Final = 9
LONE_EXTENSION: Final = "309"
LONE_RING_MS: Final = 15_000
NOBODY: Final = "+79009999999"
SHORT_S: Final = 45.0
"""Longer than a phone that is gone takes to be given up by RTP's timeout of 30 s."""
LONGER_S: Final = 20.0
"""The caller of the long conversation would have more to say than the agent wants to hear."""


def lone_extension(number: int) -> str:
    """The extension of a company's phone that is no Asterisk."""
    return f"{number + 2}98"


def asterisk_workload(seed: int, calls_s: float) -> Workload:
    """The morning of a seed; its calls come in `calls_s` seconds."""
    found = workload(seed, calls_s)
    return Workload(
        tuple(_with_lone_phone(company, number) for number, company in enumerate(found.companies)),
        _with_voices(_spoken(found.script)),
        found.calls,
    )


def _with_lone_phone(company: Company, number: int) -> Company:
    name, line = NAMES[number], line_of(number, LONE_LINE)
    address = Address(f"sip:{lone_extension(number)}")
    agent = AgentSaved(
        agent_id=AgentId(f"{name}-lone"),
        version=1,
        name=f"Agent with a phone of {name}",
        pbx_id=company.pbx_id,
        extension=lone_extension(number),
        devices=(Device(kind=DeviceKind.DESK, address=address),),
    )
    department = DepartmentSaved(
        department_id=DepartmentId(f"{name}-lone"),
        version=1,
        name="lone",
        pbx_id=company.pbx_id,
        extension=LONE_EXTENSION,
        lines=(line,),
        agents=(Membership(agent_id=agent.agent_id),),
        strategy=Strategy(kind=StrategyKind.LONGEST_IDLE, ring_ms=LONE_RING_MS),
        no_answer_ms=60_000,
        no_answer_action=NoAnswerAction(),
        records_calls=True,
        recipients=(Recipient(name="lone", email=f"lone@{name}.example"),),
    )
    book = (*(_with_line(fact, line) for fact in company.book), agent, department)
    return replace(company, book=book, addresses=company.addresses | {address})


def _with_line(fact: Fact, line: str) -> Fact:
    match fact:
        case OrganizationSaved():
            policy = fact.dialling_policy
            numbers = (*policy.own_numbers, line)
            return msgspec.structs.replace(
                fact, dialling_policy=msgspec.structs.replace(policy, own_numbers=numbers)
            )
        case PbxSaved():
            return msgspec.structs.replace(fact, numbers=(*fact.numbers, line))
        case _:
            return fact


# Who would be silent speaks


def said(seconds: float) -> str:
    """A text that lasts about so long."""
    return " ".join([SENTENCE] * min(SPOKEN_MAX, max(1, round(seconds / SENTENCE_S))))


def _spoken(found: Any) -> Any:
    """The same script with long silences spoken."""
    if isinstance(found, dict):
        if found.keys() == {"wait_s"} and found["wait_s"] > QUIET_S_MAX:
            return {"say": said(found["wait_s"])}
        return {name: _spoken(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_spoken(each) for each in found]
    return found


def _with_voices(script: dict[str, Any]) -> dict[str, Any]:
    """Have rendered beforehand what is said in calls that faults make: a phone that nobody dials says it."""
    texts = {said(SHORT_S), said(SPOKEN_MAX * SENTENCE_S)}
    voices = {"behaviours": [{"then": [{"say": text} for text in sorted(texts)]}]}
    return {**script, "public": {**script["public"], NOBODY: voices}}


# Calls that faults make


def _caller(number: int, index: int) -> str:
    return f"+7900900{number}{index:03}"


def short_call(number: int, line: int) -> Call:
    """Somebody who talks for some time."""
    then = (Step(say=said(SHORT_S)), Step(hang_up=True))
    return Call(line=line_of(number, line), caller=_caller(number, 999), then=then)


def long_call(number: int, seconds: float) -> Call:
    """Somebody who talks for longer than anybody listens."""
    rounds = int((seconds + LONGER_S) // (SPOKEN_MAX * SENTENCE_S)) + 1
    then = (Step(say=said(SPOKEN_MAX * SENTENCE_S)),) * rounds
    return Call(
        line=line_of(number, LONE_LINE), caller=_caller(number, 998), then=(*then, Step(hang_up=True))
    )


def crowd(number: int, line: int) -> list[Call]:
    """Two hundred people who wait for a while and go."""
    then = (Step(wait_s=CROWD_S), Step(hang_up=True))
    return [
        Call(line=line_of(number, line), caller=_caller(number, index), then=then) for index in range(CROWD)
    ]
