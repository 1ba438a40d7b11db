"""Each service, started alone by an operator, names what is missing or becomes ready."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ringback.stack.process import free_port
from ringback.stack.services import ROOT, Service
from runtime.token_keys import SigningKeys

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXIT_MISSING = 3
ENDS_S_MAX = 120
"""A service gives up on a silent part after 15 s; the rest is for a busy machine."""
NEEDS = {
    "queue": ("kafka", "redis", "s3"),
    "callback": ("kafka", "redis", "s3"),
    "voicemail": ("kafka", "redis", "s3", "smtp"),
    "tts": ("kafka", "s3"),
    "gateway": ("kafka", "s3"),
    "directory": ("kafka", "s3", "smtp", "directory's database"),
    "history": ("kafka", "s3", "history's database"),
}
SERVICES = tuple(NEEDS)
SETTINGS = {
    "kafka": ("RINGBACK_KAFKA",),
    "redis": ("RINGBACK_REDIS",),
    "s3": ("RINGBACK_S3_ENDPOINT", "_ACCESS_KEY"),
    "smtp": ("RINGBACK_SMTP",),
    "directory's database": ("RINGBACK_DIRECTORY_DATABASE",),
    "history's database": ("RINGBACK_HISTORY_DATABASE",),
}
"""The setting that the line about a part must name."""


def unreachable(part: str) -> dict[str, str]:
    """Settings with addresses where no program listens."""
    nobody = f"127.0.0.1:{free_port()}"
    return {
        "kafka": {"RINGBACK_KAFKA": nobody},
        "redis": {"RINGBACK_REDIS": f"redis://{nobody}/0"},
        "s3": {
            "RINGBACK_S3_ENDPOINT": f"http://{nobody}",
            "RINGBACK_S3_ACCESS_KEY": "key",
            "RINGBACK_S3_SECRET_KEY": "secret",
        },
        "smtp": {"RINGBACK_SMTP": f"smtp://{nobody}", "RINGBACK_MAIL_FROM": "ringback@localhost"},
        "directory's database": {"RINGBACK_DIRECTORY_DATABASE": f"postgresql://book@{nobody}/book"},
        "history's database": {"RINGBACK_HISTORY_DATABASE": f"postgresql://history@{nobody}/history"},
    }[part]


@pytest.fixture
def given(
    directory_settings: dict[str, str], redis_server: str, fresh_prefix: str, tmp_path: Path
) -> dict[str, str]:
    """All settings that any service needs."""
    keys = SigningKeys.read(directory_settings["RINGBACK_TOKEN_KEYS"])
    return {
        **directory_settings,
        "RINGBACK_REDIS": redis_server,
        "RINGBACK_STORE_PREFIX": fresh_prefix,
        "RINGBACK_SPOOL": str(tmp_path / "spool"),
        "RINGBACK_HISTORY_DATABASE": f"sqlite:///{tmp_path / 'history.db'}",
        "RINGBACK_TOKEN_PUBLIC_KEYS": keys.public.as_json(),
    }


def refusal(service: str, settings: dict[str, str], *, path: str | None = None) -> list[str]:
    """Start a service that can't run, and return its lines about missing parts. It ends by itself, with 3."""
    ended = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env={
            "PATH": os.environ["PATH"] if path is None else path,
            "PYTHONPATH": str(ROOT),
            "RINGBACK_WAIT_FOR_PARTS_S": "0",
            **settings,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_S_MAX,
    )
    said = ended.stdout + ended.stderr
    print(said)
    assert ended.returncode == EXIT_MISSING
    assert "Traceback" not in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [line["what"] for line in lines if line["event"] == "missing"] + [
        line["reason"] for line in lines if line["event"] == "refused to start"
    ]


def about(part: str, lines: list[str]) -> str:
    """The one line about a part: it names the setting."""
    found = [line for line in lines if all(name in line for name in SETTINGS[part])]
    assert len(found) == 1, f"{len(found)} lines about {part}"
    assert "\n" not in found[0]
    return found[0]


@pytest.mark.parametrize("service", SERVICES)
def test_without_any_setting_it_names_each_one_that_it_needs(service: str) -> None:
    """An operator sees this first; a service asks only for what it needs."""
    lines = refusal(service, {})
    assert len(lines) == len(NEEDS[service])
    for part in NEEDS[service]:
        assert re.search(r"\bset\b|check that", about(part, lines)), "no remedy"


@pytest.mark.parametrize("service", SERVICES)
def test_parts_that_cannot_be_reached_are_named_with_where_they_were_looked_for(service: str) -> None:
    """A mistyped address, or a part that is down: the line has the part, the address and the remedy."""
    settings = {part: unreachable(part) for part in NEEDS[service]}
    lines = refusal(service, {name: value for each in settings.values() for name, value in each.items()})
    assert len(lines) == len(NEEDS[service])
    for part in NEEDS[service]:
        line = about(part, lines)
        assert "127.0.0.1" in line
        assert "check that it runs" in line or "check that it exists" in line


