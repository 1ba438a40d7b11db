"""The composition root: the only place that builds adapters, from plain constructor arguments.

`run_decider(SERVICE, Settings)` runs a decider (and, with `edge=`, the service's own edge in the same
process); `run_edge(EDGE, Settings)` runs an edge alone. Both return the process's exit code through
`sys.exit`: 0 after SIGTERM or SIGINT, 3 when something that is needed is missing, 1 for anything else.
"""

import asyncio
import faulthandler
import gc
import secrets
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, Final, NoReturn

import structlog
import uvloop
from aiokafka.errors import KafkaError
from faststream.asgi import AsgiFastStream

from contracts.ids import Instant
from runtime import (
    certificate_ends,
    checks,
    kafka_clients,
    listeners,
    metrics,
    private_files,
    redis_client,
    redis_store,
    s3_blobs,
    telemetry,
    waiting,
    web,
)
from runtime.changed_files import ChangedFiles
from runtime.decision import Decider
from runtime.edge import Edge, EdgePorts, NeverSaid, NotSaid
from runtime.edge_runner import KafkaSay, SubscriptionRunner, commit_now_and_then
from runtime.host import identity
from runtime.host.held import SNAPSHOT_FIRST_S, HostPorts, Options
from runtime.host.host import Host
from runtime.host.identity import RefusedToStart
from runtime.http_limits import Guard, Limits
from runtime.kafka_log import KafkaLog
from runtime.lack import Lack
from runtime.listeners import Opened
from runtime.metrics import COUNTED, MEASURED
from runtime.ports import LogTooLong, LogUnavailable, Outgoing
from runtime.settings import UNREADABLE, RuntimeSettings, why_unreadable
from runtime.system_clock import SystemClock

EXIT_MISSING: Final = 3
GRACE_S_MAX: Final = 10
END_S_MAX: Final = 40.0
"""What ends in order has ended by then, and 5 s later a supervisor kills without a word."""
TELL_S: Final = 1.0
"""Before that: which coroutines do not end, which the stacks of threads do not show."""
LAG_S: Final = 15.0
"""How often the broker is asked how far its log goes: as often as Prometheus asks us."""
ASK_S: Final = 10.0
"""How long a login that the broker refuses goes unnoticed."""

Settings = RuntimeSettings | type[RuntimeSettings]

_log = structlog.get_logger()


def run_decider(decider: Decider[Any], settings: Settings, *, edge: Edge | None = None) -> NoReturn:
    """Run a service that decides, with its own edge if it has one."""
    unknown = sorted({name for name, _ in decider.counts.values()} - COUNTED.keys())
    unknown += sorted({name for name, _, _ in decider.measures.values()} - MEASURED.keys())
    assert not unknown, f"{decider.name} counts metrics that runtime.metrics does not declare: {unknown}"
    _run(decider.name, settings, decider, edge)


def run_edge(edge: Edge, settings: Settings) -> NoReturn:
    """Run a service that only touches the world."""
    _run(edge.name, settings, None, edge)


def _run(name: str, settings: Settings, decider: Decider[Any] | None, edge: Edge | None) -> NoReturn:
    private_files.own_files_only()
    try:
        kind = settings if isinstance(settings, type) else type(settings)
        files = ChangedFiles(kind.files())
        known = settings() if isinstance(settings, type) else settings
    except UNREADABLE as error:
        for line in why_unreadable(error):
            print(f"{name}: {line}", file=sys.stderr)  # noqa: T201  # before there is a log
        sys.exit(EXIT_MISSING)
    telemetry.set_up_logs(name, known.log_format)
    code = uvloop.run(Process(name, known, decider, edge, files).run())
    # Python would look through all that is left, which takes half a second of a processor at every end.
    gc.freeze()
    sys.exit(code)


