"""Storing and mailing on a real S3 and a real mail server (V3, V4, V7)."""

import contextlib
import email
import email.policy
import hashlib
import http.server
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
import trustme
from pydantic import SecretStr

from contracts.codec import Envelope
from contracts.ids import Instant, MediaKey, OrganizationId
from contracts.message import Command, Fact
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterFailed,
    MessageMissing,
    MessageStored,
    SendLetter,
    StoreMessage,
    StoringDeferred,
)
from ringback.stack.parts import S3, Smtp
from ringback.stack.process import free_port
from runtime import plaintext
from runtime.client_tls import CertificatesUnusable, ClientTls
from runtime.edge import EdgePorts, EdgeWork, Heard, Said
from runtime.s3_blobs import S3Blobs, connected
from runtime.server_tls import ServedCertificate
from runtime.system_clock import SystemClock
from services.gateway.api import SpoolApi
from services.voicemail.activities.spool import FetchFailed, SpoolReader
from services.voicemail.service import build
from services.voicemail.settings import Settings
from tests.integration.runtime.listeners import served
from tests.unit.voicemail.sounds import decoded_ms, silence, spoken, wav
from tests.unit.voicemail.test_letter_sender import LETTER
from tests.unit.voicemail.test_message_storage import command

pytestmark = pytest.mark.timeout(180)


