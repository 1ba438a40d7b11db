"""Checks that a partition without store, snapshot and beginning of its log stays closed and says so."""

import json
import time
import urllib.error
import urllib.request
from typing import Final

import redis
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from contracts.topics import FACTS
from devtools.chaos.cluster import START_S, Cluster
from ringback.stack.services import Service
from ringback.stack.stack import FACTS_PARTITIONS
from runtime import kafka_clients
from runtime.host.snapshots import key_of

SERVICE: Final = "queue"
SAYS: Final = "the store is empty, there is no snapshot"
OTHERS_S: Final = 60.0
"""Time for the other partitions to be read while the lost one stays closed."""


async def lose(cluster: Cluster, partition: int) -> None:
    """Delete everything of one partition from which a service could start; no service may run."""
    settings = cluster.stack.settings(SERVICE)
    prefix = settings["RINGBACK_STORE_PREFIX"]
    with redis.Redis.from_url(settings["RINGBACK_REDIS"]) as client:
        for key in client.scan_iter(match=f"{{{prefix}/{SERVICE}/{partition}}}/*"):
            client.delete(key)
    s3 = cluster.stack.parts.s3
    s3.client().delete_object(Bucket=s3.bucket, Key=key_of(f"{prefix}/", SERVICE, partition))
    admin = kafka_clients.from_environment(settings).admin()
    await admin.start()
    try:
        found = TopicPartition(settings["RINGBACK_TOPIC_PREFIX"] + FACTS.name, partition)
        await admin.delete_records({found: RecordsToDelete(before_offset=2)})
    finally:
        await admin.close()


def reasons(service: Service) -> list[str]:
    """Why a service says that it is not ready; empty if it is, or does not answer."""
    try:
        with urllib.request.urlopen(f"{service.internal_address}/health/ready", timeout=2):  # noqa: S310
            return []
    except urllib.error.HTTPError as error:
        return [str(each) for each in _told(error.read())]
    except OSError:
        return []


def _told(body: bytes) -> list[object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return [body.decode(errors="replace")]
    if isinstance(answer, dict):
        return list(answer.get("reasons", [answer]))
    return list(answer) if isinstance(answer, list) else [answer]


def judge(cluster: Cluster, partition: int) -> tuple[float | None, list[str]]:
    """Start the service alone on what is left: seconds until it said so, and the faults found."""
    service = cluster.add(SERVICE)
    begun = time.monotonic()
    claimed = {each: cluster.progress.claims[(SERVICE, each)] for each in range(FACTS_PARTITIONS)}
    said: float | None = None
    while time.monotonic() - begun < min(START_S, OTHERS_S):
        cluster.listen()
        others = [each for each in claimed if cluster.progress.claims[(SERVICE, each)] > claimed[each]]
        if said is None and any(
            f"partition {partition}" in each and SAYS in each for each in reasons(service)
        ):
            said = time.monotonic() - begun
        if said is not None and len(others) >= FACTS_PARTITIONS - 1:
            break
        time.sleep(0.2)
    wrongs = []
    if said is None:
        wrongs.append(f"partition {partition} was lost, and {SERVICE} does not say so: {reasons(service)}")
    if partition in others:
        wrongs.append(f"{SERVICE} claimed partition {partition}, of which nothing was left")
    if len(others) < FACTS_PARTITIONS - 1:
        wrongs.append(f"the other partitions did not open: only {others}")
    return said, wrongs
