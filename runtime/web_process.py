"""The composition root of a service that serves people and reads no log: two listeners and the store.

`run_web(WebService(...), Settings)` waits for what is needed, as every service does, and serves until it is
told to stop. It returns the process's exit code through `sys.exit`: 0 after SIGTERM or SIGINT, 3 when
something that is needed is missing, 1 for anything else.
"""

import asyncio
import faulthandler
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn

import msgspec
import structlog
import uvloop

from runtime import (
    certificate_ends,
    checks,
    listeners,
    metrics,
    private_files,
    redis_client,
    telemetry,
    waiting,
    web,
)
from runtime.changed_files import ChangedFiles
from runtime.checks import Rights
from runtime.host.identity import RefusedToStart
from runtime.http_limits import Guard, Limits
from runtime.lack import Lack
from runtime.listeners import Opened
from runtime.ports import Clock
from runtime.redis_client import RedisClients
from runtime.settings import UNREADABLE, RuntimeSettings, why_unreadable
from runtime.system_clock import SystemClock

EXIT_MISSING: Final = 3
END_S_MAX: Final = 40.0
"""What ends in order has ended by then, and 5 s later a supervisor kills without a word."""

_log = structlog.get_logger()


class WebPorts(msgspec.Struct, frozen=True, kw_only=True):
    """What the composition root hands to the service."""

    redis: RedisClients
    clock: Clock


class WebWork(msgspec.Struct, frozen=True, kw_only=True):
    """What the service does: all that the public port has, and what ends it.

    `why_not_ready` says in words what keeps it from serving.
    """

    app: web.App
    on_stop: tuple[Callable[[], Awaitable[None]], ...] = ()
    why_not_ready: Callable[[], list[str]] = list


class WebService(msgspec.Struct, frozen=True, kw_only=True):
    """A service's declaration. `build(ports, settings)` is called once, before anything is served.

    `store_rights` says what the store does not let the service do, given its key prefix.
    """

    name: str
    build: Callable[[WebPorts, Any], WebWork]
    store_rights: Rights


def run_web(service: WebService, kind: type[RuntimeSettings]) -> NoReturn:
    """Run a service that serves people."""
    private_files.own_files_only()
    try:
        files = ChangedFiles(kind.files())
        settings = kind()
    except UNREADABLE as error:
        for line in why_unreadable(error):
            print(f"{service.name}: {line}", file=sys.stderr)  # noqa: T201  # before there is a log
        sys.exit(EXIT_MISSING)
    telemetry.set_up_logs(service.name, settings.log_format)
    sys.exit(uvloop.run(WebProcess(service, settings, files).run()))


class WebProcess:
    """One process of such a service, and the order in which it starts and stops."""

    def __init__(self, service: WebService, settings: RuntimeSettings, files: ChangedFiles) -> None:
        self._service = service
        self._settings = settings
        self._files = files
        self._exit_code = 0
        self._ending = asyncio.Event()
        self._heartbeat = web.Heartbeat()
        self._tasks: list[asyncio.Task[None]] = []
        self._lacks: Callable[[], list[str]] = lambda: ["starting or stopping"]

    async def run(self) -> int:
        """Wait for what is needed, then serve until told to stop; the exit code."""
        loop = asyncio.get_running_loop()
        for found in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(found, self._end)
        self._heartbeat.start()
        try:
            internal = self._opened_internal()
            serving = asyncio.create_task(internal.listener.serve(sockets=[internal.socket]))
            try:
                if await self._has_what_it_needs():
                    await self._work_until_the_end(internal)
            finally:
                internal.listener.should_exit = True
                await serving
        except RefusedToStart as refusal:
            _log.error("refused to start", reason=str(refusal))
            self._exit_code = EXIT_MISSING
        self._heartbeat.stop()
        return self._exit_code

    def _opened_internal(self) -> Opened:
        routes = web.routes(self._heartbeat, lambda: self._lacks(), self._before_metrics)
        guarded = Guard(web.pages(routes), Limits())
        return listeners.opened("internal", guarded, self._settings, part="http", has_lifespan=False)

    async def _has_what_it_needs(self) -> bool:
        """Whether what it needs is there, waited for if that is of use; if not, the exit code says why."""
        wait = waiting.Wait(self._missing, wait_s=self._settings.wait_for_parts_s, ending=self._ending)
        self._lacks = lambda: [each.words for each in wait.lacks] or ["starting or stopping"]
        await wait.ask()
        await wait.until_over()
        if self._ending.is_set():
            return False
        self._exit_code = EXIT_MISSING if wait.refuses() else 0
        return not self._exit_code

    async def _missing(self) -> list[Lack]:
        service = self._service
        return await checks.missing(
            self._settings, ("redis", "otlp"), service=service.name, store_rights=service.store_rights
        )

    async def _work_until_the_end(self, internal: Opened) -> None:
        settings = self._settings
        telemetry.set_up_traces(self._service.name, settings.version, settings.otlp_endpoint)
        redis = self._connected()
        try:
            work = self._service.build(WebPorts(redis=redis, clock=SystemClock()), settings)
        except ValueError as error:
            # A service names in its own words what is missing: a key, a usable address.
            raise RefusedToStart(str(error)) from error
        public = listeners.opened("http", work.app, settings, part="http", has_lifespan=False)
        metrics.BUILD.labels(self._service.name, settings.version).set(1)
        self._guard(self._files.run())
        self._guard(certificate_ends.watch(settings))
        serving = asyncio.create_task(public.listener.serve(sockets=[public.socket]))
        serving.add_done_callback(self._ended)
        self._lacks = work.why_not_ready
        _log.info("started", internal=internal.address)
        _log.info("serves people", http=public.address)
        await self._ending.wait()
        self._lacks = lambda: ["starting or stopping"]
        _log.info("stopping")
        public.listener.should_exit = True
        await asyncio.wait([serving])
        for each in work.on_stop:
            await each()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await redis.aclose()

    def _connected(self) -> RedisClients:
        tls = redis_client.tls_from_settings(self._settings)
        if tls is not None:
            paths = map(str, tls.files.values())
            self._files.watch("RINGBACK_REDIS_CA, _CERTIFICATE, _KEY", paths, tls.load_again)
        return redis_client.from_settings(self._settings, tls)

    def _guard(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run in the background; a failure ends the process, which its supervisor starts again."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("ended by an error", exc_info=error)
            self._exit_code = 1
            self._end()

    def _end(self) -> None:
        if not self._ending.is_set():
            faulthandler.dump_traceback_later(END_S_MAX, exit=True)
        self._ending.set()

    def _before_metrics(self) -> None:
        metrics.READY.set(not self._lacks())
