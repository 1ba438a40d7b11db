"""After an erasure no store of the running stack holds the customer's number, in any form (V6).

History's and the directory's databases, Redis, S3, the spool, and letters that are sent afterwards. The log
keeps its facts for its retention, which the record says.
"""

import base64
import hashlib
import re
import sqlite3
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis

from contracts import callback as c
from contracts import voicemail as v
from contracts.ids import AgentId, Instant
from runtime.tokens import Claims, TokenUse, sign
from services.history.rules.erasures import OWNERS
from tests.e2e.cluster import STORY_S, Cluster, Cue
from tests.e2e.company import Company
from tests.e2e.conftest import ERASED

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("e2e"),
]
WHO = ("alisa", "denis")
ANSWER_S = 60.0
SNAPSHOTS = "s3 snapshots/"


def forms(number: str) -> re.Pattern[bytes]:
    """A number as people and programs write it: grouped, national, quoted, in base64, or its digest."""
    digits = number.removeprefix("+")
    grouped = r"[ \-().\xa0]{0,2}".join(digits[1:])
    whole = (number, digits, f"8{digits[1:]}", digits[1:])
    found = {grouped, re.escape(quote(number, safe=""))}
    found |= {hashlib.sha256(each.encode()).hexdigest() for each in whole}
    # Three alignments, without the characters at both ends, which depend on what stands around.
    for before in ("", "x", "xx"):
        found.add(re.escape(base64.b64encode(f"{before}{digits}".encode()).decode()[4:-4]))
    return re.compile("|".join(sorted(found)).encode())


def stores(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """Everything that is kept, each piece with its place."""
    for file in sorted(cluster.run.glob("*.db")):
        with sqlite3.connect(file) as database:
            yield from ((file.name, line.encode()) for line in database.iterdump())
    store: Any = redis.Redis.from_url(cluster.stack.parts.redis.address)
    for key in store.scan_iter():
        yield "redis key", key
        for piece in of_redis(store, key):
            yield f"redis {key!r}", piece
    yield from of_s3(cluster)
    for file in sorted((cluster.run / "spool").rglob("*")):
        yield "spool name", file.name.encode()
        if file.is_file() and file.suffix == ".json":
            yield f"spool {file.name}", file.read_bytes()


def of_redis(store: Any, key: bytes) -> list[bytes]:
    """Every piece of one key's value."""
    match store.type(key):
        case b"hash":
            return [part for pair in store.hgetall(key).items() for part in pair]
        case b"string":
            return [store.get(key) or b""]
        case b"zset":
            return list(store.zrange(key, 0, -1))
        case b"set":
            return list(store.smembers(key))
        case b"list":
            return list(store.lrange(key, 0, -1))
        case b"none":
            return []  # emptied since it was listed: an outbox goes with its last message
        case other:
            raise AssertionError(f"{key!r} is a {other!r}, which this test does not read")


def of_s3(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """Keys and objects; the standard prompts are the same for everybody."""
    s3 = cluster.stack.parts.s3
    client = s3.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=s3.bucket):
        for each in page.get("Contents", []):
            yield "s3 key", each["Key"].encode()
            if not each["Key"].startswith("standard/"):
                body = client.get_object(Bucket=s3.bucket, Key=each["Key"])["Body"].read()
                yield f"s3 {each['Key']}", zlib.decompress(body) if body[:1] == b"\x78" else body


def holding(cluster: Cluster, numbers: list[str]) -> list[str]:
    """Where one of these numbers still stands.

    The deciders' copies in S3 are not looked at: each is written over within the time that the record names,
    and whether the first one fell before the erasure depends on the machine.
    """
    wanted = [forms(each) for each in numbers]
    kept = ((where, data) for where, data in stores(cluster) if not where.startswith(SNAPSHOTS))
    return sorted({where for where, data in kept if any(each.search(data) for each in wanted)})


@pytest.fixture(scope="module")
def company(cluster: Cluster) -> Company:
    """Alisa's callback is open, since no agent comes; Denis left a voice message, and the letter was sent."""
    found = cluster.companies[ERASED]
    cluster.open(found)
    cues = [
        Cue(f"{who} calls", found.is_open, lambda who=who: cluster.call(found, who))  # type: ignore[misc]
        for who in WHO
    ]
    cluster.play(cues, [], ())
    end = time.monotonic() + STORY_S
    while time.monotonic() < end:
        is_open = found.has_ordered("alisa") and found.has_left("alisa")
        if is_open and len(found.all(v.LetterAccepted)) >= 2 and found.has(c.CallbackExpired):
            return found
        time.sleep(0.1)
    raise AssertionError("the story did not end")


def erased(http: httpx.Client, number: str) -> Any:
    """The record of an erasure, once everybody has answered."""
    answer = http.post("/erase", json={"number": number})
    assert answer.status_code == 200, answer.text
    first = record = answer.json()
    end = time.monotonic() + ANSWER_S
    while record["waiting_for"] and time.monotonic() < end:
        time.sleep(0.2)
        record = http.get(f"/erase/{first['erasure_id']}").json()
    assert not record["waiting_for"], record
    assert {each["service"] for each in record["answers"]} == set(OWNERS)
    return {**first, **record}


@pytest.mark.rule("V6")
def test_after_an_erasure_no_store_holds_the_number_in_any_form(cluster: Cluster, company: Company) -> None:
    """Whoever is asked «what do you still have of me» can say it."""
    numbers = [company.phone(who) for who in WHO]
    before = holding(cluster, numbers)
    assert any(where.startswith("redis") for where in before), "the test looks in the wrong places"
    assert any(where.startswith("history") for where in before), "the test looks in the wrong places"
    claims = Claims(
        organization_id=company.organization_id,
        use=TokenUse.ACCESS,
        agent_id=AgentId("anna"),
        family="e2e",
        issued_at=Instant(int(time.time() * 1000)),
        expires_at=Instant(int(time.time() * 1000) + 600_000),
    )
    headers = {"Authorization": f"Bearer {sign(claims, cluster.stack.token_keys)}"}
    letters = len(cluster.letters(company))
    with httpx.Client(base_url=cluster.stack.service("history").address, headers=headers, timeout=60) as http:
        records = {number: erased(http, number) for number in numbers}
    told = {each["service"]: each["erased"] for each in records[numbers[0]]["answers"]}
    assert told["callback"]["callbacks"] == 1
    assert records[numbers[1]]["letters_total"] >= 1, "the letter that was sent is named"
    assert holding(cluster, numbers) == []
    assert all(record["snapshots_end_at"] > record["at"] for record in records.values())
    assert not forms(numbers[0]).search(str(list(records.values())).encode())
    cancelled = company.one(c.CallbackCancelled)
    assert (cancelled.reason, cancelled.number) == ("erased", "")
    assert len(cluster.letters(company)) == letters
    assert company.all(v.NumberErased)
    assert cluster.outcomes(company, ["alisa"])["alisa"].rang == 0
