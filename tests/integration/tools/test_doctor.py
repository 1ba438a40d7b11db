"""`ringback doctor` on real parts: everything green, and each of its red lines with what to do."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from pydantic import SecretStr
from redis.asyncio import Redis

from contracts.topics import FACTS, SPEECH, TOPICS
from ringback.doctor import clock, databases, log, mail, objects, pbxs, speech, store
from ringback.doctor.findings import Finding, Mark, Section
from ringback.doctor.run import examine
from ringback.doctor.scope import Scope, Settings, scope
from ringback.stack import parts
from ringback.stack.process import Process, free_port, is_listening
from ringback.stack.services import ROOT
from ringback.topics import create_topics
from runtime import kafka_clients
from services.directory.activities.database import Database
from services.directory.activities.database import engine as directory_engine
from services.history.activities.database import connected as history_engine
from services.history.activities.database import migrate
from tests.integration.tools.bent_wire import bent

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("doctor")]
PATIENCE_S = 240
"""For a busy machine; no test is judged by it."""
EVERYTHING = scope([])
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PHONES = "pbxs:\n  cloud:\n    phones:\n      sip:201: {}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doctor")


@pytest.fixture(scope="module")
def redis(folder: Path) -> Iterator[parts.Redis]:
    """A server of these tests alone: they change its settings."""
    found = parts.start_redis(folder, dies_with_parent=True)
    yield found
    found.process.stop()


@pytest.fixture(scope="module")
def smtp(folder: Path) -> Iterator[parts.Smtp]:
    found = parts.start_smtp(folder, dies_with_parent=True)
    yield found
    found.process.stop()


@pytest.fixture(scope="module")
def simulated(folder: Path, s3_server: parts.S3) -> Iterator[str]:
    """The address of a simulated PBX."""
    script, port = folder / "phones.yaml", free_port()
    script.write_text(PHONES, encoding="utf-8")
    env = {
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
    }
    argv = [sys.executable, "-m", "ringback", "phones", "--port", str(port), "--script", str(script)]
    process = Process("phones", argv, folder, env=env, dies_with_parent=True)
    process.start_until(lambda: is_listening(port), "open port", 60)
    yield f"tcp://127.0.0.1:{port}"
    process.stop()


@pytest.fixture(scope="module")
def environment(
    folder: Path,
    kafka_embedded: str,
    redis: parts.Redis,
    s3_server: parts.S3,
    smtp: parts.Smtp,
    simulated: str,
) -> dict[str, str]:
    """The settings of all services, with everything in order."""
    asyncio.run(create_topics(kafka_embedded, "doctor."))
    found = {
        "RINGBACK_KAFKA": kafka_embedded,
        "RINGBACK_TOPIC_PREFIX": "doctor.",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        "RINGBACK_REDIS": redis.address,
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_SMTP": smtp.address,
        "RINGBACK_MAIL_FROM": "ringback@localhost",
        "RINGBACK_DIRECTORY_DATABASE": f"sqlite:///{folder / 'book.db'}",
        "RINGBACK_HISTORY_DATABASE": f"sqlite:///{folder / 'history.db'}",
        "RINGBACK_PBXS": json.dumps({"vostok/cloud": simulated}),
        "RINGBACK_SPOOL": str(folder / "spool"),
    }

    async def migrated() -> None:
        book = Database(directory_engine(found["RINGBACK_DIRECTORY_DATABASE"]))
        await book.upgrade()
        await book.close()
        history = history_engine(found["RINGBACK_HISTORY_DATABASE"])
        await migrate(history)
        await history.dispose()

    asyncio.run(migrated())
    return found


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    named = {name.removeprefix("RINGBACK_").lower(): value for name, value in environment.items()}
    return Settings.model_validate({**named, "pbxs": json.loads(named["pbxs"])})


def changed(settings: Settings, **fields: Any) -> Settings:
    return settings.model_copy(update=fields)


def reds(found: Section | list[Finding]) -> dict[str, str]:
    """What is red, by what was looked at."""
    findings = found.findings if isinstance(found, Section) else found
    return {each.what: each.words for each in findings if each.mark is Mark.RED}


def marks(found: Section) -> dict[str, Mark]:
    return {each.what: each.mark for each in found.findings}


def doctor(
    environment: Mapping[str, str], *argv: str, path: str = str(ROOT)
) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return subprocess.run(
        [sys.executable, "-m", "ringback", "doctor", *argv],
        env={**own, "PYTHONPATH": path, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


# The program


def test_where_everything_is_in_order_it_is_green_and_tells_no_secret(
    environment: dict[str, str], redis: parts.Redis, s3_server: parts.S3, smtp: parts.Smtp
) -> None:
    """What `helm test` runs: 0, and a list for whoever reads the log."""
    done = doctor(environment)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "all green" in done.stdout
    assert done.stderr == ""
    for word in ("Kafka", "topics", "persistence", "link", "size", "history's database", "voice ru", "PBX"):
        assert word in done.stdout
    secret = redis.address.partition("//:")[2].partition("@")[0]
    assert not {secret, s3_server.secret_key} & set(re.split(r"\W+", done.stdout))
    assert list(smtp.letters.glob("*.eml")) == [], "a doctor sends no letters"
    assert s3_server.client().list_objects_v2(Bucket=s3_server.bucket, Prefix=objects.KEY)["KeyCount"] == 0


def test_what_is_red_makes_the_exit_code_1_also_as_json(environment: dict[str, str]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    done = doctor({**environment, "RINGBACK_REDIS": f"redis://{nobody}/0"}, "--json", "--service", "queue")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["is_green"] is False
    [red] = [each for each in report["findings"] if each["mark"] == "red"]
    assert (red["section"], red["what"]) == ("Redis", "answers")
    assert "check that it runs, and RINGBACK_REDIS" in red["words"]


def test_what_is_not_configured_is_neither_green_nor_red() -> None:
    """Nobody shall take an empty list for a healthy installation."""
    done = doctor({"RINGBACK_KAFKA": ""}, "--json")
    report = json.loads(done.stdout)
    found = {each["section"]: each["mark"] for each in report["findings"] if each["what"] == "setting"}
    sections = ("Kafka", "Redis", "S3", "mail", "directory's database", "history's database", "PBXs")
    assert found == dict.fromkeys(sections, "not configured")


def test_what_a_service_needs_and_has_not_is_red() -> None:
    done = doctor({"RINGBACK_KAFKA": ""}, "--json", "--service", "voicemail", "--service", "directory")
    report = json.loads(done.stdout)
    found = {each["section"]: each["mark"] for each in report["findings"] if each["what"] == "setting"}
    needed = ("Kafka", "Redis", "S3", "mail", "directory's database")
    assert found == {
        **dict.fromkeys(needed, "red"),
        **dict.fromkeys(("history's database", "PBXs"), "not configured"),
    }
    assert done.returncode == 1


def test_as_a_service_without_the_log_it_asks_for_no_kafka(redis: parts.Redis) -> None:
    """The console reads nothing from the log, and its pods know no broker."""
    only_redis = {"RINGBACK_KAFKA": "", "RINGBACK_REDIS": redis.address}
    done = doctor(only_redis, "--json", "--service", "console")
    report = json.loads(done.stdout)
    found = {each["section"]: each["mark"] for each in report["findings"] if each["what"] == "setting"}
    assert found["Kafka"] == "not configured"
    assert report["is_green"], done.stdout
    assert done.returncode == 0


def test_settings_that_cannot_be_read_are_red(environment: dict[str, str]) -> None:
    done = doctor({**environment, "RINGBACK_PBXS": "{s3cret"}, "--json")
    assert done.returncode == 1
    assert [each["words"] for each in json.loads(done.stdout)["findings"]] == [
        "RINGBACK_PBXS: the value is not valid JSON"
    ]


def test_without_the_data_of_time_zones_it_says_what_to_install(tmp_path: Path) -> None:
    """A system has zones of its own, or the package; where both lack, every office's hours do."""
    (tmp_path / "tzdata").mkdir()
    (tmp_path / "tzdata" / "__init__.py").touch()
    nowhere = {"PYTHONTZPATH": str(tmp_path / "nowhere"), "RINGBACK_KAFKA": ""}
    done = doctor(nowhere, "--json", path=f"{tmp_path}:{ROOT}")
    [red] = [each for each in json.loads(done.stdout)["findings"] if each["mark"] == "red"]
    assert red["what"] == "time zones"
    assert "install tzdata" in red["words"]


