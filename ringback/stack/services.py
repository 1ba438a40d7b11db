"""Our own services as processes: start, wait until ready, kill -9, start again."""

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from ringback.stack.journal import Journal
from ringback.stack.process import Process, StackError, free_port
from runtime.client_tls import ClientTls

ROOT = Path(__file__).resolve().parent.parent.parent
# Takes some seconds on an idle machine, and over a minute on one that runs all tests.
READY_S = 180
WITH_API = ("directory", "history")
WITHOUT_LOG = ("console",)
"""Services that have no part in the log: no user of Kafka, no topics, no consumer group."""


def service_names() -> tuple[str, ...]:
    """The services in the tree that have a part in the log."""
    return tuple(name for name in startable_names() if name not in WITHOUT_LOG)


def startable_names() -> tuple[str, ...]:
    """Every folder of services/ that can be started."""
    return tuple(sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py")))


class Service:
    """One replica of `python -m services.<name>`; `restart` keeps its ports and its settings."""

    def __init__(
        self,
        name: str,
        settings: Mapping[str, str],
        run: Path,
        *,
        replica: int = 1,
        dies_with_parent: bool = False,
        journal: Journal | None = None,
        ca: str = "",
    ) -> None:
        """`settings` are its environment variables except the ports; nothing is started yet.

        `ca` is the file with the authority of its listeners' certificates, if its settings have some.
        """
        if name not in startable_names():
            raise StackError(f"there is no service {name!r}; there are: {', '.join(startable_names())}")
        self.name = name
        self.port = int(settings.get("RINGBACK_HTTP_PORT") or free_port())
        self._scheme = "https" if settings.get("RINGBACK_HTTP_CERTIFICATE") else "http"
        self._internal_scheme = "https" if settings.get("RINGBACK_INTERNAL_CERTIFICATE") else "http"
        self._trust = ClientTls("RINGBACK_INTERNAL", ca=ca).context
        self.internal_port = int(settings.get("RINGBACK_INTERNAL_PORT") or free_port())
        self.process = Process(
            name if replica == 1 else f"{name}-{replica}",
            [sys.executable, "-m", f"services.{name}"],
            run,
            # The service's working directory is the tree, whatever the caller's is.
            env={
                **settings,
                "RINGBACK_HTTP_PORT": str(self.port),
                "RINGBACK_INTERNAL_PORT": str(self.internal_port),
                "PYTHONPATH": str(ROOT),
            },
            dies_with_parent=dies_with_parent,
            journal=journal,
        )

    @property
    def address(self) -> str:
        """The URL of its API or its pages; of a service without any, that of its health and metrics."""
        is_public = self.name in (*WITH_API, *WITHOUT_LOG)
        return f"{self._scheme}://127.0.0.1:{self.port}" if is_public else self.internal_address

    @property
    def internal_address(self) -> str:
        """The URL of its health and metrics, of its API's description, and of the gateway's spool."""
        return f"{self._internal_scheme}://127.0.0.1:{self.internal_port}"

    def start(self) -> None:
        """Start it without waiting."""
        self.process.start()

    def is_ready(self) -> bool:
        """Whether `/health/ready` says 200."""
        try:
            with urllib.request.urlopen(  # noqa: S310
                f"{self.internal_address}/health/ready", timeout=2, context=self._trust
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Wait until it is ready. Raises StackError with the end of its log if it ends before."""
        self.process.wait_until(self.is_ready, "readiness", timeout_s)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()

    def stop(self, grace_s: float = 10) -> int | None:
        """Ask it to stop; its exit code."""
        return self.process.stop(grace_s)

    def restart(self, timeout_s: float = READY_S) -> None:
        """Start it again after `kill` or `stop`, on the same port, and wait until it is ready."""
        self.start()
        self.wait_ready(timeout_s)