@pytest.mark.kafka
@pytest.mark.parametrize("part", ["kafka", "redis"])
def test_one_part_that_is_missing_is_the_only_one_spoken_of(part: str, given: dict[str, str]) -> None:
    """Voicemail uses four parts, can't begin without two of them, and names only the missing one."""
    lines = refusal("voicemail", {**given, **unreachable(part)})
    assert len(lines) == 1
    about(part, lines)


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("service", "change", "words"),
    [
        (
            "gateway",
            {"RINGBACK_PBXS": '{"vostok/cloud": "http://127.0.0.1:1"}'},
            ("RINGBACK_PBXS", "tcp://host:port"),
        ),
        (
            "gateway",
            {"RINGBACK_PBXS": '{"cloud": "tcp://127.0.0.1:1"}'},
            ("RINGBACK_PBXS", "organization/pbx", "vostok/cloud"),
        ),
        ("gateway", {"RINGBACK_SPOOL": "/proc/nowhere"}, ("RINGBACK_SPOOL",)),
        ("tts", {"RINGBACK_TTS_ENGINE": "no-such-engine"}, ("no-such-engine", "apt-get install")),
        ("voicemail", {"RINGBACK_MAIL_FROM": "nobody"}, ("RINGBACK_MAIL_FROM",)),
        ("directory", {"RINGBACK_DIRECTORY_DATABASE": "mysql://book"}, ("RINGBACK_DIRECTORY_DATABASE",)),
        ("directory", {"RINGBACK_TOKEN_KEYS": "short"}, ("RINGBACK_TOKEN_KEYS", "JWK set")),
        ("directory", {"RINGBACK_DIRECTORY_KEY": ""}, ("RINGBACK_DIRECTORY_KEY",)),
        ("history", {"RINGBACK_HISTORY_DATABASE": ""}, ("RINGBACK_HISTORY_DATABASE",)),
        ("history", {"RINGBACK_TOKEN_PUBLIC_KEYS": ""}, ("RINGBACK_TOKEN_PUBLIC_KEYS", "JWK set")),
        ("voicemail", {"PATH": "/nonexistent"}, ("ffmpeg", "apt-get install")),
    ],
    ids=[
        "adapter",
        "pbx",
        "spool",
        "engine",
        "sender",
        "database",
        "token",
        "key",
        "tables",
        "history",
        "ffmpeg",
    ],
)
def test_what_else_is_unfit_is_said_in_one_line(
    service: str, change: dict[str, str], words: tuple[str, ...], given: dict[str, str]
) -> None:
    """This covers a program that is not installed, a folder, and a sender's address."""
    (line,) = refusal(service, {**given, **change})
    assert all(word in line for word in words)


@pytest.mark.parametrize(
    ("service", "setting"), [("gateway", "RINGBACK_PBXS"), ("queue", "RINGBACK_PARTITIONS")]
)
def test_a_setting_that_cannot_be_read_is_named(service: str, setting: str) -> None:
    """The service says so before it connects anywhere, and without a traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), setting: "nonsense"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_S_MAX,
    )
    assert ended.returncode == EXIT_MISSING
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"{service}: {setting}: ")


@pytest.mark.kafka
def test_with_everything_given_each_becomes_ready_without_the_others(
    given: dict[str, str], tmp_path: Path
) -> None:
    """None of them waits for another; asked to stop, each ends with 0."""
    started = [Service(name, given, tmp_path, dies_with_parent=True) for name in SERVICES]
    for service in started:
        service.start()
        service.wait_ready(ENDS_S_MAX)
        assert service.stop(30) == 0, service.process.last_words()


@pytest.mark.kafka
def test_started_anew_without_objects_and_mail_each_does_what_needs_neither(
    given: dict[str, str], tmp_path: Path
) -> None:
    """All but tts, whose only work is to put sound into S3."""
    without = {**given, **unreachable("s3"), **unreachable("smtp"), "RINGBACK_WAIT_FOR_PARTS_S": "0"}
    for name in sorted({*SERVICES} - {"tts"}):
        first = Service(name, given, tmp_path, dies_with_parent=True)
        first.start()
        first.wait_ready(ENDS_S_MAX)
        assert first.stop(30) == 0, first.process.last_words()
        again = Service(name, without, tmp_path, replica=2, dies_with_parent=True)
        again.start()
        again.wait_ready(ENDS_S_MAX)
        assert again.stop(30) == 0, again.process.last_words()
