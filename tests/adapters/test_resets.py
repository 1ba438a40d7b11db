"""Servers that want a certificate of ours, and end the connection without a word when they get none.

OpenSSL says so in an alert; but a reset may overtake it, which depends on the moment. Here it always does.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from runtime import checks, kafka_clients, sql
from runtime.settings import RuntimeSettings
from services.directory.activities.database import DATABASE
from services.directory.activities.database import engine as directory_engine

NO_LINGER = struct.pack("ii", 1, 0)
"""With this, closing a socket resets its connection."""
POSTGRES_ASKS_BYTES = 8
"""A client of PostgreSQL asks for TLS with a message of this length, and is told «S» for yes."""


@contextmanager
def resetting(context: ssl.SSLContext, *, in_handshake: bool, is_postgres: bool = False) -> Iterator[str]:
    """`host:port` of a server that resets each connection: in its handshake, or at its first words."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                with contextlib.suppress(OSError):
                    if is_postgres:
                        client.recv(POSTGRES_ASKS_BYTES)
                        client.sendall(b"S")
                    if not in_handshake:
                        client = context.wrap_socket(client, server_side=True)
                    client.recv(1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                client.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    # Closing alone would not wake a thread that accepts.
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return str(file)


@pytest.fixture(scope="module")
def ours(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("ours") / "ours.pem"
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(Path(file))
    return str(file)


@pytest.fixture(params=["in the handshake", "at the first words"])
def in_handshake(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "in the handshake")


async def test_redis_resets_and_the_certificate_is_named(
    context: ssl.SSLContext, ca: str, ours: str, in_handshake: bool
) -> None:
    with resetting(context, in_handshake=in_handshake) as where:
        settings = RuntimeSettings(redis=SecretStr(f"rediss://:x@{where}/0"), redis_ca=ca)
        lack = await checks.redis(settings, "queue")
        assert lack is not None
        assert "if the server asks for a certificate, set RINGBACK_REDIS_CERTIFICATE and _KEY" in lack.words
        assert lack.may_pass, "a proxy before a server that is away does the same"
        shown = settings.model_copy(update={"redis_certificate": ours, "redis_key": ours})
        lack = await checks.redis(shown, "queue")
        assert lack is not None
        assert "RINGBACK_REDIS_CERTIFICATE" not in lack.words


@pytest.mark.parametrize("username", ["", "ringback-queue"])
async def test_kafka_resets_and_the_certificate_is_named(
    context: ssl.SSLContext, ca: str, ours: str, in_handshake: bool, username: str
) -> None:
    with resetting(context, in_handshake=in_handshake) as where:
        settings = {"RINGBACK_KAFKA": where, "RINGBACK_KAFKA_CA": ca}
        if username:
            settings |= {"RINGBACK_KAFKA_USERNAME": username, "RINGBACK_KAFKA_PASSWORD": "x"}
        lack = await kafka_clients.from_environment(settings).refusal()
        assert lack is not None
        assert "RINGBACK_KAFKA_CERTIFICATE and _KEY if it asks for a certificate" in lack.words
        assert lack.may_pass
        settings |= {"RINGBACK_KAFKA_CERTIFICATE": ours, "RINGBACK_KAFKA_KEY": ours}
        assert "KAFKA_CERTIFICATE" not in str(await kafka_clients.from_environment(settings).refusal())


async def test_a_pooler_before_postgresql_resets_and_the_certificate_is_named(
    context: ssl.SSLContext, ca: str, ours: str, in_handshake: bool
) -> None:
    with resetting(context, in_handshake=in_handshake, is_postgres=True) as where:
        url = f"postgresql://book:x@{where}/book?sslmode=verify-full&sslrootcert={ca}"
        lack = await sql.lack(lambda: directory_engine(url), DATABASE)
        assert lack is not None
        assert "if it asks for a certificate, add sslcert and sslkey" in lack.words
        assert lack.may_pass
        shown = f"{url}&sslcert={ours}&sslkey={ours}"
        lack = await sql.lack(lambda: directory_engine(shown), DATABASE)
        assert lack is not None
        assert "sslcert" not in lack.words
