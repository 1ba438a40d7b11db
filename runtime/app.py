"""The composition root: the only place that builds adapters, from plain constructor arguments.

`run_decider(SERVICE, Settings)` runs a decider (and, with `edge=`, the service's own edge in the same
process); `run_edge(EDGE, Settings)` runs an edge alone. Both return the process's exit code through
`sys.exit`: 0 after SIGTERM or SIGINT, 3 when something that is needed is missing, 1 for anything else.
"""

import asyncio
import contextlib
import secrets
import signal
import sys
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Final, NoReturn

import prometheus_client
import structlog
import uvicorn
import uvloop
from faststream.asgi import AsgiFastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from opentelemetry.sdk.trace import TracerProvider
from pydantic import ValidationError
from pydantic_settings import SettingsError

from contracts.ids import Instant
from runtime import checks, redis_store, s3_blobs, telemetry, web
from runtime.decision import Decider
from runtime.edge import Edge, EdgePorts, NotSaid
from runtime.edge_runner import KafkaSay, SubscriptionRunner, commit_now_and_then
from runtime.host import identity
from runtime.host.held import HostPorts, Options
from runtime.host.host import Host
from runtime.host.identity import RefusedToStart
from runtime.kafka_log import KafkaLog
from runtime.metrics import COUNTED
from runtime.ports import LogTooLong, LogUnavailable, Outgoing
from runtime.settings import RuntimeSettings
from runtime.system_clock import SystemClock

EXIT_MISSING: Final = 3
GRACE_S_MAX: Final = 10

Settings = RuntimeSettings | type[RuntimeSettings]

_log = structlog.get_logger()


def run_decider(decider: Decider[Any], settings: Settings, *, edge: Edge | None = None) -> NoReturn:
    """Run a service that decides, with its own edge if it has one."""
    unknown = sorted({name for name, _ in decider.counts.values()} - COUNTED.keys())
    assert not unknown, f"{decider.name} counts metrics that runtime.metrics does not declare: {unknown}"
    _run(decider.name, settings, decider, edge)


def run_edge(edge: Edge, settings: Settings) -> NoReturn:
    """Run a service that only touches the world."""
    _run(edge.name, settings, None, edge)


def _run(name: str, settings: Settings, decider: Decider[Any] | None, edge: Edge | None) -> NoReturn:
    try:
        known = settings() if isinstance(settings, type) else settings
    except ValidationError as error:
        for each in error.errors():
            print(f"{name}: RINGBACK_{str(each['loc'][0]).upper()}: {each['msg']}", file=sys.stderr)  # noqa: T201  # before there is a log
        sys.exit(EXIT_MISSING)
    except SettingsError as error:
        # pydantic-settings names the field between the first two quotation marks, and nowhere else.
        setting = str(error).partition('"')[2].partition('"')[0].upper()
        print(f"{name}: RINGBACK_{setting}: the value is not valid JSON", file=sys.stderr)  # noqa: T201  # before there is a log
        sys.exit(EXIT_MISSING)
    telemetry.set_up_logs(name, known.log_format)
    sys.exit(uvloop.run(Process(name, known, decider, edge).run()))


