"""Files of settings that change while a process runs."""

import asyncio
import ssl
from pathlib import Path

import pytest
import structlog
import trustme

from runtime import kafka_clients
from runtime.changed_files import ChangedFiles
from runtime.client_tls import CertificatesUnusable, ClientTls
from runtime.metrics import RESTART_NEEDED
from runtime.settings import KafkaSettings

SMTP = "RINGBACK_SMTP"


class Mounted:
    """A secret as Kubernetes mounts it: `file` → `..data/file`, and `..data` → a folder that is swapped."""

    def __init__(self, folder: Path, text: str) -> None:
        self._folder = folder
        self._turn = 0
        self.file = folder / "secret"
        self.swap(text)
        self.file.symlink_to("..data/secret")

    def swap(self, text: str) -> None:
        """Another version takes the place of the former one, at once."""
        self._turn += 1
        version = self._folder / f"..{self._turn}"
        version.mkdir()
        (version / "secret").write_text(text, encoding="utf-8")
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self._folder / "..data")


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path, "one\n")


def whether_restart(setting: str) -> float:
    """What an alarm sees."""
    return float(RESTART_NEEDED.labels(setting)._value.get())


async def test_a_swapped_secret_is_used_once_and_without_its_line_end(mounted: Mounted) -> None:
    files = ChangedFiles({SMTP: mounted.file})
    used: list[str] = []
    files.use_text(SMTP, used.append)
    await files.look()
    assert used == []
    mounted.swap("two\n")
    await files.look()
    await files.look()
    assert used == ["two"]


async def test_what_changes_before_the_first_look_is_used_as_well(mounted: Mounted) -> None:
    """A secret may be rotated while the process starts."""
    files = ChangedFiles({SMTP: mounted.file})
    mounted.swap("two")
    used: list[str] = []
    files.use_text(SMTP, used.append)
    await files.look()
    assert used == ["two"]


async def test_a_broken_secret_leaves_the_former_one_and_is_tried_again(mounted: Mounted) -> None:
    files = ChangedFiles({SMTP: mounted.file})
    used: list[str] = []

    def use(text: str) -> None:
        if text == "broken":
            raise ValueError("it is no key")
        used.append(text)

    files.use_text(SMTP, use)
    mounted.swap("broken")
    with structlog.testing.capture_logs() as said:
        await files.look()
        await files.look()
    # Said once, not every ten seconds; and nothing of the content.
    assert [(each["setting"], each["reason"]) for each in said] == [(f"{SMTP}_FILE", "it is no key")]
    assert "broken" not in str(said)
    mounted.file.unlink()
    with structlog.testing.capture_logs() as said:
        await files.look()
    assert "can't be read" in said[0]["reason"]
    assert used == []
    mounted.file.write_text("three", encoding="utf-8")
    await files.look()
    assert used == ["three"]


async def test_what_can_not_be_used_at_once_asks_for_a_restart_until_it_is_as_before(
    mounted: Mounted,
) -> None:
    files = ChangedFiles({SMTP: mounted.file})
    await files.look()
    assert whether_restart(f"{SMTP}_FILE") == 0
    mounted.swap("two")
    with structlog.testing.capture_logs() as said:
        await files.look()
        await files.look()
    assert [(each["event"], each["setting"]) for each in said] == [
        ("a file has changed: restart to use it", f"{SMTP}_FILE")
    ]
    assert whether_restart(f"{SMTP}_FILE") == 1
    mounted.swap("one\n")
    await files.look()
    assert whether_restart(f"{SMTP}_FILE") == 0


async def test_a_certificate_that_is_named_by_a_setting_is_watched_too(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("one", encoding="utf-8")
    files = ChangedFiles({})
    files.watch("RINGBACK_S3_CA", [str(file)])
    files.watch("RINGBACK_SPOOL_CA", [""])
    file.write_text("two", encoding="utf-8")
    await files.look()
    assert whether_restart("RINGBACK_S3_CA") == 1


async def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """A new connection: what the server's certificate says of its issuer."""
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        found = str(writer.get_extra_info("peercert")["issuer"])
        writer.close()
    finally:
        listening.close()
    return found


def a_server(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_new_authority_and_a_new_pair_are_used_for_new_connections(tmp_path: Path) -> None:
    """Clients keep the context that they were made with."""
    former, later = trustme.CA(organization_name="former"), trustme.CA(organization_name="later")
    ca, certificate, key = (tmp_path / name for name in ("ca.pem", "certificate.pem", "key.pem"))

    def write(authority: trustme.CA) -> None:
        issued = authority.issue_cert("queue.example")
        authority.cert_pem.write_to_path(ca)
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)

    write(former)
    tls = ClientTls("RINGBACK_REDIS", ca=str(ca), certificate=str(certificate), key=str(key))
    files = ChangedFiles({})
    files.watch("RINGBACK_REDIS_CA", map(str, tls.files.values()), tls.load_again)
    assert "former" in await handshake(tls.context, a_server(former))
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(tls.context, a_server(later))
    write(later)
    await files.look()
    assert "later" in await handshake(tls.context, a_server(later))
    asking = a_server(later)
    asking.verify_mode = ssl.CERT_REQUIRED
    later.configure_trust(asking)
    assert "later" in await handshake(tls.context, asking)


async def test_kafkas_clients_use_a_new_authority_for_new_connections(tmp_path: Path) -> None:
    former, later = trustme.CA(organization_name="former"), trustme.CA(organization_name="later")
    ca = tmp_path / "ca.pem"
    former.cert_pem.write_to_path(ca)
    settings = KafkaSettings(kafka="kafka.example:9093", kafka_ca=str(ca))
    tls = kafka_clients.from_settings(settings).tls
    assert tls is not None
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(tls.context, a_server(later))
    ca.write_text("nothing", encoding="utf-8")
    with pytest.raises(CertificatesUnusable, match="RINGBACK_KAFKA_CA"):
        tls.load_again()
    assert "former" in await handshake(tls.context, a_server(former))
    later.cert_pem.write_to_path(ca)
    tls.load_again()
    assert "later" in await handshake(tls.context, a_server(later))


async def test_half_of_a_new_pair_leaves_the_former_one_in_use(tmp_path: Path) -> None:
    """Certificate and key are two files: between the two writes they do not belong together."""
    authority = trustme.CA()
    ca, certificate, key = (tmp_path / name for name in ("ca.pem", "certificate.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    first, second = authority.issue_cert("queue.example"), authority.issue_cert("queue.example")
    first.cert_chain_pems[0].write_to_path(certificate)
    first.private_key_pem.write_to_path(key)
    tls = ClientTls("RINGBACK_REDIS", ca=str(ca), certificate=str(certificate), key=str(key))
    asking = a_server(authority)
    asking.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(asking)
    second.cert_chain_pems[0].write_to_path(certificate)
    with pytest.raises(CertificatesUnusable, match="RINGBACK_REDIS_CERTIFICATE"):
        tls.load_again()
    await handshake(tls.context, asking)
    second.private_key_pem.write_to_path(key)
    tls.load_again()
    await handshake(tls.context, asking)
