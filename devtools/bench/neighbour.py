"""Two organizations on a directory and a speech service, one of which asks fifty times as much as usual.

`begun` makes them, `Caller` asks as one of them does, and `flood` is the neighbour in a process of its own,
so that its work is not taken for the services'.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import Final

import httpx
import uvloop
from msgspec import Struct

from contracts.codec import Envelope, encode, headers
from contracts.dialling import HOME_REGION
from contracts.directory import Language
from contracts.ids import NoticeId, OrganizationId
from contracts.message import type_name
from contracts.rights import Action
from contracts.topics import SPEECH
from contracts.tts import RenderNotice
from devtools.bench.speech import fresh_text
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing
from runtime.system_clock import SystemClock
from runtime.token_keys import SigningKeys
from services.directory.activities import bootstrap, program_tokens
from services.directory.activities.database import Database, engine
from services.directory.activities.employees import Employees
from services.directory.activities.idempotency import Idempotency
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.state.cards import TokenCard

TIMES: Final = 50
REQUESTS_A_SECOND: Final = 4.0
"""What the screens of some ten people ask."""
ORDERS_A_SECOND: Final = 0.5
NOTICES_A_SECOND: Final = 0.5
TOO_MANY: Final = 429


class Member(Struct, frozen=True, kw_only=True):
    """An organization with a program's token that reads, and orders callbacks."""

    organization_id: OrganizationId
    token: str


async def begun(settings: dict[str, str], *names: str) -> list[Member]:
    """Make the tables, and organizations of these names."""
    secret_box = SecretBox(settings["RINGBACK_DIRECTORY_KEY"])
    database = Database(engine(settings["RINGBACK_DIRECTORY_DATABASE"]))
    await database.upgrade()
    repository = Repository(database, SystemClock(), Idempotency(secret_box), lambda: None)
    hasher = Passwords(secret_box, 1)
    employees = Employees(repository, hasher, None)
    keys = SigningKeys.read(settings["RINGBACK_TOKEN_KEYS"])
    members = []
    for number, name in enumerate(names):
        new = bootstrap.NewOrganization(
            organization_id=name,
            name=name.title(),
            language=Language.RUSSIAN,
            timezone="Europe/Moscow",
            region=HOME_REGION,
            pbx_name=f"{name} cloud",
            number=f"+7495000100{number}",
            administrator="Anna Volkova",
        )
        await bootstrap.create(repository, employees, hasher, new)
        card = TokenCard(name="bench", actions=(Action.SETTINGS_READ, Action.CALLBACK_ORDER))
        async with repository.change_by_service(name, "bench") as unit:
            token, _ = await program_tokens.issue(unit, keys, "bench", card)
        members.append(Member(organization_id=OrganizationId(name), token=token))
    await database.close()
    return members


class Caller:
    """Asks as one organization does, over HTTP and on the topic of speech."""

    def __init__(self, member: Member, address: str, log: KafkaLog) -> None:
        self.member = member
        self._log = log
        self._http = httpx.AsyncClient(
            base_url=address,
            headers={"Authorization": f"Bearer {member.token}"},
            timeout=60,
            limits=httpx.Limits(max_connections=64),
        )

    async def read(self) -> int:
        """A list, as a screen asks for it; the status."""
        return (await self._http.get("/departments")).status_code

    async def order(self) -> tuple[int, str]:
        """A callback to a new number: the status, and its id."""
        number = f"+7912{secrets.randbelow(10_000_000):07d}"
        answer = await self._http.post("/departments/sales/callbacks", json={"number": number})
        return answer.status_code, answer.json().get("callback_id", "")

    async def notice(self, text: str) -> NoticeId:
        """A command to render a notice; its id."""
        notice_id = NoticeId(secrets.token_hex(8))
        command = RenderNotice(notice_id=notice_id, version=1, language=Language.RUSSIAN, text=text)
        made = Envelope(
            id=notice_id,
            type=type_name(command),
            source="directory",
            organization_id=self.member.organization_id,
        )
        whose = self.member.organization_id
        await self._log.send([Outgoing(SPEECH.name, whose, tuple(headers(made)), encode(command))])
        return notice_id

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def steadily(work: Callable[[], Awaitable[None]], *, a_second: float, until_s: float) -> None:
    """Begin `work` so often until then (`time.perf_counter`), whether the one before has ended or not."""
    tasks = set()
    due_s = time.perf_counter()
    while due_s < until_s:
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        task = asyncio.ensure_future(work())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # What this machine is too slow for is left out, not sent later in a burst.
        due_s = max(due_s + 1 / a_second, time.perf_counter() - 1)
    await asyncio.gather(*tasks)


def flood(
    member: Member,
    address: str,
    settings: dict[str, str],
    stops: Event,
    asked: "Synchronized[int]",
    refused: "Synchronized[int]",
) -> None:
    """Ask fifty times as much as usual until the event is set, and count what was refused."""
    uvloop.run(_flood(member, address, settings, stops, asked, refused))


async def _flood(
    member: Member,
    address: str,
    settings: dict[str, str],
    stops: Event,
    asked: "Synchronized[int]",
    refused: "Synchronized[int]",
) -> None:
    log = KafkaLog(
        kafka_clients.from_environment(settings),
        prefix=settings["RINGBACK_TOPIC_PREFIX"],
        client_id="bench-neighbour",
    )
    await log.start()
    caller = Caller(member, address, log)

    def count(status: int) -> None:
        asked.value += 1
        refused.value += status == TOO_MANY

    async def read() -> None:
        count(await caller.read())

    async def order() -> None:
        count((await caller.order())[0])

    async def notice() -> None:
        await caller.notice(fresh_text())

    while not stops.is_set():
        until_s = time.perf_counter() + 1
        await asyncio.gather(
            steadily(read, a_second=TIMES * REQUESTS_A_SECOND, until_s=until_s),
            steadily(order, a_second=TIMES * ORDERS_A_SECOND, until_s=until_s),
            steadily(notice, a_second=TIMES * NOTICES_A_SECOND, until_s=until_s),
        )
    await caller.close()
    await log.stop()