# Kafka


async def test_a_broker_that_is_away_is_red(settings: Settings) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    found = await log.examine(changed(settings, kafka=nobody), EVERYTHING, [])
    assert "check that it runs" in reds(found)["answers"]


async def test_topics_that_are_missing_or_have_other_partitions_are_named(
    settings: Settings, kafka_embedded: str, fresh_prefix: str
) -> None:
    admin = kafka_clients.of(kafka_embedded).admin()
    await admin.start()
    made = {FACTS.name: FACTS.partitions, SPEECH.name: SPEECH.partitions + 1}
    await admin.create_topics([NewTopic(f"{fresh_prefix}.{name}", count, 1) for name, count in made.items()])
    await admin.close()
    other = changed(settings, topic_prefix=f"{fresh_prefix}.")
    found = await log.examine(other, EVERYTHING, [])
    lines = [each.words for each in found.findings if each.what == "topics"]
    assert sum("`python -m ringback topics` makes it" in each for each in lines) == len(TOPICS) - 2
    assert any("the number is fixed at creation" in each for each in lines)


async def test_a_number_of_partitions_that_was_chosen_at_birth_is_as_it_should_be(
    settings: Settings, kafka_embedded: str, fresh_prefix: str
) -> None:
    await create_topics(kafka_embedded, f"{fresh_prefix}.", facts=FACTS.partitions + 1)
    found = await log.examine(changed(settings, topic_prefix=f"{fresh_prefix}."), EVERYTHING, [])
    assert marks(found)["topics"] is Mark.GREEN


