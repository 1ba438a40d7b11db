"""The container image as it is deployed: confined, with real parts, and nothing in it that is not needed.

`make image-test` builds the image and runs this file; no other run collects it: a build takes minutes.
"""

import asyncio
import audioop
import json
import os
import re
import secrets
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from devtools.image import archive, base, build, engine, machine
from devtools.image.archive import Built
from devtools.image.engine import Engine
from ringback.stack import postgres
from ringback.stack.process import Process, free_port
from ringback.stack.services import READY_S, startable_names
from ringback.stack.stack import Stack
from runtime import uploads
from tests.unit.voicemail.sounds import said

SIZE_BYTES_MAX: Final = 600_000_000
USER: Final = 10001
GRACE_S: Final = 45
"""What a pod of the chart has to end in."""
SPOOL: Final = "/var/spool/ringback"
TOOLS: Final = {"gcc", "cc", "c++", "make", "ld", "as", "apt", "apt-get", "pip", "pip3", "uv", "git", "curl"}
HEAVY: Final = ("libgl", "mesa", "libllvm", "libav", "ffmpeg")
"""How the names of packages begin that Debian's own ffmpeg brings."""
SITE_PACKAGES: Final = re.compile(
    r"opt/venv/lib/python3\.\d+/site-packages/([^/]+?)-([^-/]+)\.(?:dist|egg)-info"
)
LOOK: Final = """
import json, os, pathlib
status = dict(line.split(":\\t", 1) for line in open("/proc/1/status").read().splitlines() if ":\\t" in line)
def writable(folder):
    try:
        file = pathlib.Path(folder, "probe")
        file.touch()
        file.unlink()
    except OSError:
        return False
    return True
folders = [folder for folder, _, _ in os.walk("/") if not folder.startswith(("/proc", "/sys", "/dev"))]
print(json.dumps({
    "root": next(line.split()[3] for line in open("/proc/mounts") if line.split()[1] == "/")[:2],
    "uids": status["Uid"].split(), "capabilities": int(status["CapBnd"], 16) | int(status["CapEff"], 16),
    "no_new_privileges": status["NoNewPrivs"], "pid_1": status["Name"],
    "writable": [folder for folder in folders if writable(folder)],
}))
"""
"""Run beside a service: who PID 1 is, what it may, and every folder in which a file can be made."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="session")
def image() -> Built:
    """The image of this tree."""
    return build.built(os.environ.get("BASE") or base.PUBLIC)


@pytest.fixture(scope="session")
def runner(image: Built) -> Engine:
    """What starts containers here; it has the image."""
    found = engine.found(to_run=True)
    if not found.has(image.reference):
        engine.run([found.name, "load", "--quiet", f"--input={image.archive}"])
    return found


@pytest.fixture(scope="session")
def files(image: Built) -> dict[str, Any]:
    """Every file of the image by its path."""
    return dict(archive.files(image.archive))


@pytest.fixture(scope="session")
def configuration(image: Built) -> dict[str, Any]:
    """User, entry point, environment, labels and history of the image."""
    return archive.config(image.archive)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Broker, Redis, S3 and a mail server."""
    with Stack(tmp_path_factory.mktemp("stack"), dies_with_parent=True) as started:
        started.start_parts()
        started.create_topics()
        yield started


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A database for each service that wants one: on a read-only root is no room for SQLite's file."""
    server = postgres.start(tmp_path_factory.mktemp("postgres"), dies_with_parent=True)
    yield {name: server.database(name) for name in ("directory", "history")}
    server.stop()


