"""A company with its directory, its history on PostgreSQL and its console, for figures of what people see."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import yaml

from contracts.ids import AgentId, Instant
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.live import TooSlow
from devtools.live.logins import PASSWORD, Logins
from ringback.apply.directory_client import URL
from ringback.apply.document import read
from ringback.apply.office import examine
from ringback.apply.run import save
from ringback.stack import postgres
from ringback.stack.stack import Stack
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.tokens import Claims, TokenUse, sign

AGENTS: Final = 40
ANNA: Final = office.agent_id(0)
"""She administers."""
TOKEN_MS: Final = 3_600_000
_CSRF: Final = re.compile(r'name="csrf" value="(\w+)"')


@dataclass(frozen=True, slots=True)
class Company:
    """The running company; Anna signs in by `login` and the password of the demo's people."""

    stack: Stack
    login: str
    database: str

    @property
    def history(self) -> str:
        """The URL of history's API."""
        return self.stack.service("history").address

    @property
    def console(self) -> str:
        """The URL of its pages."""
        return self.stack.service("console").address

    def token(self, number: int = 0) -> str:
        """A token of Anna's, of a login of its own."""
        now = Instant(time.time_ns() // 1_000_000)
        claims = Claims(
            organization_id=office.VOLGA,
            use=TokenUse.ACCESS,
            agent_id=ANNA,
            family=f"login-{number}",
            issued_at=now,
            expires_at=Instant(now + TOKEN_MS),
        )
        return sign(claims, self.stack.token_keys)

    @asynccontextmanager
    async def log(self) -> AsyncIterator[tuple[KafkaLog, int]]:
        """Its log, and its partition of facts."""
        settings = self.stack.settings()
        log = KafkaLog(
            kafka_clients.from_environment(settings),
            prefix=settings["RINGBACK_TOPIC_PREFIX"],
            client_id="bench-company",
        )
        await log.start()
        try:
            yield log, await log.partition_of("facts", office.VOLGA)
        finally:
            await log.stop()

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[httpx.AsyncClient]:
        """Anna's browser at the console, as far as pages and cookies go."""
        address = f"/o/{office.VOLGA}/sign-in"
        async with httpx.AsyncClient(base_url=self.console, follow_redirects=True) as browser:
            found = _CSRF.search((await browser.get(address)).text)
            assert found is not None
            sent = {"csrf": found[1], "login": self.login, "password": PASSWORD}
            page = await browser.post(address, data=sent, headers={"Referer": self.console + address})
            if page.url.path == address:
                raise TooSlow("Anna can't sign in")
            yield browser


@contextmanager
def company(bench: Bench) -> Iterator[Company]:
    """Start it, and end it. Raises TooSlow without PostgreSQL."""
    reason = postgres.reason_missing()
    if reason is not None:
        raise TooSlow(reason)
    server = postgres.start(bench.run, dies_with_parent=True)
    # One login asks as fast as it is answered, which quotas are there to prevent.
    overrides = {"RINGBACK_QUOTA_FACTOR": "10000"}
    try:
        with Stack(bench.run / "company", overrides=overrides, dies_with_parent=True) as stack:
            stack.start_parts()
            stack.create_topics()
            database = server.database("bench")
            history = {"RINGBACK_HISTORY_DATABASE": database}
            stack.start_services(("directory", "history"), extra={"history": history})
            stack.start_services(("console",))
            yield Company(stack, founded(stack), database)
    finally:
        server.stop()


def founded(stack: Stack) -> str:
    """Save the office, and give its administrator a password; her login."""
    sheet, problems = examine(read(yaml.safe_dump(_office()), "office.yaml"))
    if sheet is None:
        raise TooSlow("; ".join(each.cause for each in problems))
    settings, address = stack.settings("directory"), stack.service("directory").address
    save({**settings, URL: address}, sheet, {})
    logins = Logins(address, settings, office.VOLGA)
    try:
        return logins.administrator()
    finally:
        logins.close()


def _office() -> dict[str, Any]:
    """The office of all figures, as an office file."""
    people = [office.agent_id(number) for number in range(AGENTS)]
    return {
        "organization": {
            "id": office.VOLGA,
            "name": "Volga",
            "language": "ru",
            "timezone": "Europe/Moscow",
            "administrators": [ANNA],
        },
        "pbxs": {office.PBX: {"name": "Kazan", "kind": "cloud", "numbers": [office.LINE]}},
        "employees": {each: _employee(number, each) for number, each in enumerate(people)},
        "departments": {
            office.SALES: {
                "name": "Sales",
                "pbx": office.PBX,
                "extension": 700,
                "lines": [office.LINE],
                "agents": people,
                "no_answer": {"after": "10 min", "then": "voicemail"},
                "recipients": [ANNA],
            }
        },
    }


def _employee(number: int, who: AgentId) -> dict[str, Any]:
    return {
        "name": f"Agent {number}",
        "pbx": office.PBX,
        "extension": 200 + number,
        "email": f"{who}@volga.example",
    }