async def test_a_broker_that_keeps_no_time_is_red_unless_a_demo_does_without(settings: Settings) -> None:
    assert marks(await log.examine(settings, EVERYTHING, []))["append time"] is Mark.NOT_TRIED
    strict = changed(settings, allow_broker_without_time=False)
    found = await log.examine(strict, EVERYTHING, [])
    assert "message.timestamp.type=LogAppendTime" in reds(found)["append time"]


# Redis


async def test_a_store_that_forgets_takes_no_writes_or_evicts_is_red(
    settings: Settings, redis: parts.Redis
) -> None:
    async def red() -> dict[str, str]:
        return reds(await store.examine(settings, EVERYTHING, []))

    async with Redis.from_url(redis.address) as administrator:
        assert await red() == {}
        await administrator.config_set("appendonly", "no")
        assert "set appendonly yes" in (await red())["persistence"]
        await administrator.config_set("appendonly", "yes")
        await administrator.config_set("maxmemory-policy", "allkeys-lru")
        assert "set maxmemory-policy noeviction" in (await red())["answers"]
        await administrator.config_set("maxmemory-policy", "noeviction")
        await administrator.replicaof("127.0.0.1", free_port())
        assert "let RINGBACK_REDIS lead to the master" in (await red())["role"]
        await administrator.replicaof("NO", "ONE")
        assert await red() == {}