class Confined:
    """A service in a container as the chart starts it: no capability, room in /tmp and its volume alone."""

    def __init__(
        self, runner: Engine, image: Built, service: str, stack: Stack, env: Mapping[str, str]
    ) -> None:
        self.internal_port = free_port()
        ports = {"RINGBACK_HTTP_PORT": str(free_port()), "RINGBACK_INTERNAL_PORT": str(self.internal_port)}
        settings = {**stack.settings(service), **env, **ports}
        self._engine = runner.name
        self._name = f"ringback-proof-{secrets.token_hex(4)}"
        # Settings go by the environment: everybody on this machine may read arguments.
        argv = [*runner.confined(), f"--name={self._name}", *(f"--env={name}" for name in settings)]
        if service == "gateway":
            folder = stack.run / "spool-of-the-image"
            folder.mkdir()
            # Kubernetes gives a volume to its pod by fsGroup.
            folder.chmod(0o777)
            argv.append(f"--volume={folder}:{SPOOL}")
        argv += [image.reference, "-m", f"services.{service}"]
        self.process = Process(f"image-{service}", argv, stack.run, env=settings)

    def asked(self, path: str) -> str:
        """The answer on its internal port; empty while there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.internal_port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def look(self) -> dict[str, Any]:
        """What LOOK sees inside."""
        argv = [self._engine, "exec", self._name, "python", "-c", LOOK]
        return dict(json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout))

    def remove(self) -> None:
        """End it, whatever it does: the engine's client may have ended before its container."""
        subprocess.run([self._engine, "rm", "--force", self._name], check=False, capture_output=True)
        self.process.stop()


@pytest.fixture
def confined(
    service: str, runner: Engine, image: Built, stack: Stack, databases: Mapping[str, str]
) -> Iterator[Confined]:
    """One service from the image, ready."""
    env = {}
    if service in databases:
        env[f"RINGBACK_{service.upper()}_DATABASE"] = databases[service]
    if service == "gateway":
        env["RINGBACK_SPOOL"] = SPOOL
    started = Confined(runner, image, service, stack, env)
    started.process.start()
    try:
        started.process.wait_until(lambda: bool(started.asked("/health/ready")), "readiness", READY_S)
        yield started
    finally:
        started.remove()


@pytest.mark.parametrize("service", startable_names())
def test_a_service_works_without_rights_on_a_read_only_root_and_ends_when_asked(
    service: str, confined: Confined
) -> None:
    seen = confined.look()
    assert set(seen["uids"]) == {str(USER)}
    assert (seen["capabilities"], seen["no_new_privileges"]) == (0, "1")
    assert (seen["pid_1"], seen["root"]) == ("tini", "ro")
    assert set(seen["writable"]) <= {"/tmp", *([SPOOL] if service == "gateway" else [])}
    assert f'ringback_build_info{{service="{service}"' in confined.asked("/metrics")
    assert confined.process.stop(GRACE_S) == 0, confined.process.last_words()


