"""The real processes of a chaos run, with a supervisor that restarts ended ones, as clusters do."""

import asyncio
import time
from collections import Counter, deque
from pathlib import Path
from typing import Final

import yaml

from contracts.prompts import Prompt
from devtools.chaos.asterisks import Asterisks
from devtools.chaos.progress import Progress
from devtools.chaos.proxy import Proxy
from devtools.chaos.reading import Ear
from devtools.chaos.workload import Workload
from devtools.phone_networks import PhoneNetwork, pbxs_setting
from ringback import connect
from ringback import log as facts_log
from ringback.log import Reading
from ringback.log_reader import LogReader
from ringback.stack.kafka import ApacheKafka
from ringback.stack.process import StackError, free_port
from ringback.stack.services import Service
from ringback.stack.stack import Entry, Stack
from ringback.stack.whole_start import WholeStart
from services.gateway.simulated.wire import Control

START_S: Final = 180.0
SESSION_MS: Final = 6_000
"""The shortest timeout at which a busy machine does not count a live process as dead."""
SNAPSHOT_S: Final = 20.0
"""Short, so that an emptied Redis is sometimes loaded from a snapshot, not always from the whole log."""
DECIDERS: Final = ("routing", "queue", "callback", "voicemail")
SHARING: Final = (*DECIDERS, "gateway")
"""On a broker with groups two replicas of each share the work."""
MISSING: Final = 3
"""A service's exit code when a part is missing at its start; it is restarted."""
AGAIN_S: Final = 1.0
AGAIN_S_MAX: Final = 8.0
"""Growing pauses, as in clusters: a start costs seconds of processor time that a broker needs."""
STOP_S: Final = 30.0
ASKED_S: Final = 0.3
"""An answer about readiness is good for so long: an answer that does not come takes two seconds."""