class Process:
    """One service process: what it is made of, and the order in which that starts and stops."""

    def __init__(
        self, name: str, settings: RuntimeSettings, decider: Decider[Any] | None, edge: Edge | None
    ) -> None:
        self._name = name
        self._settings = settings
        self._decider = decider
        self._edge = edge
        self._exit_code = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._runners: list[SubscriptionRunner] = []
        self._host: Host | None = None
        self._is_started = False
        self._heartbeat = web.Heartbeat()

    async def run(self) -> int:
        """Check what is needed, then serve until told to stop; the exit code."""
        lines = await checks.missing(self._settings, self._parts())
        for line in lines:
            _log.error("missing", what=line)
        if lines:
            return EXIT_MISSING
        traces = telemetry.set_up_traces(self._name, self._settings.version, self._settings.otlp_endpoint)
        self._log = self._kafka_log()
        await self._log.start()
        self._blobs = s3_blobs.from_settings(self._settings)
        try:
            if self._decider is not None:
                self._host = self._built_host(self._decider)
            broker = self._broker(traces)
            if self._edge is not None:
                await self._build_edge(self._edge, broker)
            await self._serve(broker)
        except RefusedToStart as refusal:
            _log.error("refused to start", reason=str(refusal))
            self._exit_code = EXIT_MISSING
        finally:
            await self._log.stop()
            self._blobs.close()
        return self._exit_code

    def _parts(self) -> tuple[str, ...]:
        """The parts that must answer before anything starts."""
        decides = ("redis", "s3") if self._decider is not None else ()
        touches = self._edge.parts if self._edge is not None else ()
        return tuple(dict.fromkeys(("kafka", *decides, *touches)))

    def _kafka_log(self) -> KafkaLog:
        is_alone = self._settings.partitions == "all"
        return KafkaLog(
            self._settings.kafka,
            prefix=self._settings.topic_prefix,
            group=None if is_alone else f"{self._settings.topic_prefix}{self._name}",
            replica=self._settings.replica,
            client_id=f"ringback-{self._name}",
            session_ms=self._settings.session_ms,
        )

    def _built_host(self, decider: Decider[Any]) -> Host:
        settings = self._settings
        self._redis = redis_store.connected(settings.redis)
        store = redis_store.RedisStore(self._redis, prefix=settings.store_prefix, service=self._name)
        ports = HostPorts(log=self._log, store=store, blobs=self._blobs, clock=SystemClock(), tokens=_token)
        options = Options(
            version=settings.version, prefix=f"{settings.store_prefix}/", snapshot_s=settings.snapshot_s
        )
        return Host(decider, ports, options)

    def _broker(self, traces: TracerProvider) -> KafkaBroker:
        """FastStream's connection. Every process uses its lifecycle; only edges use its subscribers."""
        return KafkaBroker(
            self._settings.kafka.split(","),
            client_id=f"ringback-{self._name}-edge",
            apply_types=False,
            logger=None,
            middlewares=(
                KafkaPrometheusMiddleware(registry=prometheus_client.REGISTRY, app_name=self._name),
                KafkaTelemetryMiddleware(tracer_provider=traces),
            ),
        )

    async def _build_edge(self, edge: Edge, broker: KafkaBroker) -> None:
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
        group = None if settings.partitions == "all" else self._name
        for subscription in self._work.subscriptions:
            runner = SubscriptionRunner(self._name, subscription, self._log)
            await runner.subscribe(
                broker, prefix=settings.topic_prefix, group=group, replica=settings.replica
            )
            self._runners.append(runner)

    async def _send(self, records: Sequence[Outgoing]) -> None:
        try:
            await self._log.send(records)
        except (LogUnavailable, LogTooLong) as error:
            raise NotSaid(str(error)) from error

    def _log_time(self) -> Instant:
        return Instant(max((runner.newest_at for runner in self._runners), default=0))

    async def _serve(self, broker: KafkaBroker) -> None:
        routes = [
            *web.routes(self._heartbeat, self._reasons_not_ready, self._before_metrics),
            *(() if self._edge is None else self._work.routes),
        ]
        app = AsgiFastStream(
            broker,
            asgi_routes=routes,
            logger=None,
            after_startup=[self._start],
            on_shutdown=[self._stop],
        )
        self._server = _Server(
            uvicorn.Config(
                web.with_api(app, routes, None if self._edge is None else self._work.api),
                host=self._settings.http_host,
                port=self._settings.http_port,
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=GRACE_S_MAX,
            )
        )
        loop = asyncio.get_running_loop()
        for found in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(found, self._end)
        await self._server.serve()

    def _end(self) -> None:
        self._server.should_exit = True

    async def _start(self) -> None:
        """Once FastStream has connected, start the host and the edge's background work."""
        self._heartbeat.start()
        if self._host is not None:
            is_fine = self._settings.allow_broker_without_time
            self._guard(self._host.run(broker_without_time_is_fine=is_fine))
        if self._edge is not None:
            self._guard(commit_now_and_then(self._runners))
            for background in self._work.background:
                self._guard(_awaited(background()))
        self._is_started = True
        _log.info("started", http=f"{self._settings.http_host}:{self._settings.http_port}")

    def _guard(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run in the background; a failure ends the process, which its supervisor starts again."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        error = task.exception()
        if isinstance(error, RefusedToStart):
            _log.error("refused to start", reason=str(error))
            self._exit_code = EXIT_MISSING
        else:
            _log.error("ended by an error", exc_info=error)
            self._exit_code = 1
        self._end()

    async def _stop(self) -> None:
        """Finish the edge's running handlers and the host's batches, then close the connections."""
        self._is_started = False
        _log.info("stopping")
        await asyncio.gather(*(runner.finish() for runner in self._runners))
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
        if self._host is not None:
            reasons += self._host.reasons_not_ready()
        if self._edge is not None and self._is_started and not self._work.is_ready():
            reasons.append(f"{self._edge.name} is not ready yet")
        return reasons

    def _before_metrics(self) -> None:
        if self._host is not None:
            self._host.show_gauges()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: these raise the signal again, which hides the exit code."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers; the process has its own."""
        yield


def _token() -> str:
    return secrets.token_hex(8)


async def _awaited(awaitable: Any) -> None:
    await awaitable


__all__ = ["Process", "run_decider", "run_edge"]