def run_in(
    runner: Engine, image: Built, *command: str, env: Mapping[str, str] | None = None, **more: Any
) -> str:
    """What a command in a confined container prints."""
    argv = [*runner.confined(), *(f"--env={name}" for name in env or {}), *more.get("options", [])]
    done = subprocess.run(
        [*argv, image.reference, *command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_an_operator_finds_every_verb(runner: Engine, image: Built) -> None:
    assert run_in(runner, image, "-m", "ringback", "--help").startswith("usage: python -m ringback")
    assert "kafka-acls.sh" in run_in(runner, image, "-m", "ringback", "acls", "--prefix", "ringback.")


def test_an_operator_has_the_program_by_its_name(runner: Engine, image: Built) -> None:
    """As one types it in a container that runs."""
    shell = ["--entrypoint=/bin/sh"]
    assert "why" in run_in(runner, image, "-c", "cd / && ringback --help", options=shell)


def test_an_operator_makes_the_topics_from_the_image(runner: Engine, image: Built, stack: Stack) -> None:
    """As the chart's job does before the first service starts."""
    env = {**stack.settings(), "RINGBACK_TOPIC_PREFIX": f"image-{secrets.token_hex(4)}."}
    assert f"{env['RINGBACK_TOPIC_PREFIX']}facts" in run_in(
        runner, image, "-m", "ringback", "topics", env=env
    )


DECODE: Final = """
import asyncio, pathlib, sys
from runtime import uploads
for name in sorted(pathlib.Path("/sounds").iterdir()):
    (pathlib.Path("/decoded") / name.name).write_bytes(asyncio.run(uploads.decoded(name.read_bytes())))
"""
KINDS: Final = {
    "pcm16.wav": ("-c:a", "pcm_s16le"),
    "pcm24.wav": ("-c:a", "pcm_s24le"),
    "float.wav": ("-c:a", "pcm_f32le"),
    "alaw.wav": ("-ar", "8000", "-c:a", "pcm_alaw"),
    "ulaw.wav": ("-ar", "8000", "-c:a", "pcm_mulaw"),
    "adpcm.wav": ("-c:a", "adpcm_ms"),
    "ima.wav": ("-c:a", "adpcm_ima_wav"),
    "gsm.wav": ("-ar", "8000", "-c:a", "libgsm_ms"),
    "layer3.mp3": ("-c:a", "libmp3lame"),
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "opus.ogg": ("-c:a", "libopus"),
    "flac.ogg": ("-c:a", "flac"),
    "speex.ogg": ("-ar", "8000", "-c:a", "libspeex"),
    "aac.m4a": ("-c:a", "aac"),
    "alac.m4a": ("-c:a", "alac"),
    "pcm.mov": ("-c:a", "pcm_s16be"),
}
"""Kinds of recordings that people upload → how this machine's whole ffmpeg makes one."""


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of each kind."""
    folder = tmp_path_factory.mktemp("sounds")
    tone = "aevalsrc=0.4*sin(300*2*PI*t)*(0.6+0.4*sin(3*2*PI*t)):s=44100:d=3"
    for name, options in KINDS.items():
        argv = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", tone, "-ac", "1", *options]
        subprocess.run([*argv, str(folder / name)], check=True)
        (folder / name).chmod(0o644)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def decoded(sounds: Path, runner: Engine, image: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image makes of each recording: PCM."""
    folder = tmp_path_factory.mktemp("decoded")
    folder.chmod(0o777)
    volumes = [f"--volume={sounds}:/sounds:ro", f"--volume={folder}:/decoded"]
    run_in(runner, image, "-c", DECODE, options=volumes)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_the_images_small_ffmpeg_reads_what_a_whole_one_reads(name: str, sounds: Path, decoded: Path) -> None:
    ours = (decoded / name).read_bytes()
    whole = asyncio.run(uploads.decoded((sounds / name).read_bytes()))
    assert len(ours) == pytest.approx(len(whole), rel=0.01)
    assert audioop.rms(ours, 2) == pytest.approx(audioop.rms(whole, 2), rel=0.02)


CONVERT: Final = """
import asyncio, json, pathlib
from services.voicemail.activities.conversion import Mp3Converter
made = {}
converter = Mp3Converter(at_once_max=1)
for file in sorted(pathlib.Path("/messages").iterdir()):
    converting = converter.convert(file.read_bytes(), speech_ms_min=1000, duration_ms_max=60000)
    made[file.name] = asyncio.run(converting)
    (pathlib.Path("/converted") / file.name).write_bytes(made[file.name].mp3)
print(json.dumps({name: each.voiced_ms for name, each in made.items()}))
"""
RECORDED: Final = {
    "alaw.wav": ("-c:a", "pcm_alaw"),
    "gsm.wav": ("-c:a", "libgsm_ms"),
    "pcm.wav": ("-c:a", "pcm_s16le"),
    "flac.flac": ("-c:a", "flac"),
    "layer3.mp3": ("-c:a", "libmp3lame"),
    "opus.ogg": ("-c:a", "libopus"),
}
"""How PBXs record → how this machine's whole ffmpeg does it."""


def test_a_voice_message_of_every_pbx_becomes_an_mp3_in_the_image(
    runner: Engine, image: Built, tmp_path: Path
) -> None:
    messages, converted = tmp_path / "messages", tmp_path / "converted"
    for folder in (messages, converted):
        folder.mkdir()
        folder.chmod(0o777)
    voice = said("ru")
    for name, options in RECORDED.items():
        argv = ["ffmpeg", "-v", "error", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", *options]
        subprocess.run([*argv, str(messages / name)], input=voice, check=True)
        (messages / name).chmod(0o644)
    volumes = [f"--volume={messages}:/messages:ro", f"--volume={converted}:/converted"]
    voiced_ms = json.loads(run_in(runner, image, "-c", CONVERT, options=volumes))
    assert set(voiced_ms) == set(RECORDED)
    for name, told_ms in voiced_ms.items():
        assert told_ms == pytest.approx(voiced_ms["pcm.wav"], rel=0.1), name
        assert len(asyncio.run(uploads.decoded((converted / name).read_bytes()))) > 16 * told_ms / 2, name


def test_the_image_is_small(image: Built) -> None:
    assert sum(each.size_bytes for each in archive.layers(image.archive)) <= SIZE_BYTES_MAX


def test_nothing_in_the_image_builds_or_installs(image: Built, files: Mapping[str, Any]) -> None:
    programs = {path.rpartition("/")[2] for path in files if "/bin/" in path or "/sbin/" in path}
    assert {"python3", "tini", "ffmpeg", "sox", "espeak-ng", "prlimit", "ringback"} <= programs
    assert not programs & TOOLS
    assert not [path for path in files if re.search(r"-packages/(pip|setuptools|wheel|ensurepip)(/|-)", path)]
    names = [fields["Package"] for fields in archive.packages(image.archive)]
    assert not [name for name in names if name.endswith("-dev") or name.startswith(HEAVY)]


def test_no_program_of_the_image_gives_the_rights_of_its_owner(files: Mapping[str, Any]) -> None:
    assert not [path for path, file in files.items() if file.isreg() and file.mode & 0o6000]


def test_the_image_does_not_tell_where_it_was_built(
    files: Mapping[str, Any], configuration: Mapping[str, Any]
) -> None:
    """Mirrors, proxies and authorities of the machine that builds are its own business."""
    kept = [path for path, file in files.items() if file.isreg() and file.size]
    private = ("etc/apt/", "run/", "var/lib/apt/", "usr/local/share/ca-certificates/", "tmp/")
    assert not [path for path in kept if path.startswith(private)]
    assert not {"etc/resolv.conf", "etc/hostname", "etc/pip.conf"} & set(kept)
    told = json.dumps(configuration)
    assert not [uri for uri, _, _ in machine.debian_sources() if uri in told]


def test_the_image_says_what_it_is_and_who_runs_it(configuration: Mapping[str, Any], image: Built) -> None:
    config = configuration["config"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["title"] == "Ringback"
    assert labels["version"] == build.version()
    assert re.fullmatch(r"[0-9a-f]{40}", labels["revision"])
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/usr/bin/tini", "--", "python"]
    assert f"RINGBACK_VERSION={build.version()}-{image.reference.rpartition(':')[2]}" in config["Env"]


def test_the_bill_of_materials_is_what_is_in_the_image(image: Built, files: Mapping[str, Any]) -> None:
    listed = json.loads(image.sbom.read_text(encoding="utf-8"))["components"]
    purls = {each["purl"].partition("?")[0] for each in listed}
    python = {match for path in files if (match := SITE_PACKAGES.match(path))}
    installed = {(match[1].replace("_", "-").replace(".", "-").lower(), match[2]) for match in python}
    required = {
        (each["name"], each["version"])
        for each in listed
        if each["purl"].startswith("pkg:pypi/") and each["scope"] == "required"
    }
    assert required <= installed
    assert {f"pkg:pypi/{name}@{version}" for name, version in installed} <= purls
    names = {each["name"] for each in listed if each["purl"].startswith("pkg:deb/")}
    assert names == {fields["Package"] for fields in archive.packages(image.archive)}
    assert {"ringback-ffmpeg", "sox", "espeak-ng", "libc6"} <= names
