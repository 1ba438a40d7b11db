"""Every wire is closed as docs/operating.md says, and the services do their work over it."""

import asyncio
import contextlib
import shlex
import smtplib
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis

from contracts import voicemail as v
from ringback.stack.stack import Entry
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.ports import LogUnavailable
from tests.e2e import expect
from tests.e2e.closed_stack import ClosedStack, block
from tests.e2e.cluster import Cluster, Cue
from tests.e2e.company import Company
from tests.e2e.stories import alisas_morning
from tests.parts import demand_apache_kafka

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(480),
    pytest.mark.xdist_group("apache"),
]

CUSTOMERS = ("alisa", "elena")
PLAIN_REQUEST = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """All services, with the page's certificates and settings; a company's phones are simulated."""
    demand_apache_kafka()
    stack = ClosedStack(tmp_path_factory.mktemp("closed"))
    with Cluster(stack.run, [Company("closed", 21)], stack=stack) as made:
        yield made


def stack_of(cluster: Cluster) -> ClosedStack:
    assert isinstance(cluster.stack, ClosedStack)
    return cluster.stack


@pytest.mark.rule("C1", "C2", "C3", "V3")
def test_a_customer_is_called_back_and_a_letter_arrives_with_every_wire_closed(closed: Cluster) -> None:
    """One customer queues, presses 1 and is called back; another one speaks, and a letter tells of it."""
    print(closed.evidence)
    company = closed.companies["closed"]
    closed.open(company)
    cues = [
        *alisas_morning(closed, company, lambda: True),
        Cue("elena calls", lambda: company.waits("alisa"), lambda: closed.call(company, "elena")),
    ]
    closed.play(cues, [company], CUSTOMERS)
    end = expect.agent_first(company, "alisa")
    assert (end.agent_id, end.attempts) == ("anna", 1)
    assert closed.outcomes(company, CUSTOMERS)["alisa"].rang == 1
    assert company.has(v.MessageStored)
    spoken = [each for each in closed.letters(company) if each.is_about(company.phone("elena"))]
    assert spoken
    assert all(each.mp3 for each in spoken)
    assert not company.wrongs()


def test_what_the_page_shows_as_a_check_answers_by_our_authority(closed: Cluster) -> None:
    """The last step of the page, asked of each service."""
    stack = stack_of(closed)
    for name, service in stack.services.items():
        shown = stack.here(block("curl")).replace("https://127.0.0.1:8081", service.internal_address)
        asked = subprocess.run(shlex.split(shown), capture_output=True, text=True, check=False)
        assert asked.returncode == 0, f"{name}: {asked.stderr}"


def test_no_port_of_ours_answers_in_the_clear(closed: Cluster) -> None:
    """Whatever listens says nothing to who speaks without TLS, and shows our certificate with it."""
    stack = stack_of(closed)
    for name, service in stack.services.items():
        ports = listening(service.process.pid)
        assert ports, name
        for port in ports:
            assert b"HTTP" not in told_in_the_clear(port), f"{name} answers in the clear at {port}"
            assert is_ours(port, stack.ca), f"{name} shows no certificate of ours at {port}"


def test_no_part_answers_without_tls_or_without_a_login(closed: Cluster) -> None:
    """Of each the port for clients; of the embedded S3 the others are for a machine with no strangers."""
    stack = stack_of(closed)
    parts = {entry.name: entry for entry in stack.entries if entry.name in ("kafka", "redis", "postgres")}
    trusting = ssl.create_default_context(cafile=stack.ca)
    assert told_in_the_clear(stack.parts.redis.port, b"PING\r\n") == b""
    stranger = redis.Redis(host="127.0.0.1", port=stack.parts.redis.port, ssl=True, ssl_ca_certs=stack.ca)
    with pytest.raises(redis.AuthenticationError):
        stranger.get("anything")
    stranger.close()
    assert listening(parts["redis"].process.pid) == {stack.parts.redis.port}
    no_one_enters_kafka(stack)
    asyncio.run(no_one_enters_postgres(stack, parts["postgres"]))
    no_one_sends_letters(stack, trusting)
    address = stack.parts.s3.address.replace("https://", "")
    # It says that TLS is wanted; a list of buckets or a refusal of S3's own would be XML.
    assert b"<" not in told_in_the_clear(int(address.rpartition(":")[2]), b"GET / HTTP/1.0\r\n\r\n")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"https://{address}/ringback", context=trusting, timeout=10)
    assert refused.value.code == 403


def no_one_enters_kafka(stack: ClosedStack) -> None:
    """Neither in the clear, nor with TLS alone, on any of its ports."""
    for more in ({}, {"RINGBACK_KAFKA_CA": stack.ca}):
        clients = kafka_clients.from_environment({"RINGBACK_KAFKA": stack.kafka.node.address, **more})
        with pytest.raises(LogUnavailable):
            asyncio.run(KafkaLog(clients, prefix=f"ringback-{stack.run_id}.").start())
    for port in listening(stack.kafka.node.process.pid):
        assert is_ours(port, stack.ca), f"Kafka speaks in the clear at {port}"


async def no_one_enters_postgres(stack: ClosedStack, entry: Entry) -> None:
    """Without TLS not even with the password, and with TLS not without it."""
    address = f"{stack.postgres.address}/directory"
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(address, ssl=False)
    trusting = ssl.create_default_context(cafile=stack.ca)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(address, password="guessed", ssl=trusting)


def no_one_sends_letters(stack: ClosedStack, trusting: ssl.SSLContext) -> None:
    """A letter needs STARTTLS, and then the login."""
    with smtplib.SMTP("localhost", stack.parts.smtp.port, timeout=10) as server:
        server.ehlo()
        assert "auth" not in server.esmtp_features
        assert server.mail("stranger@closed.example")[0] == 530
        server.starttls(context=trusting)
        server.ehlo()
        assert server.mail("stranger@closed.example")[0] == 530


def told_in_the_clear(port: int, said: bytes = PLAIN_REQUEST) -> bytes:
    """What a port answers to who speaks no TLS; an alert of TLS is no answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, contextlib.suppress(OSError):
        plain.settimeout(3)
        plain.sendall(said)
        answer = plain.recv(4_096)
        return b"" if answer[:1] == b"\x15" else answer
    return b""


def is_ours(port: int, ca: str) -> bool:
    """Whether a port shows a certificate that our authority signed for this address."""
    trusting = ssl.create_default_context(cafile=ca)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            trusting.wrap_socket(plain, server_hostname="127.0.0.1").close()
    except ssl.SSLCertVerificationError:
        return False
    except ssl.SSLError as error:
        # A server that asks for a client's certificate has shown its own by then.
        return "CERTIFICATE_REQUIRED" in (error.reason or "")
    except OSError:
        return False
    return True


def listening(pid: int) -> set[int]:
    """The ports on which a process takes connections, by the kernel's tables."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        # It may have been closed since it was listed.
        with contextlib.suppress(FileNotFoundError):
            sockets.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found
