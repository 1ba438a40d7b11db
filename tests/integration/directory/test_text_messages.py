"""Texts leave by one POST, to a real server, and what the server says is heard."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from runtime.plaintext import PlaintextRefused
from services.directory.activities.text_messages import NotSent, text_sender


class _Provider(http.server.BaseHTTPRequestHandler):
    """Takes texts; answers what its server is told to."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        taken = json.loads(self.rfile.read(length))
        self.server.taken.append((self.headers["Authorization"], taken))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        if self.server.status == 302:  # type: ignore[attr-defined]
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        with contextlib.suppress(OSError):
            while self.server.is_endless:  # type: ignore[attr-defined]
                self.wfile.write(b"x" * 65_536)

    def log_message(self, *_: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def provider() -> Iterator[http.server.HTTPServer]:
    """A provider on loopback."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Provider)
    server.taken, server.status, server.is_endless = [], 200, False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


async def test_a_text_is_posted_with_its_key(provider: http.server.HTTPServer) -> None:
    """The format that the docs promise to a provider's proxy."""
    send = text_sender(f"http://127.0.0.1:{provider.server_port}/texts", "secret")
    assert send is not None
    await send("+79160000007", "Код: 123456")
    assert provider.taken == [("Bearer secret", {"to": "+79160000007", "text": "Код: 123456"})]  # type: ignore[attr-defined]


async def test_a_refusal_and_silence_are_told_without_the_text(provider: http.server.HTTPServer) -> None:
    """The log of a service must not hold codes."""
    provider.status = 503  # type: ignore[attr-defined]
    send = text_sender(f"http://127.0.0.1:{provider.server_port}", "")
    nowhere = text_sender("http://127.0.0.1:1", "")
    assert send is not None
    assert nowhere is not None
    with pytest.raises(NotSent, match="503") as refused:
        await send("+79160000007", "123456")
    with pytest.raises(NotSent, match="can't be reached"):
        await nowhere("+79160000007", "123456")
    assert "123456" not in str(refused.value)


def test_codes_do_not_travel_unencrypted() -> None:
    """An address that would show them to the network is refused at start."""
    assert text_sender("", "") is None
    for url in ("http://texts.example/send", "http://127.0.0.1.example/", "http://localhost@texts.example/"):
        with pytest.raises(ValueError, match="RINGBACK_TEXTS_URL") as refused:
            text_sender(url, "")
        assert url not in str(refused.value)


async def test_a_redirect_is_no_acceptance_and_is_not_followed(provider: http.server.HTTPServer) -> None:
    """Whoever answers for the provider must not send the code on to another address."""
    provider.status = 302  # type: ignore[attr-defined]
    send = text_sender(f"http://127.0.0.1:{provider.server_port}/texts", "secret")
    assert send is not None
    with pytest.raises(NotSent, match="302"):
        await send("+79160000007", "123456")
    assert len(provider.taken) == 1  # type: ignore[attr-defined]


@pytest.mark.timeout(20)
async def test_an_answer_without_end_is_not_read(provider: http.server.HTTPServer) -> None:
    """The status is all that counts: a provider can't fill the directory's memory."""
    provider.is_endless = True  # type: ignore[attr-defined]
    send = text_sender(f"http://127.0.0.1:{provider.server_port}/texts", "secret")
    assert send is not None
    await send("+79160000007", "123456")
    assert len(provider.taken) == 1  # type: ignore[attr-defined]


def test_a_provider_elsewhere_is_reached_encrypted_or_not_at_all() -> None:
    """Codes for passwords travel there."""
    with pytest.raises(PlaintextRefused, match="RINGBACK_TEXTS_URL to https"):
        text_sender("http://texts.example.org", "key")
    assert text_sender("http://texts.example.org", "key", ["texts"]) is not None
    assert text_sender("https://texts.example.org", "key") is not None