class Facts:
    """The log's side of the port: keeps what is said."""

    def __init__(self) -> None:
        self.said: list[Fact] = []

    async def __call__(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """Append."""
        assert (source, cause, seq) == ("voicemail.activities", "command-1", 0)
        self.said.extend(facts)
        return tuple(Said(partition=0, offset=len(self.said)) for _ in facts)


class DeliveryEdge:
    """The edge as its process builds it, on real parts."""

    def __init__(self, organization: str, s3_address: str, s3: S3, smtp_url: str) -> None:
        self._organization = OrganizationId(organization)
        client = connected(
            endpoint=s3_address, region=s3.region, access_key=s3.access_key, secret_key=s3.secret_key
        )
        self.blobs = S3Blobs(client, s3.bucket)
        self._facts = Facts()
        clock = SystemClock()
        ports = EdgePorts(say=self._facts, blobs=self.blobs, clock=clock, log_time=clock.now)
        settings = Settings(kafka="127.0.0.1:1", smtp=SecretStr(smtp_url), mail_from="ringback@volga.example")
        self._work: EdgeWork = build(ports, settings)

    async def answer(self, asked: Command) -> Fact:
        """Have one command carried out."""
        envelope = Envelope(id="command-1", type="", source="voicemail", organization_id=self._organization)
        heard = Heard(message=asked, envelope=envelope, partition=0, offset=0, at=Instant(0))
        await self._work.subscriptions[0].handle(heard)
        return self._facts.said[-1]

    async def store(self, asked: StoreMessage) -> Fact:
        """Have a recording stored."""
        return await self.answer(asked)


@pytest.fixture
def edge(s3_server: S3, smtp_sink: Smtp, tmp_path: Path) -> DeliveryEdge:
    return DeliveryEdge(tmp_path.name, s3_server.address, s3_server, smtp_sink.address)


@pytest.fixture
def spool() -> Iterator[str]:
    """A gateway's spool with one recording in it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            half = spoken()[:9_000]
            bodies = {"/spool/1": spoken(), "/spool/cut": half}
            if self.path == "/spool/moved":
                self.send_response(302)
                self.send_header("Location", "/spool/1")
                self.end_headers()
                return
            self.send_response(200 if self.path in bodies or self.path == "/spool/drips" else 404)
            if self.path == "/spool/cut":
                self.send_header("Content-Length", str(len(spoken())))
            self.end_headers()
            self.wfile.write(bodies.get(self.path, b""))
            with contextlib.suppress(OSError):
                while self.path == "/spool/drips":
                    self.wfile.write(b"x")
                    time.sleep(0.05)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def letters(sink: Smtp) -> list[EmailMessage]:
    """What the mail server keeps, in order of arrival."""
    found = []
    for path in sorted(sink.letters.glob("*.eml")):
        letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        found.append(letter)
    return found


@pytest.mark.rule("V3", "V4")
async def test_a_recording_becomes_a_letter_whose_mp3_plays(
    edge: DeliveryEdge, smtp_sink: Smtp, tmp_path: Path
) -> None:
    """The MP3 of the original in S3 arrives as an attachment."""
    key = MediaKey(f"{tmp_path.name}/recordings/original.wav")
    await edge.blobs.put(key, spoken())
    stored = await edge.store(command(spoken(), key=key))
    assert isinstance(stored, MessageStored)
    info = await edge.blobs.info(stored.mp3_key)
    assert info is not None
    assert (info.bytes, info.sha256, info.content_type) == (stored.mp3_bytes, stored.mp3_sha256, "audio/mpeg")
    assert await edge.store(command(spoken(), key=key)) == stored

    asked = msgspec.structs.replace(LETTER, mp3_key=stored.mp3_key, duration_ms=stored.speech_ms)
    accepted = await edge.answer(asked)
    assert isinstance(accepted, LetterAccepted)
    assert accepted.answer.startswith("250 kept as 0001.eml")
    assert not accepted.is_repeat_possible
    (letter,) = letters(smtp_sink)
    assert letter["To"].addresses[0].addr_spec == "anna@volga.example"
    assert letter["Subject"] == "Голосовое сообщение: +7 912 345-67-89, отдел «Продажи»"
    (attached,) = letter.iter_attachments()
    mp3 = attached.get_payload(decode=True)
    assert isinstance(mp3, bytes)
    assert hashlib.sha256(mp3).hexdigest() == stored.mp3_sha256
    assert decoded_ms(mp3) == pytest.approx(4_400, abs=200)


@pytest.mark.rule("V4")
async def test_a_command_read_twice_leaves_one_letter_at_the_server(
    edge: DeliveryEdge, s3_server: S3, smtp_sink: Smtp, tmp_path: Path
) -> None:
    """Also when another process reads it the second time (EC-68)."""
    asked = msgspec.structs.replace(LETTER, mp3_key=None)
    first = await edge.answer(asked)
    other = DeliveryEdge(tmp_path.name, s3_server.address, s3_server, smtp_sink.address)
    assert await edge.answer(asked) == first
    assert await other.answer(asked) == first
    assert len(letters(smtp_sink)) == 1


@pytest.mark.rule("V4")
async def test_4xx_is_deferred_and_5xx_is_final(edge: DeliveryEdge, smtp_sink: Smtp) -> None:
    """With the server's own words; a repetition after 4xx arrives once (EC-65)."""
    asked = msgspec.structs.replace(LETTER, mp3_key=None)
    smtp_sink.refuse("anna@*", 451, times=1)
    deferred = await edge.answer(asked)
    assert isinstance(deferred, LetterDeferred)
    assert deferred.answer.startswith("451 refused on demand")
    assert not deferred.is_answer_lost
    assert isinstance(await edge.answer(msgspec.structs.replace(asked, tries=1)), LetterAccepted)
    assert len(letters(smtp_sink)) == 1
    for stage in ("rcpt", "data"):
        smtp_sink.refuse("boris@*", 550, stage=stage, times=1)
        recipient = msgspec.structs.replace(asked.recipient, email="boris@volga.example")
        other = msgspec.structs.replace(asked, letter_id=f"letter.{stage}", recipient=recipient)
        failed = await edge.answer(other)
        assert isinstance(failed, LetterFailed)
        assert failed.answer.startswith("550 ")


@pytest.mark.rule("V4")
async def test_a_lost_answer_leads_to_the_same_message_id_again_and_is_counted(
    edge: DeliveryEdge, smtp_sink: Smtp
) -> None:
    """The server kept the letter, and the connection was lost before its reply."""
    asked = msgspec.structs.replace(LETTER, mp3_key=None)
    smtp_sink.refuse("anna@*", 0, stage="data", times=1)
    lost = await edge.answer(asked)
    assert isinstance(lost, LetterDeferred)
    assert lost.is_answer_lost
    again = await edge.answer(msgspec.structs.replace(asked, tries=1, may_have_arrived=True))
    assert isinstance(again, LetterAccepted)
    assert again.is_repeat_possible
    first, second = letters(smtp_sink)
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.rule("V4")
async def test_a_mail_server_that_is_away_defers(s3_server: S3, tmp_path: Path) -> None:
    """Nothing was sent, so nothing can have arrived."""
    edge = DeliveryEdge(tmp_path.name, s3_server.address, s3_server, f"smtp://127.0.0.1:{free_port()}")
    deferred = await edge.answer(msgspec.structs.replace(LETTER, mp3_key=None))
    assert isinstance(deferred, LetterDeferred)
    assert not deferred.is_answer_lost


@pytest.mark.rule("V7")
async def test_while_s3_is_away_storing_waits_and_the_letter_goes_from_the_spool(
    s3_server: S3, smtp_sink: Smtp, spool: str, tmp_path: Path
) -> None:
    """S3 that does not answer loses nothing; when it is back, storing goes on (EC-62)."""
    away = DeliveryEdge(tmp_path.name, f"http://127.0.0.1:{free_port()}", s3_server, smtp_sink.address)
    asked = command(spoken(), key=None, spool_url=f"{spool}/spool/1")
    assert isinstance(await away.store(asked), StoringDeferred)
    letter: SendLetter = msgspec.structs.replace(LETTER, mp3_key=None, spool_url=f"{spool}/spool/1")
    assert isinstance(await away.answer(letter), LetterAccepted)
    (attached,) = letters(smtp_sink)[0].iter_attachments()
    mp3 = attached.get_payload(decode=True)
    assert isinstance(mp3, bytes)
    assert decoded_ms(mp3) == pytest.approx(4_400, abs=200)

    back = DeliveryEdge(tmp_path.name, s3_server.address, s3_server, smtp_sink.address)
    stored = await back.store(asked)
    assert isinstance(stored, MessageStored)
    assert await back.blobs.get(stored.original_key) == spoken()


@pytest.mark.rule("V2")
async def test_silence_is_no_voice_message(edge: DeliveryEdge, tmp_path: Path) -> None:
    """On real parts, too."""
    quiet = wav(silence(6_000))
    key = MediaKey(f"{tmp_path.name}/recordings/quiet.wav")
    await edge.blobs.put(key, quiet)
    assert isinstance(await edge.store(command(quiet, key=key)), MessageMissing)


@pytest.mark.rule("V7")
async def test_m14_a_spool_that_dies_while_it_answers_is_asked_again(edge: DeliveryEdge, spool: str) -> None:
    """Half of a recording is not a wrong copy: the next try gets it whole."""
    fact = await edge.store(command(spoken(), key=None, spool_url=f"{spool}/spool/cut"))
    assert isinstance(fact, StoringDeferred)


@pytest.mark.rule("V7")
async def test_a_spool_that_has_nothing_or_is_no_spool_defers(edge: DeliveryEdge, spool: str) -> None:
    """Only http and https are read, without a user before the host, and redirects are not followed."""
    userinfo = spool.replace("://", "://127.0.0.1:80@")
    nowhere = (f"{spool}/spool/2", f"http://127.0.0.1:{free_port()}/x", f"{spool}/spool/moved")
    for url in (*nowhere, "file:///etc/hostname", "http://", f"{userinfo}/spool/1"):
        fact = await edge.store(command(spoken(), key=None, spool_url=url))
        assert isinstance(fact, StoringDeferred)


def reader(*, ca: str = "", allowed_to: str = "", whole_s_max: float = 20.0) -> SpoolReader:
    """What reads spools, as voicemail makes it of its settings."""
    return SpoolReader(
        bytes_max=1_000_000,
        trust=ClientTls("RINGBACK_SPOOL", ca=ca).context,
        allowed_to=plaintext.allowed(allowed_to),
        whole_s_max=whole_s_max,
    )


@pytest.fixture
async def encrypted_spool(tmp_path: Path) -> AsyncIterator[str]:
    """A gateway's own spool behind its own listener, with a certificate that `ca.pem` has signed."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "gateway.pem")
    (tmp_path / "recording").write_bytes(spoken())
    file = str(tmp_path / "gateway.pem")
    certificate = ServedCertificate("RINGBACK_INTERNAL", file, file)
    api = SpoolApi(lambda token: (tmp_path / "recording").open("rb") if token == "known" else None)
    async with served(api, certificate=certificate) as port:
        yield f"https://127.0.0.1:{port}/spool?recording="


@pytest.mark.rule("V7")
async def test_a_spool_with_a_certificate_is_read_by_the_authority_that_is_set(
    encrypted_spool: str, tmp_path: Path
) -> None:
    """A recording goes over a wire that nobody else hears."""
    knows = reader(ca=str(tmp_path / "ca.pem"))
    assert await knows(f"{encrypted_spool}known") == spoken()
    assert await knows(f"{encrypted_spool}unknown") is None


async def test_a_spool_of_another_authority_or_name_is_not_read(encrypted_spool: str, tmp_path: Path) -> None:
    """Whoever answers in a gateway's place would give voicemail whatever he likes."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    for ca, url in (
        (str(tmp_path / "another.pem"), encrypted_spool),
        ("", encrypted_spool),
        (str(tmp_path / "ca.pem"), encrypted_spool.replace("127.0.0.1", "localhost")),
    ):
        with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await reader(ca=ca)(f"{url}known")


async def test_a_spool_on_another_machine_is_not_read_in_the_clear(tmp_path: Path) -> None:
    """Unless the operator says that something else protects that wire; nobody is connected to before."""
    url = "http://192.0.2.1/spool?recording=known"
    with pytest.raises(FetchFailed, match=r"RINGBACK_SPOOL_URL.*RINGBACK_ALLOW_PLAINTEXT_TO"):
        await reader()(url)
    with pytest.raises(FetchFailed, match="can't be read"):
        await reader(allowed_to="spool")("http://spool.invalid/spool?recording=known")


def test_an_authority_that_is_none_is_said_with_its_setting(tmp_path: Path) -> None:
    """At start, and not when the first recording has to be read."""
    (tmp_path / "empty.pem").touch()
    for file in ("empty.pem", "missing.pem"):
        with pytest.raises(CertificatesUnusable, match="RINGBACK_SPOOL_CA"):
            reader(ca=str(tmp_path / file))


@pytest.mark.rule("V7")
async def test_a_spool_that_drips_is_given_up(spool: str) -> None:
    """Each byte comes in time, and the whole never does: a thread must not wait for it."""
    with pytest.raises(FetchFailed, match="took longer"):
        await reader(whole_s_max=0.3)(f"{spool}/spool/drips")
