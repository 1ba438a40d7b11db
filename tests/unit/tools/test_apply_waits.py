"""`apply` comes again when the directory's quotas tell it to."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from ringback.apply.directory_client import TOKEN, URL, DirectoryClient, NotSaved
from services.directory.state.office_sheet import OfficeSheet, OrganizationSheet

REFUSED = (
    b'{"code": "too_many_requests", "cause": {"ru": "-", "en": "uploads"}, '
    b'"remedy": {"ru": "-", "en": "wait"}}'
)


class _Directory(http.server.BaseHTTPRequestHandler):
    """Refuses once, with the seconds that its server is told, and then accepts."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.asked += 1  # type: ignore[attr-defined]
        is_refused = server.asked == 1  # type: ignore[attr-defined]
        content = REFUSED if is_refused else b"{}"
        self.send_response(429 if is_refused else 201)
        if is_refused:
            self.send_header("Retry-After", server.seconds)  # type: ignore[attr-defined]
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def directory() -> Iterator[http.server.HTTPServer]:
    """A directory on loopback."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Directory)
    server.asked, server.seconds = 0, "0"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _client(directory: http.server.HTTPServer) -> DirectoryClient:
    settings = {URL: f"http://127.0.0.1:{directory.server_address[1]}", TOKEN: "t"}
    sheet = OfficeSheet(organization_id="vostok", organization=OrganizationSheet(name="Vostok"))
    return DirectoryClient(settings, sheet, is_dry_run=False)


def test_an_upload_that_is_too_many_now_goes_again_when_its_time_has_come(
    directory: http.server.HTTPServer,
) -> None:
    """An office with a hundred recordings is applied by one command."""
    with _client(directory) as client:
        client.upload(b"sound")
    assert directory.asked == 2  # type: ignore[attr-defined]


def test_a_quota_of_hours_is_said_and_not_waited_for(directory: http.server.HTTPServer) -> None:
    """A command that stands still for an hour would be taken for broken."""
    directory.seconds = "3600"  # type: ignore[attr-defined]
    with _client(directory) as client, pytest.raises(NotSaved):
        client.upload(b"sound")
    assert directory.asked == 1  # type: ignore[attr-defined]
