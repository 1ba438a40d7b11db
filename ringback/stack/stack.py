"""The whole stack: embedded parts, topics and services, with the settings that connect them.

    with Stack(Path(".run/mine")) as stack:
        stack.start_parts()
        stack.create_topics()
        stack.start_services()
        stack.service("queue").kill()
        stack.service("queue").restart()

Every stack has its own run id in its topic prefix and store prefix: the broker forgets everything when it
stops, and an earlier run's data in Redis or S3 does not belong to the new log.
"""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from contracts.directory import Language
from contracts.prompts import prompt_key
from ringback.pbx_files.plan import PbxPlan
from ringback.stack.asterisk import Instance, Options
from ringback.stack.journal import Journal
from ringback.stack.parts import S3, Broker, Redis, Smtp, start_broker, start_redis, start_s3, start_smtp
from ringback.stack.process import Process, StackError, is_listening
from ringback.stack.services import READY_S, WITH_API, WITHOUT_LOG, Service, service_names
from ringback.topics import create_topics
from runtime import kafka_clients, private_files
from runtime.token_keys import SigningKeys

PROMPTS_POLL_S = 0.2
FACTS_PARTITIONS = 4
"""A third of a cluster's: here one process has all, and eight more cost a tenth of a processor when idle."""
MAIL_FROM = "ringback@localhost"
# Services may start in any order; this one reads well in the table.
SERVICE_ORDER = ("directory", "tts", "gateway", "routing", "queue", "callback", "voicemail", "history")


@dataclass(frozen=True, slots=True)
class Parts:
    """The four embedded parts."""

    broker: Broker
    redis: Redis
    s3: S3
    smtp: Smtp


@dataclass(frozen=True, slots=True)
class Entry:
    """One process of the stack in the table of `make up`."""

    name: str
    address: str
    process: Process