class Cluster(WholeStart):
    """Parts behind proxies, phones, and every service's replicas; leaving the `with` ends them."""

    def __init__(self, run: Path, broker: str, morning: Workload, phones: PhoneNetwork, *, seed: int) -> None:
        self.broker = broker
        self.morning = morning
        self.phones = phones
        self.progress = Progress()
        self.ended_by_themselves: list[str] = []
        self.restarts = 0
        self.frozen: set[Service] = set()
        self.replicas: dict[str, list[Service]] = {}
        self.kafka: ApacheKafka | None = None
        self._seed = seed
        self._s3_port, self._smtp_port = free_port(), free_port()
        self._dead_since: dict[Service, float] = {}
        self._tries: Counter[Service] = Counter()
        self._started: dict[Service, float] = {}
        self._asked: dict[Service, tuple[float, bool]] = {}
        self._heard: deque[Reading] = deque()
        self._reader: LogReader | None = None
        self._number = 1
        run.mkdir(parents=True, exist_ok=True)
        overrides = {
            "RINGBACK_S3_ENDPOINT": f"http://127.0.0.1:{self._s3_port}",
            "RINGBACK_SMTP": f"smtp://127.0.0.1:{self._smtp_port}",
            "RINGBACK_SNAPSHOT_S": str(SNAPSHOT_S),
        }
        if broker == "apache":
            self.kafka = ApacheKafka(run, dies_with_parent=True)
            overrides |= {
                "RINGBACK_KAFKA": self.kafka.address,
                "RINGBACK_PARTITIONS": "group",
                "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0",
                "RINGBACK_SESSION_MS": str(SESSION_MS),
            }
        self.stack = Stack(run, overrides=overrides, dies_with_parent=True)
        self.run = self.stack.run

    def _stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()
        for service in self.frozen:
            service.process.thaw()
        self.stack.stop()
        if isinstance(self.phones, Asterisks):
            self.phones.stop()
        for proxy in self.proxies():
            proxy.stop()
        if self.kafka is not None:
            self.kafka.stop()

    def proxies(self) -> list[Proxy]:
        """The started proxies."""
        return [getattr(self, name) for name in ("s3", "smtp") if hasattr(self, name)]

    def _start(self) -> None:
        if self.kafka is not None:
            self.kafka.start()
        parts = self.stack.start_parts()
        self.s3 = Proxy("S3", self._s3_port, int(parts.s3.address.rpartition(":")[2]), seed=self._seed)
        self.smtp = Proxy("SMTP", self._smtp_port, parts.smtp.port, seed=self._seed)
        self.s3.begin()
        self.smtp.begin()
        self.stack.create_topics()
        self._reader = LogReader(self.stack.settings(), self._heard.append)
        self._reader.start()
        self.phones.start_pbxs(self.stack)
        script = self.run / "phones.yaml"
        script.write_text(yaml.safe_dump(self.morning.script, allow_unicode=True), encoding="utf-8")
        self.phones.start_phones(self.stack, script, is_waiting=True)
        for name in ("tts", "gateway", *DECIDERS):
            replicas = 2 if self.broker == "apache" and name in SHARING else 1
            self.replicas[name] = [self.add(name) for _ in range(replicas)]
        asyncio.run(self._say_books())
        for services in self.replicas.values():
            for service in services:
                if service.name != "tts":
                    service.wait_ready(START_S)
        # The prompts without values; tts renders the numbers meanwhile.
        self.stack.await_prompts(self.replicas["tts"][0], Prompt)

    async def _say_books(self) -> None:
        async with connect.log(self.stack.settings()) as log:
            for company in self.morning.companies:
                partition = await connect.partition_of(company.organization_id, log)
                facts = [
                    (f"directory/{company.organization_id}/{number}", fact)
                    for number, fact in enumerate(company.book)
                ]
                await facts_log.say(log, partition, company.organization_id, facts)

    # Services

    def add(self, name: str) -> Service:
        """Start one more replica; the caller decides whether the supervisor restarts it."""
        # Numbers are never reused, or two processes would share a static name in the group.
        self._number += 1
        settings = {**self.stack.settings(name), "RINGBACK_REPLICA": f"r{self._number}"}
        if name == "gateway":
            settings["RINGBACK_SPOOL"] = str(self.run / f"spool-{self._number}")
            settings["RINGBACK_PBXS"] = pbxs_setting(
                self.phones, {each.organization_id: [each.pbx_id] for each in self.morning.companies}
            )
        service = Service(name, settings, self.run, replica=self._number, dies_with_parent=True)
        service.start()
        self.stack.entries.append(Entry(service.process.name, service.address, service.process))
        return service

    def ready(self, name: str) -> list[Service]:
        """The running replicas of a service that report readiness."""
        running = [each for each in self.replicas[name] if each not in self.frozen]
        return [each for each in running if each.process.is_alive() and self.is_ready(each)]

    def is_ready(self, service: Service) -> bool:
        """Whether a replica reports readiness. One that starts or hangs is not asked again and again."""
        at, was_ready = self._asked.get(service, (0.0, False))
        if time.monotonic() - at > ASKED_S:
            was_ready = service.is_ready()
            self._asked[service] = (time.monotonic(), was_ready)
        return was_ready

    def are_all_ready(self) -> bool:
        """Whether every replica of every service is ready."""
        return all(len(self.ready(name)) == len(each) for name, each in self.replicas.items())

    def supervise(self) -> None:
        """Restart ended processes, and note each end that no fault and no missing part explains."""
        for services in self.replicas.values():
            for service in services:
                if service.process.is_alive() or service in self.frozen:
                    continue
                since = self._dead_since.setdefault(service, time.monotonic())
                tries = self._tries[service]
                if time.monotonic() - since < min(AGAIN_S_MAX, AGAIN_S * 2**tries):
                    continue
                del self._dead_since[service]
                is_again = time.monotonic() - self._started.get(service, 0.0) < 2 * AGAIN_S_MAX
                self._tries[service] = tries + 1 if is_again else 0
                self._started[service] = time.monotonic()
                code = service.process.stop()
                if code not in (MISSING, 0) and code is not None and code >= 0:
                    self.ended_by_themselves.append(f"{service.process.name} ended with {code}")
                self.restarts += 1
                service.start()

    # The world

    def begin(self) -> None:
        """Let the first customer call."""
        self.phones.control(Control(begin=True))

    def dialled(self) -> dict[str, int]:
        """How often each phone was dialled, by the phones' own counts."""
        if isinstance(self.phones, Asterisks):
            return self.phones.dialled()
        return self.phones.control(Control())

    def ears(self) -> list[Ear]:
        """What people heard, if their phones are real."""
        return self.phones.ears(self.stack) if isinstance(self.phones, Asterisks) else []

    def disturbed(self) -> int:
        """How many connections and messages the proxies disturbed."""
        more = self.phones.proxies if isinstance(self.phones, Asterisks) else []
        return sum(proxy.disturbed for proxy in (*self.proxies(), *more))

    def listen(self) -> list[Reading]:
        """New records of the log, after `progress` has heard them."""
        assert self._reader is not None
        if self._reader.error is not None:
            raise StackError(f"the log can't be read: {self._reader.error!r}")
        heard = []
        while self._heard:
            reading = self._heard.popleft()
            self.progress.hear(reading)
            heard.append(reading)
        return heard

    def check_parts(self) -> None:
        """Check that no phone process and no part has ended by itself."""
        parts = self.stack.parts
        for process in (parts.s3.process, parts.smtp.process):
            if not process.is_alive():
                raise StackError(f"{process.name} has ended by itself; {process.last_words()}")
        if isinstance(self.phones, Asterisks):
            self.phones.check()

    def stop_services(self) -> list[str]:
        """End all services as an operator would; returns those that did not end well."""
        services = [each for found in self.replicas.values() for each in found]
        for service in services:
            service.process.ask_to_stop()
        # A second SIGTERM could meet a process that has removed its handlers: wait without asking again.
        deadline = time.monotonic() + STOP_S
        while any(service.process.is_alive() for service in services) and time.monotonic() < deadline:
            time.sleep(0.1)
        codes = {service.process.name: service.stop() for service in services}
        return [f"{name} ended with {code}" for name, code in codes.items() if code != 0]
