"""A service of the stack is waited for, killed and started again on its port."""

from pathlib import Path

import pytest
import trustme

from ringback.stack import services
from ringback.stack.process import StackError, free_port

FAKE = """
import http.server, os, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
address = (os.environ["RINGBACK_INTERNAL_HOST"], int(os.environ["RINGBACK_INTERNAL_PORT"]))
server = http.server.HTTPServer(address, Handler)
if certificate := os.environ.get("RINGBACK_INTERNAL_CERTIFICATE"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with one service that is ready at once and one that fails at once."""
    for name, text in (("quick", FAKE), ("broken", "raise SystemExit('RINGBACK_KAFKA is missing')")):
        folder = tmp_path / "services" / name
        folder.mkdir(parents=True)
        (folder / "__main__.py").write_text(text, encoding="utf-8")
        (folder / "__init__.py").touch()
    (tmp_path / "services" / "__init__.py").touch()
    monkeypatch.setattr(services, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _service(tree: Path, name: str) -> services.Service:
    return services.Service(
        name, {"RINGBACK_INTERNAL_HOST": "127.0.0.1"}, tree / "run", dies_with_parent=True
    )


def test_a_killed_service_is_ready_again_on_its_port(tree: Path) -> None:
    """The demo kills the queue in the middle and goes on."""
    service = _service(tree, "quick")
    service.start()
    service.wait_ready()
    service.kill()
    assert not service.is_ready()
    service.restart()
    assert service.is_ready()
    service.stop()


def test_a_service_with_a_certificate_is_asked_over_tls(tree: Path) -> None:
    """And only one that shows a certificate of the authority counts as ready."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tree / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tree / "another.pem")
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(tree / "quick.pem")
    settings = {
        "RINGBACK_INTERNAL_HOST": "127.0.0.1",
        "RINGBACK_INTERNAL_CERTIFICATE": str(tree / "quick.pem"),
        "RINGBACK_INTERNAL_PORT": str(free_port()),
    }
    service, stranger = (
        services.Service("quick", settings, tree / "run", dies_with_parent=True, ca=str(tree / ca))
        for ca in ("ca.pem", "another.pem")
    )
    assert service.internal_address.startswith("https://127.0.0.1:")
    service.start()
    service.wait_ready()
    assert not stranger.is_ready()
    service.stop()


def test_a_service_that_lacks_a_setting_is_reported_in_its_own_words(tree: Path) -> None:
    """The user who starts it sees what is missing, not only that it did not start."""
    service = _service(tree, "broken")
    service.start()
    with pytest.raises(StackError, match="RINGBACK_KAFKA is missing"):
        service.wait_ready()


def test_an_unknown_service_is_refused_with_the_names_there_are(tree: Path) -> None:
    """A typing error must not end in a timeout."""
    with pytest.raises(StackError, match="broken, quick"):
        _service(tree, "quack")
