"""A company with two departments, whose customers have spoken to answering machines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from msgspec import structs

from contracts.gateway import RecordingFinished
from contracts.ids import AgentId, DepartmentId, LegId, MediaKey
from contracts.message import Fact
from contracts.routing import VoicemailReached
from contracts.voicemail import MessageStored
from runtime.ports import Blobs
from services.history.activities.database import connected
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.directory.companies import ORGANIZATION, Company
from tests.integration.history.harness import department_call, voicemail
from tests.unit.history import stories
from tests.unit.history.stories import BEGIN, CUSTOMER, LINE, MOSCOW

MINUTE_S = 60


@asynccontextmanager
async def inbox_of(
    company: Company, database: str, *, links: Blobs | None = None
) -> AsyncIterator[CompanyHistory]:
    """The company's history, with its people and departments; the time is that of the stories.

    Links to audio lead into `links`.
    """
    company.clock.at = float(BEGIN)
    company.headers = await company.login("gusev.r")
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    engine = connected(database)
    made = CompanyHistory(company, engine, links=links)
    await made.hear_directory()
    yield made
    await engine.dispose()


class Made(NamedTuple):
    """An employee: the login's name, and the id."""

    login: str
    agent_id: str


async def a_person(company: Company, history: CompanyHistory, name: str, role: str, **where: Any) -> Made:
    """Somebody with a role, who heads or sits in a department (`heads`, `sits_in`)."""
    made = await company.employee(name, role=role)
    for field, department_id in where.items():
        card = (await company.call("GET", f"/departments/{department_id}")).json()["card"]
        its = {"heads": "heads", "sits_in": "agents"}[field]
        if its == "heads":
            login = made["card"]["login"]
            await company.changed(f"/employees/{made['id']}", email=f"{login}@vostok.example")
        answer = await company.changed(
            f"/departments/{department_id}", **{its: [*card[its], {"agent_id": made["id"]}]}
        )
        assert answer.status_code == 200, answer.text
    await history.hear_directory()
    return Made(login=made["card"]["login"], agent_id=made["id"])


async def said_to_department(
    history: CompanyHistory, name: str, department_id: str = "sales", number: str = CUSTOMER
) -> str:
    """A customer waits in a department, and then speaks to its machine; the voice message's name."""
    facts = department_call(name, DepartmentId(department_id), caller=number)
    await _heard(history, name, *(each for each in facts if not isinstance(each, RecordingFinished)))
    return f"vm.{name}"


async def said_to_person(history: CompanyHistory, name: str, agent_id: str, number: str = CUSTOMER) -> str:
    """A customer calls an employee, and speaks to that machine."""
    reached = VoicemailReached(
        leg_id=LegId(name),
        pbx_id=MOSCOW,
        caller=number,
        line=LINE,
        arrived_at=stories.at(0),
        agent_id=AgentId(agent_id),
    )
    left = voicemail(name, f"vm.{name}")
    await _heard(history, name, stories.a_call(name, number), reached, *left, stories.hung_up(name))
    return f"vm.{name}"


async def _heard(history: CompanyHistory, name: str, *facts: Fact) -> None:
    """The facts, with audio that is this organization's, a minute after what was before."""
    key = key_of(name)
    own = [
        structs.replace(each, original_key=key, mp3_key=key) if isinstance(each, MessageStored) else each
        for each in facts
    ]
    history.harness.clock.advance(MINUTE_S)
    await history.tell(*own)


def key_of(name: str) -> MediaKey:
    """Where its audio is: as a WAV, which tests make without an encoder."""
    return MediaKey(f"{ORGANIZATION}/recordings/{name}.wav")
