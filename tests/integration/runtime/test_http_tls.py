"""A listener with a certificate speaks TLS alone, and its limits hold from a connection's first moment."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from runtime.http_limits import Limits
from runtime.http_server import BEYOND_MAX, ConnectionLimits
from runtime.server_tls import FileUnusable, ServedCertificate
from tests.integration.runtime.listeners import HEAD, WAIT_S, Echo, Endless, read, said, served

WHOLE = HEAD + b"Content-Length: 2\r\n\r\n{}"


class Files:
    """An authority, and a listener's certificate and key as files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.issue()

    def issue(self, name: str = "127.0.0.1") -> None:
        """Put a new certificate and key in place of the ones there."""
        made = self.authority.issue_cert(name)
        self.certificate.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
        made.private_key_pem.write_to_path(self.key)

    def served(self) -> ServedCertificate:
        return ServedCertificate("RINGBACK_HTTP", str(self.certificate), str(self.key))

    def trusting(self) -> ssl.SSLContext:
        """What a client verifies with."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def serial_of(port: int, trusting: ssl.SSLContext) -> object:
    """The serial number of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return found


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server ends the connection, however it does. Raises TimeoutError."""
    # Not OSError, which a timeout is, too: a connection that does not end must fail the test.
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        return await asyncio.wait_for(reader.read(), WAIT_S)
    return b""


async def test_who_trusts_the_authority_is_answered_and_the_service_knows_that_it_was_encrypted(
    files: Files,
) -> None:
    """Also in pieces, and again on the same connection."""
    schemes = []

    async def asked(scope: dict[str, str], receive: object, send: object) -> None:
        schemes.append(scope["scheme"])
        await Echo()(scope, receive, send)

    async with served(asked, certificate=files.served()) as port:
        whole = await said(port, WHOLE, tls=files.trusting())
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=files.trusting())
        answers = []
        for _ in range(2):
            for byte in WHOLE:
                writer.write(bytes([byte]))
                await writer.drain()
            answers.append(await read(reader))
        writer.close()
    assert (whole.status, whole.body) == (200, b"2")
    assert [each.status for each in answers] == [200, 200]
    assert schemes == ["https"] * 3


async def test_a_client_with_another_authority_or_name_does_not_go_on(files: Files, tmp_path: Path) -> None:
    """What it would have said stays unsaid."""
    app = Echo()
    (tmp_path / "other").mkdir()
    async with served(app, certificate=files.served()) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await said(port, WHOLE, tls=Files(tmp_path / "other").trusting())
        files.issue("elsewhere.example")
        with pytest.raises(ssl.SSLCertVerificationError):
            await said(port, WHOLE, tls=files.trusting())
    assert app.bodies == []


async def test_a_request_in_the_clear_gets_no_answer(files: Files) -> None:
    """Not even a refusal, in which a proxy would see an answer."""
    app = Echo()
    async with served(app, certificate=files.served()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        got = await ends(reader)
        writer.close()
    assert b"HTTP" not in got
    assert app.bodies == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_a_version_before_1_2_is_refused(files: Files) -> None:
    """Whatever the client would accept."""
    old = files.trusting()
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    second = files.trusting()
    second.maximum_version = ssl.TLSVersion.TLSv1_2
    async with served(Echo(), certificate=files.served()) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await said(port, WHOLE, tls=old)
        assert (await said(port, WHOLE, tls=second)).status == 200


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01"])
async def test_a_handshake_that_does_not_end_is_ended(files: Files, first: bytes) -> None:
    """Silence, or a first message that never comes to its end."""
    limits = ConnectionLimits(handshake_s_max=0.3)
    async with served(Echo(), connections=limits, certificate=files.served()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        assert await ends(reader) == b""
        writer.close()


async def test_handshakes_count_as_connections_and_give_their_places_back(files: Files) -> None:
    """Beyond the limit a connection is cut off at once; it does not wait for its time."""
    limits = ConnectionLimits(connections_max=2, handshake_s_max=60.0)
    async with served(Echo(), connections=limits, certificate=files.served()) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 + BEYOND_MAX)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await ends(reader) == b""
        writer.close()
        for _, each in silent[:1]:
            each.transport.abort()
        after = await answered_at_last(port, files)
        for _, each in silent[1:]:
            each.transport.abort()
    assert after == 200


async def answered_at_last(port: int, files: Files) -> int:
    """The status of the first answer: the server needs a moment to see that a client has gone."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            return (await said(port, WHOLE, tls=files.trusting())).status
        await asyncio.sleep(0.05)
    return 0


async def test_one_connection_too_many_is_told_to_come_back_over_tls_too(files: Files) -> None:
    """In words, as without TLS."""
    limits = ConnectionLimits(connections_max=1)
    async with served(Echo(), connections=limits, certificate=files.served()) as port:
        _, held = await asyncio.open_connection("127.0.0.1", port, ssl=files.trusting())
        busy = await said(port, WHOLE, tls=files.trusting())
        held.close()
    assert (busy.status, busy.code) == (503, "service_busy")


