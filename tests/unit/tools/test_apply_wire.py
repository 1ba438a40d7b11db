"""What `apply` sends, a token among it, goes to the directory that is meant and is heard by nobody else."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ringback.apply.directory_client import CA, TOKEN, URL, DirectoryClient, Unavailable
from ringback.connect import NotConfigured
from services.directory.state.office_sheet import OfficeSheet, OrganizationSheet


class _Directory(http.server.BaseHTTPRequestHandler):
    """Keeps the tokens that it is shown."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.append(self.headers["Authorization"])  # type: ignore[attr-defined]
        self.send_response(201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[http.server.HTTPServer]:
    """A directory with a certificate of the authority in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = http.server.HTTPServer(("127.0.0.1", 0), _Directory)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.tokens = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def client(**settings: str) -> DirectoryClient:
    sheet = OfficeSheet(organization_id="vostok", organization=OrganizationSheet(name="Vostok"))
    return DirectoryClient({TOKEN: "t", **settings}, sheet, is_dry_run=False)


def test_a_directory_with_a_certificate_of_your_own_authority_is_asked(
    directory: http.server.HTTPServer, tmp_path: Path
) -> None:
    """The operator names the authority's file beside the address."""
    url = f"https://127.0.0.1:{directory.server_address[1]}"
    with client(**{URL: url, CA: str(tmp_path / "ca.pem")}) as opened:
        opened.upload(b"sound")
    assert directory.tokens == ["Bearer t"]  # type: ignore[attr-defined]


def test_a_directory_that_somebody_else_plays_gets_no_token(
    directory: http.server.HTTPServer, tmp_path: Path
) -> None:
    """Nor does one that the system's authorities know nothing of."""
    url = f"https://127.0.0.1:{directory.server_address[1]}"
    for ca in (str(tmp_path / "another.pem"), ""):
        with client(**{URL: url, CA: ca}) as opened, pytest.raises(Unavailable, match="CERTIFICATE_VERIFY"):
            opened.upload(b"sound")
    assert directory.tokens == []  # type: ignore[attr-defined]


def test_no_token_goes_to_another_machine_in_the_clear() -> None:
    """Unless the operator says that something else protects that wire."""
    elsewhere = "http://directory.example:8080"
    with pytest.raises(NotConfigured, match=rf"{URL}.*https.*RINGBACK_ALLOW_PLAINTEXT_TO"):
        client(**{URL: elsewhere})
    client(**{URL: elsewhere, "RINGBACK_ALLOW_PLAINTEXT_TO": "http"}).__exit__()
