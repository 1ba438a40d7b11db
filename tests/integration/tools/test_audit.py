"""pip-audit as it is, against a service of vulnerabilities on loopback, and against none."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devtools import audit
from devtools.advisories import Vulnerability, from_service
from devtools.audit import UNANSWERED
from devtools.pins import Pin

PINS = (Pin("alpha", "1.5", "", (), ()), Pin("audioop-lts", "0.2.2", 'python_full_version >= "3.13"', (), ()))
VULNERABLE = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-7"],
    "modified": "2026-11-28T10:00:00Z",
    "published": "2026-11-28T10:00:00Z",
    "summary": "Reads more than it should.",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "alpha"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.6"}]}],
        }
    ],
}
NOWHERE = "http://127.0.0.1:9/query"
"""Nobody listens on the port «discard» of a machine of today."""


@contextmanager
def service(*, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A service that knows of one vulnerable package; its address, and the packages it was asked for."""
    asked: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            asked.append(name)
            body = json.dumps({"vulns": [VULNERABLE]} if name == "alpha" else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/query", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_service_is_asked_for_every_pin_also_for_those_of_other_platforms() -> None:
    with service() as (address, asked):
        answer = from_service(PINS, "osv", osv_url=address)
    assert asked == ["alpha", "audioop-lts"]
    assert answer.answered == {"alpha", "audioop-lts"}
    assert answer.found == (Vulnerability("alpha", "1.5", ("PYSEC-2026-1", "CVE-2026-7"), ("1.6",)),)


def test_a_service_that_fails_has_answered_for_no_package() -> None:
    with service(status=503) as (address, _):
        answer = from_service(PINS, "osv", osv_url=address)
    assert not answer.answered
    assert answer.silent_because


@pytest.mark.parametrize(
    ("words", "code"), [([], UNANSWERED), (["--allow-unanswered"], 0)], ids=["fails", "told"]
)
def test_a_machine_without_a_service_fails_unless_it_is_told(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """An audit that reaches nobody must not turn a build green by itself."""
    assert audit.main(["--osv-url", NOWHERE, *words]) == code
    told = capsys.readouterr()
    assert told.out.startswith("audit: 0 of ")
    assert "NOT AUDITED" in told.err