async def test_a_clock_that_is_seconds_off_is_red(settings: Settings, redis: parts.Redis) -> None:
    """The server's, seen through a wire that adds a quarter of a day to it."""

    def later(data: bytes) -> bytes:
        shown = re.compile(rb"(?<=server_time_usec:)\d{16}")
        return shown.sub(lambda found: b"%016d" % (int(found[0]) + 6 * 3600 * 1_000_000), data)

    readings: list[clock.Reading] = []
    with bent(f"127.0.0.1:{redis.port}", changed=later) as where:
        url = redis.address.replace(f"127.0.0.1:{redis.port}", where)
        await store.examine(changed(settings, redis=SecretStr(url)), EVERYTHING, readings)
    found = reds(clock.examine(readings))
    assert "21600." in found["Redis"] or "21599." in found["Redis"]
    assert "slow" in found["Redis"]
    assert "let NTP keep both" in found["Redis"]


# S3


async def test_an_s3_that_refuses_is_red(settings: Settings) -> None:
    found = await objects.examine(changed(settings, s3_secret_key=SecretStr("guessed")), EVERYTHING)
    assert "RINGBACK_S3_ENDPOINT, _BUCKET, _ACCESS_KEY, _SECRET_KEY" in reds(found)["put"]
    assert "guessed" not in reds(found)["put"]


@pytest.mark.parametrize(
    ("of_request", "what", "words"),
    [
        (rb"GET .*X-Amz-Signature=", "link", "let the server take presigned requests"),
        (rb"DELETE ", "delete", "s3:DeleteObject"),
        (rb"GET /\S+ HTTP/1.1", "get", "s3:GetObject"),
    ],
    ids=["link", "delete", "get"],
)
async def test_an_s3_that_forbids_one_thing_is_red_at_that(
    settings: Settings, s3_server: parts.S3, of_request: bytes, what: str, words: str
) -> None:
    """A key with too few rights, or a proxy before the store that lets too little through."""

    def forbidden(said: bytes) -> bytes | None:
        is_meant = re.match(of_request, said) is not None
        return FORBIDDEN if is_meant else None

    with bent(s3_server.address.removeprefix("http://"), answered=forbidden) as where:
        found = await objects.examine(changed(settings, s3_endpoint=f"http://{where}"), EVERYTHING)
    assert words in reds(found)[what]
    assert "Signature" not in str(reds(found))


# Mail


@pytest.mark.parametrize(
    ("scheme", "fields", "what", "words"),
    [
        ("smtp+starttls://localhost", {}, "answers", "the server offers no STARTTLS"),
        ("smtp://bot:s3cret@127.0.0.1", {}, "answers", "check RINGBACK_SMTP, its user and password"),
        (
            "smtp://127.0.0.1",
            {"attachment_bytes_max": 40 << 20},
            "size",
            "RINGBACK_ATTACHMENT_BYTES_MAX to",
        ),
    ],
    ids=["encryption", "login", "size"],
)
async def test_a_mail_server_that_takes_no_letter_of_ours_is_red(
    settings: Settings, smtp: parts.Smtp, scheme: str, fields: dict[str, int], what: str, words: str
) -> None:
    other = changed(settings, smtp=SecretStr(f"{scheme}:{smtp.port}"), **fields)
    found = await mail.examine(other, EVERYTHING)
    assert words in reds(found)[what]
    assert "s3cret" not in str(reds(found))


async def test_a_mail_server_that_is_away_is_red(settings: Settings) -> None:
    nobody = SecretStr(f"smtp://127.0.0.1:{free_port()}")
    found = await mail.examine(changed(settings, smtp=nobody), EVERYTHING)
    assert "check that it runs, and RINGBACK_SMTP" in reds(found)["answers"]


# Databases