async def test_slow_headers_slow_bodies_and_silence_end_over_tls_too(files: Files) -> None:
    """With the same words as without TLS; silence after an answer ends as well."""
    connections = ConnectionLimits(head_s_max=0.4, idle_s_max=1)
    limits, tls = Limits(body_s_max=0.3), files.trusting()
    async with served(Echo(), limits, connections, certificate=files.served()) as port:
        head = await said(port, HEAD, *[b"X-%d: y\r\n" % each for each in range(8)], pause_s=0.1, tls=tls)
        body = await said(port, HEAD + b"Content-Length: 9\r\n\r\nx", tls=tls)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        assert await ends(reader) == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        writer.write(WHOLE)
        answered = await ends(reader)
        writer.close()
    assert (head.status, head.code) == (408, "headers_too_slow")
    assert (body.status, body.code) == (408, "body_too_slow")
    assert answered.startswith(b"HTTP/1.1 200")


async def test_a_silent_client_after_its_handshake_is_ended_without_its_goodbye(files: Files) -> None:
    """TLS would wait for the other side's `close_notify` as long as an answer may take to be read."""
    limits = ConnectionLimits(head_s_max=0.3, unread_s_max=60.0)
    async with served(Echo(), connections=limits, certificate=files.served()) as port:
        closed = await asyncio.to_thread(silent_after_handshake, port, files.trusting())
    assert closed


def silent_after_handshake(port: int, trusting: ssl.SSLContext) -> bool:
    """Whether the server ends the TCP connection of a client that only shook hands."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as raw:
        encrypted = trusting.wrap_socket(
            raw, server_hostname="127.0.0.1", do_handshake_on_connect=True, suppress_ragged_eofs=False
        )
        # Read below TLS, which would answer a goodbye.
        bare = socket.socket(fileno=encrypted.detach())
        bare.settimeout(WAIT_S)
        try:
            while bare.recv(65_536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        finally:
            bare.close()
    return True


async def test_who_does_not_read_an_answer_is_cut_off_over_tls_too(files: Files) -> None:
    """What waits to be encrypted counts as unread as well."""
    endless = Endless()
    limits = ConnectionLimits(unread_s_max=0.3)
    async with served(endless, connections=limits, certificate=files.served()) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024, ssl=files.trusting())
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await asyncio.wait_for(endless.has_ended.wait(), WAIT_S)
        writer.transport.abort()


async def test_an_answer_whose_connection_closes_comes_whole_to_a_slow_reader(files: Files) -> None:
    """What is still to be sent when a service has said everything belongs to the answer."""
    body = b"x" * 3_000_000

    async def large(_scope: object, _receive: object, send: object) -> None:
        assert callable(send)
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with served(large, certificate=files.served()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024, ssl=files.trusting())
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await asyncio.sleep(0.5)
        answer = await asyncio.wait_for(read(reader), WAIT_S)
        writer.close()
    assert answer.body == body


async def test_a_replaced_certificate_is_used_for_the_next_connection(files: Files) -> None:
    """Without a restart; connections that are there go on. What can't be used yet is not used."""
    tls = files.trusting()
    async with served(Echo(), certificate=files.served()) as port:
        first = await serial_of(port, tls)
        reader, kept = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        former = files.certificate.read_bytes(), files.key.read_bytes()
        files.issue()
        latter = files.key.read_bytes()
        files.key.write_bytes(former[1])
        half = await serial_of(port, tls)
        files.key.write_bytes(b"no key at all")
        broken = await serial_of(port, tls)
        files.key.unlink()
        missing = await serial_of(port, tls)
        files.key.write_bytes(latter)
        second = await serial_of(port, tls)
        kept.write(WHOLE)
        assert (await read(reader)).status == 200
        kept.close()
    assert half == broken == missing == first
    assert second != first


async def test_a_link_that_is_swapped_as_kubernetes_does_is_followed(tmp_path: Path) -> None:
    """A mounted secret is a link to a folder that is replaced as a whole."""
    made = []
    for name in ("..one", "..two"):
        (tmp_path / name).mkdir()
        made.append(Files(tmp_path / name))
    data = tmp_path / "..data"
    data.symlink_to("..one")
    certificate = ServedCertificate("RINGBACK_HTTP", str(data / "certificate.pem"), str(data / "key.pem"))
    async with served(Echo(), certificate=certificate) as port:
        assert (await said(port, WHOLE, tls=made[0].trusting())).status == 200
        (tmp_path / "..new").symlink_to("..two")
        (tmp_path / "..new").rename(data)
        assert (await said(port, WHOLE, tls=made[1].trusting())).status == 200


@pytest.mark.parametrize("wrong", ["no key", "no certificate", "of another", "missing", "with a password"])
async def test_files_that_are_no_pair_are_refused_by_the_names_of_their_settings(
    files: Files, tmp_path: Path, wrong: str
) -> None:
    """At start; nobody is asked for a password on a terminal."""
    certificate, key = str(files.certificate), str(files.key)
    if wrong == "of another":
        (tmp_path / "other").mkdir()
        key = str(Files(tmp_path / "other").key)
    elif wrong == "missing":
        key = str(tmp_path / "missing.pem")
    elif wrong == "with a password":
        encrypt(files.key)
    with pytest.raises(FileUnusable, match=r"RINGBACK_HTTP_CERTIFICATE.*RINGBACK_HTTP_KEY"):
        ServedCertificate(
            "RINGBACK_HTTP",
            "" if wrong == "no certificate" else certificate,
            "" if wrong == "no key" else key,
        )


def encrypt(key: Path) -> None:
    """Put a password on a key."""
    loaded = load_pem_private_key(key.read_bytes(), None)
    encrypted = BestAvailableEncryption(b"secret")
    key.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted))