class Stack:
    """Embedded parts and services of one run; `stop`, or leaving the `with`, ends all of them."""

    def __init__(
        self,
        run: Path,
        *,
        overrides: Mapping[str, str] | None = None,
        on_started: Callable[[Entry], None] | None = None,
        dies_with_parent: bool = False,
        journal: Journal | None = None,
        ca: str = "",
    ) -> None:
        """`run` holds logs and data; `overrides` take precedence over the settings made here.

        `ca` is the file with the authority of the services' certificates, if the overrides name some.

        `journal` lists every process of this stack, for a program that must end them when we can't.
        """
        self.run = private_files.folder(run.absolute())
        private_files.tighten(self.run)
        self.run_id = secrets.token_hex(4)
        self._directory_key = secrets.token_hex(32)
        self._console_key = secrets.token_hex(32)
        self._session_keys = secrets.token_hex(32)
        self.token_keys = SigningKeys.generate()
        self.entries: list[Entry] = []
        self.services: dict[str, Service] = {}
        self._overrides = dict(overrides or {})
        self._on_started = on_started
        self._dies = dies_with_parent
        self._journal = journal
        self.ca = ca
        self._parts: Parts | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def parts(self) -> Parts:
        """The running parts."""
        if self._parts is None:
            raise StackError("the parts are not running: call start_parts first")
        return self._parts

    def start_parts(self) -> Parts:
        """Start broker, Redis, mail server and S3; if one fails, the others are stopped."""
        try:
            broker = start_broker(self.run, dies_with_parent=self._dies, journal=self._journal)
            self._add(Entry("broker", broker.address, broker.process))
            redis = start_redis(self.run, dies_with_parent=self._dies, journal=self._journal)
            self._add(Entry("redis", redis.shown_address, redis.process))
            smtp = start_smtp(self.run, dies_with_parent=self._dies, journal=self._journal)
            self._add(Entry("smtp", smtp.address, smtp.process))
            s3 = start_s3(self.run, dies_with_parent=self._dies, journal=self._journal)
            self._add(Entry("s3", s3.address, s3.process))
        except BaseException:
            self.stop()
            raise
        self._parts = Parts(broker, redis, s3, smtp)
        return self._parts

    def create_topics(self) -> None:
        """Create the topics under this run's prefix."""
        settings = self.settings()
        asyncio.run(
            create_topics(
                kafka_clients.from_environment(settings),
                settings["RINGBACK_TOPIC_PREFIX"],
                facts=FACTS_PARTITIONS,
            )
        )

    def start_process(
        self, name: str, argv: list[str], address: str, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start another program, such as a simulated PBX, as part of the stack; it ends with the stack."""
        process = Process(name, argv, self.run, env=env, dies_with_parent=self._dies, journal=self._journal)
        process.start()
        self._add(Entry(name, address, process))
        return process

    def start_phones(self, script: Path, port: int, *, is_waiting: bool = False) -> None:
        """Start simulated PBXs and phones; a waiting script starts at the control `begin`."""
        argv = [sys.executable, "-m", "ringback", "phones", "--port", str(port), "--script", str(script)]
        # The phones belong to the outside world: whatever the overrides say, they fetch sound from S3 itself.
        env = {**self.settings(), "RINGBACK_S3_ENDPOINT": self.parts.s3.address}
        address = f"tcp://127.0.0.1:{port}"
        phones = self.start_process("phones", [*argv, "--wait"] if is_waiting else argv, address, env)
        phones.wait_until(lambda: is_listening(port), "open port", READY_S)

    def start_asterisk(self, plan: PbxPlan, *, address: str | None = None) -> Instance:
        """Start a real PBX, which ends with the stack. Raises NoAsterisk.

        An address that other plans must name before comes from `free_address`.
        """
        options = Options(dies_with_parent=self._dies)
        if address is not None:
            options["address"] = address
        if self._journal is not None:
            options["journal"] = self._journal
        instance = Instance.of_plan(self.run / "asterisk" / plan.pbx_id, plan, **options)
        instance.start()
        self._add(Entry(instance.process.name, instance.address, instance.process))
        return instance

    def start_services(
        self,
        names: Iterable[str] | None = None,
        *,
        extra: Mapping[str, Mapping[str, str]] | None = None,
        timeout_s: float = READY_S,
        not_awaited: Collection[str] = (),
    ) -> None:
        """Start services, by default all that have a part in the log, and wait until each is ready.

        `extra` is per service. One whose settings name another's address is started after that.

        A service that is not awaited may get ready later (tts makes hundreds of prompts on its first start).
        """
        present = service_names()
        ordered = sorted(present, key=lambda name: (SERVICE_ORDER + present).index(name))
        started = []
        for name in ordered if names is None else names:
            settings = {**self.settings(name), **(extra or {}).get(name, {})}
            service = Service(
                name,
                settings,
                self.run,
                dies_with_parent=self._dies,
                journal=self._journal,
                ca=self.ca,
            )
            self.services[name] = service
            service.start()
            self.entries.append(Entry(name, service.address, service.process))
            started.append(service)
        for service in started:
            if service.name in not_awaited:
                continue
            service.wait_ready(timeout_s)
            self._tell(Entry(service.name, service.address, service.process))

    def service(self, name: str) -> Service:
        """A service that was started."""
        return self.services[name]

    def await_prompts(self, tts: Service, prompts: Iterable[str]) -> None:
        """Wait until Russian standard prompts are in S3: playing a missing one fails."""
        wanted = {prompt_key(Language.RUSSIAN, prompt) for prompt in prompts}
        s3 = self.parts.s3
        client = s3.client()

        def are_there() -> bool:
            time.sleep(PROMPTS_POLL_S)
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=s3.bucket, Prefix="standard/ru/")
            return wanted <= {each["Key"] for page in pages for each in page.get("Contents", [])}

        tts.process.wait_until(are_there, "the standard prompts", READY_S)

    def settings(self, service: str | None = None) -> dict[str, str]:
        """The environment variables of a service (None: those that all services share)."""
        parts = self.parts
        settings = {
            "RINGBACK_KAFKA": parts.broker.address,
            "RINGBACK_TOPIC_PREFIX": f"ringback-{self.run_id}.",
            "RINGBACK_REDIS": parts.redis.address,
            "RINGBACK_STORE_PREFIX": f"ringback-{self.run_id}",
            "RINGBACK_S3_ENDPOINT": parts.s3.address,
            "RINGBACK_S3_BUCKET": parts.s3.bucket,
            "RINGBACK_S3_ACCESS_KEY": parts.s3.access_key,
            "RINGBACK_S3_SECRET_KEY": parts.s3.secret_key,
            "RINGBACK_S3_REGION": parts.s3.region,
            "RINGBACK_SMTP": parts.smtp.address,
            "RINGBACK_MAIL_FROM": MAIL_FROM,
            "RINGBACK_HTTP_HOST": "127.0.0.1",
            "RINGBACK_INTERNAL_HOST": "127.0.0.1",
            "RINGBACK_LOG_FORMAT": "json",
            # The embedded broker moves a killed member's partitions late, and sets no append time.
            "RINGBACK_PARTITIONS": "all",
            "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        }
        if service == "gateway":
            spool = private_files.folder(self.run / "spool")
            settings |= {"RINGBACK_SPOOL": str(spool), "RINGBACK_PBXS": "{}"}
        if service == "directory":
            # The directory's database is a file of this run, and its keys end with the run.
            settings["RINGBACK_DIRECTORY_DATABASE"] = f"sqlite:///{self.run}/book-{self.run_id}.db"
            settings["RINGBACK_DIRECTORY_KEY"] = self._directory_key
            settings["RINGBACK_CONSOLE_KEY"] = self._console_key
            settings["RINGBACK_TOKEN_KEYS"] = self.token_keys.as_private_json()
        if service == "history":
            settings["RINGBACK_HISTORY_DATABASE"] = f"sqlite:///{self.run}/history-{self.run_id}.db"
            settings["RINGBACK_TOKEN_PUBLIC_KEYS"] = self.token_keys.public.as_json()
        if service == "console":
            settings |= self._console_settings()
        return settings | self._overrides

    def _console_settings(self) -> dict[str, str]:
        """Its keys, and where the APIs are that run."""
        apis = {f"RINGBACK_{name.upper()}_API": self.services.get(name) for name in WITH_API}
        return {
            "RINGBACK_CONSOLE_KEY": self._console_key,
            "RINGBACK_CONSOLE_SESSION_KEYS": self._session_keys,
            **{setting: service.address for setting, service in apis.items() if service is not None},
        }

    def write_env(self, file: Path, *, extra: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Write settings as shell lines, to start any service or verb by hand after `set -a; . <file>`."""
        settings = self.settings()
        for name in (*service_names(), *WITHOUT_LOG):
            settings |= self.settings(name) | dict((extra or {}).get(name, {}))
        lines = (f"{key}={json.dumps(value)}" for key, value in settings.items())
        # It holds the keys of the embedded parts, so it is private, although they listen only on loopback.
        private_files.write(file, "\n".join(lines) + "\n")

    def stop(self) -> None:
        """End every process of this stack, services first, the last started first."""
        for service in self.services.values():
            # Concurrently: none needs another one to stop.
            service.process.ask_to_stop()
        for entry in reversed(self.entries):
            entry.process.stop()
        self.entries.clear()
        self.services.clear()
        self._parts = None

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        if self._on_started is not None:
            self._on_started(entry)