async def test_tables_of_another_version_are_red_with_what_to_deploy(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "book.db"
    url = f"sqlite:///{file}"

    async def red() -> dict[str, str]:
        other = changed(settings, directory_database=SecretStr(url))
        return reds(await databases.examine_directory(other, EVERYTHING))

    assert "start the service, which makes it" in (await red())["answers"]
    assert not file.exists(), "a doctor makes no databases"
    file.touch()
    assert "start the service, which makes them" in (await red())["tables"]
    book = Database(directory_engine(url))
    await book.upgrade("0002")
    assert "start the service of this version" in (await red())["tables"]
    await book.upgrade()
    await book.close()
    assert await red() == {}
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
    assert "a newer version made" in (await red())["tables"]


async def test_a_database_that_is_away_is_red_without_its_password(settings: Settings) -> None:
    url = f"postgresql://history:s3cret@127.0.0.1:{free_port()}/history"
    found = await databases.examine_history(changed(settings, history_database=SecretStr(url)), EVERYTHING)
    assert "check that it runs, and RINGBACK_HISTORY_DATABASE" in reds(found)["answers"]
    assert "s3cret" not in reds(found)["answers"]


# Speech


async def test_a_voice_that_does_not_speak_is_red(settings: Settings) -> None:
    found = await speech.examine(changed(settings, tts_voice_ru="no-such-voice"), EVERYTHING)
    assert found is not None
    assert "set RINGBACK_TTS_VOICE_RU" in reds(found)["voice ru"]
    assert marks(found)["voice en"] is Mark.GREEN


async def test_an_engine_that_is_not_installed_is_red(settings: Settings) -> None:
    found = await speech.examine(changed(settings, tts_engine="no-such-engine"), EVERYTHING)
    assert found is not None
    assert "apt-get install" in reds(found)["programs"]
    assert await speech.examine(settings, scope(["queue"])) is None


# PBXs


@pytest.mark.parametrize(
    ("name", "address", "what", "words"),
    [
        ("cloud", "tcp://127.0.0.1:1", "address", "vostok/cloud"),
        ("vostok/cloud", "sip://127.0.0.1", "address", "supported are"),
        ("vostok/cloud", "tcp://192.0.2.1:1", "address", "ari+https"),
        ("vostok/cloud", "ari+http://user:s3cret@127.0.0.1/ari?colour=red", "address", "unknown or rep"),
        (
            "vostok/cloud",
            "tcp://127.0.0.1:1",
            "answers",
            "check that it runs, and its",
        ),
        (
            "vostok/cloud",
            "ari+http://user:s3cret@127.0.0.1:1",
            "answers",
            "check that it runs, and its",
        ),
    ],
)
async def test_a_pbx_that_can_not_be_reached_is_red(
    settings: Settings, name: str, address: str, what: str, words: str
) -> None:
    [found] = await pbxs.examine(changed(settings, pbxs={name: SecretStr(address)}), EVERYTHING)
    assert words in reds(found)[what]
    assert "s3cret" not in str(reds(found))


async def test_what_is_no_simulated_pbx_is_red(settings: Settings, smtp: parts.Smtp) -> None:
    address = {"vostok/cloud": SecretStr(f"tcp://127.0.0.1:{smtp.port}")}
    [found] = await pbxs.examine(changed(settings, pbxs=address), EVERYTHING)
    assert "is no simulated PBX" in reds(found)["answers"]


# The scope


def test_a_scope_has_what_its_services_declare() -> None:
    """Nobody keeps a second list of what a service needs."""
    found: Scope = scope(["voicemail", "history"])
    assert found.deciders == ("voicemail",)
    assert found.needed == {"kafka", "redis", "s3", "smtp", "RINGBACK_HISTORY_DATABASE"}
    assert not EVERYTHING.needed


async def test_one_look_at_everything_has_a_section_for_each_part(settings: Settings) -> None:
    sections = [each.section for each in await examine(settings, EVERYTHING)]
    assert list(dict.fromkeys(sections)) == [
        "Kafka",
        "Redis",
        "S3",
        "mail",
        "directory's database",
        "history's database",
        "speech",
        "PBX vostok/cloud",
        "clock and time zones",
    ]