class Process:
    """One service process: what it is made of, and the order in which that starts and stops."""

    def __init__(
        self,
        name: str,
        settings: RuntimeSettings,
        decider: Decider[Any] | None,
        edge: Edge | None,
        files: ChangedFiles,
    ) -> None:
        self._name = name
        self._settings = settings
        self._decider = decider
        self._edge = edge
        self._files = files
        self._exit_code = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._runners: list[SubscriptionRunner] = []
        self._host: Host | None = None
        self._ending = asyncio.Event()
        """Set once the process is to end."""
        self._internal: Opened | None = None
        self._public: Opened | None = None
        """The API's listener, where the service has an API."""
        self._serving: asyncio.Task[None] | None = None
        self._is_started = False
        self._refusal: str | None = None
        """What the broker says if it lets us in no more."""
        self._heartbeat = web.Heartbeat()

    async def run(self) -> int:
        """Wait for what is needed, then serve until told to stop; the exit code."""
        loop = asyncio.get_running_loop()
        for found in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(found, self._end)
        try:
            if await self._has_what_it_needs():
                await self._work_until_the_end()
        except RefusedToStart as refusal:
            _log.error("refused to start", reason=str(refusal))
            self._exit_code = EXIT_MISSING
        return self._exit_code

    async def _has_what_it_needs(self) -> bool:
        """Whether what it needs is there, waited for if that is of use; if not, the exit code says why."""
        wait_s = self._settings.wait_for_parts_s
        self._wait = wait = waiting.Wait(self._missing, wait_s=wait_s, ending=self._ending)
        await wait.ask()
        if wait.is_of_use:
            await self._answer_probes_during(wait)
        if self._ending.is_set():
            return False
        self._exit_code = EXIT_MISSING if wait.refuses() else 0
        return not self._exit_code

    async def _missing(self) -> list[Lack]:
        own = {} if self._edge is None else self._edge.own_parts
        return await checks.missing(self._settings, self._parts(), service=self._name, own_parts=own)

    async def _answer_probes_during(self, wait: waiting.Wait) -> None:
        """Wait with the internal port open: alive, and not ready, with the reasons. Raises RefusedToStart."""
        heartbeat = web.Heartbeat()
        pages = web.routes(heartbeat, lambda: [each.words for each in wait.lacks], lambda: None)
        opened = self._opened_internal(web.pages(pages), has_lifespan=False)
        heartbeat.start()
        serving = asyncio.create_task(opened.listener.serve(sockets=[opened.socket]))
        try:
            await wait.until_over()
        finally:
            opened.listener.should_exit = True
            await serving
            heartbeat.stop()

    async def _work_until_the_end(self) -> None:
        telemetry.set_up_traces(self._name, self._settings.version, self._settings.otlp_endpoint)
        self._clients = kafka_clients.from_settings(self._settings)
        self._watch_certificates()
        self._log = self._kafka_log()
        try:
            await self._log.start()
        except LogUnavailable as error:
            # It was there a moment ago; whoever restarts us tries again.
            raise RefusedToStart(f"Kafka: {error}") from error
        self._blobs = s3_blobs.from_settings(self._settings)
        try:
            if self._decider is not None:
                self._host = self._built_host(self._decider)
            if self._edge is not None:
                await self._build_edge(self._edge)
            await self._serve()
        finally:
            await self._log.stop()
            self._blobs.close()

    def _watch_certificates(self) -> None:
        """Those of listeners, mail and PostgreSQL are not here: each connection or letter reads them anew."""
        settings, tls = self._settings, self._clients.tls
        if tls is not None:
            paths = map(str, tls.files.values())
            self._files.watch("RINGBACK_KAFKA_CA, _CERTIFICATE, _KEY", paths, tls.load_again)
        for name in type(settings).model_fields:
            if name.endswith("_ca") and name not in ("kafka_ca", "redis_ca", "smtp_ca"):
                self._files.watch(f"RINGBACK_{name.upper()}", (getattr(settings, name),))

    def _parts(self) -> tuple[str, ...]:
        """The parts that must answer before anything starts."""
        decides = ("redis", "s3") if self._decider is not None else ()
        touches = self._edge.parts if self._edge is not None else ()
        return tuple(dict.fromkeys(("kafka", "otlp", *decides, *touches)))

    def _kafka_log(self) -> KafkaLog:
        is_alone = self._settings.partitions == "all"
        return KafkaLog(
            self._clients,
            prefix=self._settings.topic_prefix,
            group=None if is_alone else kafka_clients.group_of(self._settings.topic_prefix, self._name),
            replica=self._settings.replica,
            client_id=f"ringback-{self._name}",
            session_ms=self._settings.session_ms,
        )

    def _built_host(self, decider: Decider[Any]) -> Host:
        settings = self._settings
        tls = redis_client.tls_from_settings(settings)
        self._redis = redis_client.from_settings(settings, tls)
        if tls is not None:
            paths = map(str, tls.files.values())
            self._files.watch("RINGBACK_REDIS_CA, _CERTIFICATE, _KEY", paths, tls.load_again)
        store = redis_store.RedisStore(self._redis, prefix=settings.store_prefix, service=self._name)
        ports = HostPorts(log=self._log, store=store, blobs=self._blobs, clock=SystemClock(), tokens=_token)
        options = Options(
            version=settings.version,
            prefix=f"{settings.store_prefix}/",
            linger_ms=settings.linger_ms,
            snapshot_s=settings.snapshot_s,
            snapshot_first_s=min(SNAPSHOT_FIRST_S, settings.snapshot_s),
        )
        return Host(decider, ports, options)

    async def _build_edge(self, edge: Edge) -> None:
        settings = self._settings
        for partition in range(self._log.partitions):
            await identity.log_id(self._log, partition, _token)
        ports = EdgePorts(
            say=KafkaSay(self._log),
            send=self._send,
            blobs=self._blobs,
            clock=SystemClock(),
            log_time=self._log_time,
            log=self._log,
        )
        try:
            self._work = edge.build(ports, settings)
        except (SystemExit, ValueError) as error:
            # A service names in its own words what is missing: a program, a folder, a usable address.
            raise RefusedToStart(str(error)) from error
        for each in self._work.subscriptions:
            try:
                await self._log.count(each.topic.name)
            except LogUnavailable as error:
                # A consumer of a topic that it may not see waits without a word.
                raise RefusedToStart(str(error)) from error
        for setting, use in self._work.rereads.items():
            self._files.use_text(setting, use)
        self._runners = [SubscriptionRunner(self._name, each, self._log) for each in self._work.subscriptions]

    async def _send(self, records: Sequence[Outgoing]) -> None:
        try:
            await self._log.send(records)
        except LogTooLong as error:
            raise NeverSaid(str(error)) from error
        except LogUnavailable as error:
            raise NotSaid(str(error)) from error

    def _log_time(self) -> Instant:
        return Instant(max((runner.newest_at for runner in self._runners), default=0))

    async def _serve(self) -> None:
        routes = [
            *web.routes(self._heartbeat, self._reasons_not_ready, self._before_metrics),
            *(() if self._edge is None else self._work.routes),
        ]
        settings = self._settings
        app = AsgiFastStream(
            self._clients.broker(client_id=f"ringback-{self._name}-app"),
            asgi_routes=routes,
            logger=None,
            after_startup=[self._start],
            on_shutdown=[self._stop],
        )
        self._internal = self._opened_internal(self._ending_with_its_lifespan(app), has_lifespan=True)
        api = None if self._edge is None else self._work.api
        if api is not None:
            self._public = listeners.opened("http", api, settings, part="http", has_lifespan=False)
        if self._ending.is_set():
            self._internal.listener.should_exit = True
        await self._internal.listener.serve(sockets=[self._internal.socket])

    def _opened_internal(self, app: web.App, *, has_lifespan: bool) -> Opened:
        part = "http" if self._edge is None else self._edge.internal_wire
        guarded = Guard(app, Limits())
        return listeners.opened("internal", guarded, self._settings, part=part, has_lifespan=has_lifespan)

    def _ending_with_its_lifespan(self, app: web.App) -> web.App:
        """The application, at whose failure the process ends.

        FastStream says that it has started before it has connected. When the broker goes in that moment,
        uvicorn would serve on, with nothing behind it.
        """

        async def noticed(scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
            try:
                await app(scope, receive, send)
            except Exception as error:
                if scope["type"] == "lifespan":
                    is_kafka = isinstance(error, KafkaError)
                    self._fail(RefusedToStart(f"Kafka has gone meanwhile: {error}") if is_kafka else error)
                raise

        return noticed

    async def _read(self) -> None:
        """Connect the edge's subscriptions, and read them; what the log says before what is asked of us.

        A member of a group is given partitions at once. One that has a long log to read first would leave
        their records waiting, and others could go on with them meanwhile.
        """
        rebuilds = [each for each in self._runners if each.is_from_start]
        others = [each for each in self._runners if not each.is_from_start]
        for runner in rebuilds:
            await self._begin_reading(runner)
        if rebuilds and self._settings.partitions != "all":
            self._guard(self._join(rebuilds, others))
            return
        for runner in others:
            await self._begin_reading(runner)

    async def _join(
        self, rebuilds: Sequence[SubscriptionRunner], others: Sequence[SubscriptionRunner]
    ) -> None:
        for runner in rebuilds:
            await runner.catch_up()
        for runner in others:
            try:
                await self._begin_reading(runner)
            except KafkaError as error:
                raise RefusedToStart(f"Kafka has gone meanwhile: {error}") from error

    async def _begin_reading(self, runner: SubscriptionRunner) -> None:
        settings = self._settings
        group = None if settings.partitions == "all" else self._name
        await runner.start(self._clients, prefix=settings.topic_prefix, group=group, replica=settings.replica)
        self._guard(runner.run())

    def _end(self) -> None:
        if not self._ending.is_set():
            faulthandler.dump_traceback_later(END_S_MAX, exit=True)
            asyncio.get_running_loop().call_later(END_S_MAX - TELL_S, _tell_what_does_not_end)
        self._ending.set()
        if self._internal is not None:
            self._internal.listener.should_exit = True

    async def _start(self) -> None:
        """Once FastStream has connected, start the host and the edge's background work."""
        self._heartbeat.start()
        if self._host is not None:
            is_fine = self._settings.allow_broker_without_time
            self._guard(self._host.run(broker_without_time_is_fine=is_fine))
        if self._edge is not None:
            await self._read()
            self._guard(commit_now_and_then(self._runners))
            for background in self._work.background:
                self._guard(_awaited(background()))
        self._guard(self._watch_lag())
        metrics.BUILD.labels(self._name, self._settings.version).set(1)
        self._guard(self._ask_for_refusals())
        self._guard(self._wait.tell_until_there())
        self._guard(self._files.run())
        self._guard(certificate_ends.watch(self._settings))
        self._is_started = True
        # What was made until now stays. Later cycles are few, and a batch makes more than 700 new objects.
        gc.freeze()
        gc.set_threshold(20_000)
        assert self._internal is not None, "this runs inside its listener"
        _log.info("started", internal=self._internal.address)
        if self._public is not None:
            serving = self._public.listener.serve(sockets=[self._public.socket])
            self._serving = asyncio.create_task(serving)
            self._serving.add_done_callback(self._ended)
            _log.info("serves the API", http=self._public.address)

    async def _ask_for_refusals(self) -> None:
        """Notice a rotated password or an expired certificate; clients try again without a word of why."""
        while True:
            await asyncio.sleep(ASK_S)
            before, self._refusal = self._refusal, await self._log.refusal()
            if self._refusal is not None:
                _log.error("Kafka refuses us, and is asked again", reason=self._refusal)
            elif before is not None:
                _log.info("Kafka lets us in again")

    def _guard(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run in the background; a failure ends the process, which its supervisor starts again."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """End the process for this reason."""
        if isinstance(error, RefusedToStart):
            _log.error("refused to start", reason=str(error))
            self._exit_code = EXIT_MISSING
        else:
            _log.error("ended by an error", exc_info=error)
            self._exit_code = 1
        self._end()

    async def _stop(self) -> None:
        """End what runs; in a task of its own, since FastStream's generator hides what waits inside it."""
        await asyncio.create_task(self._stop_in_order())

    async def _stop_in_order(self) -> None:
        """Finish the edge's running handlers and the host's batches, then close the connections."""
        self._is_started = False
        _log.info("stopping")
        if self._edge is not None:
            for before_stop in self._work.before_stop:
                before_stop()
        if self._public is not None and self._serving is not None:
            self._public.listener.should_exit = True
            await asyncio.wait([self._serving])
        # What is asked of us ends first: its last answers are read back from the log.
        for is_from_start in (False, True):
            found = (each for each in self._runners if each.is_from_start is is_from_start)
            await asyncio.gather(*(runner.finish() for runner in found))
        if self._edge is not None:
            for on_stop in self._work.on_stop:
                await on_stop()
        if self._host is not None:
            self._host.stop()
            await asyncio.wait(self._tasks[:1], timeout=GRACE_S_MAX)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._host is not None:
            await self._redis.aclose()
        self._heartbeat.stop()

    def _reasons_not_ready(self) -> list[str]:
        reasons = [] if self._is_started else ["starting or stopping"]
        if self._refusal is not None:
            reasons.append(f"Kafka: {self._refusal}")
        if self._host is not None:
            reasons += self._host.reasons_not_ready()
        if self._edge is not None and self._is_started and not self._work.is_ready():
            reasons.append(f"{self._edge.name} is not ready yet")
        return reasons

    async def _watch_lag(self) -> None:
        while True:
            if self._host is not None:
                await self._host.show_lag()
            for runner in self._runners:
                await runner.show_lag()
            await asyncio.sleep(LAG_S)

    def _before_metrics(self) -> None:
        if self._host is not None:
            self._host.show_gauges()
        metrics.READY.set(not self._reasons_not_ready())


def _tell_what_does_not_end() -> None:
    _log.error("does not end, and is ended", waits=[_awaits(each) for each in asyncio.all_tasks()])


def _awaits(task: asyncio.Task[Any]) -> str:
    """The coroutines of a task, each of which waits for the next one."""
    names = []
    at: Any = task.get_coro()
    while at is not None:
        names.append(getattr(at, "__qualname__", type(at).__name__))
        at = getattr(at, "cr_await", None)
    return " > ".join(names)


def _token() -> str:
    return secrets.token_hex(8)


async def _awaited(awaitable: Any) -> None:
    await awaitable


__all__ = ["Process", "run_decider", "run_edge"]
