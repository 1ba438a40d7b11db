"""Creates the topics of contracts/topics.py, with their partitions, retention and append time.

Running it again changes nothing. The number of partitions is fixed at creation, since it determines each
organization's partition: a topic that exists with another number than is asked for is refused.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping

from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError

from contracts.topics import FACTS, TOPICS, Topic
from ringback.stack.process import StackError
from runtime import kafka_clients, secret_files
from runtime.kafka_clients import Admin, Clients

# Kafka's codes for the answer to a creation (protocol guide, «Error Codes»).
NO_ERROR, TOPIC_EXISTS, REQUEST_TIMED_OUT = 0, 36, 7
VISIBLE_S = 15


def _new_topic(topic: Topic, prefix: str, replication: int, partitions: int) -> NewTopic:
    """The request to the broker for one topic."""
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "message.timestamp.type": "LogAppendTime" if topic.append_time else "CreateTime",
    }
    return NewTopic(prefix + topic.name, partitions, replication, topic_configs=configs)


async def create_topics(
    kafka: Clients | str,
    prefix: str,
    *,
    replication: int = 1,
    facts: int | None = None,
    takes_facts_as_they_are: bool = False,
) -> list[str]:
    """Create what is missing, wait until every topic is visible, and return the names of the new ones.

    `facts` is its number of partitions, if another one than the contracts' is wanted;
    `takes_facts_as_they_are`: a topic of facts that exists may have any number.
    """
    wanted = {each.name: each.partitions for each in TOPICS}
    if facts is not None:
        wanted[FACTS.name] = facts
    clients = kafka_clients.of(kafka)
    bootstrap = clients.bootstrap
    admin = clients.admin(request_timeout_ms=10_000)
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        refusal = await clients.refusal() or f"{bootstrap} does not answer: {error}"
        raise StackError(str(refusal)) from error
    try:
        answer = await admin.create_topics(
            [_new_topic(each, prefix, replication, wanted[each.name]) for each in TOPICS]
        )
        created = []
        for name, code, text in answer.topic_errors:
            if code == NO_ERROR:
                created.append(name)
            elif code != TOPIC_EXISTS:
                raise StackError(f"the broker at {bootstrap} does not create {name}: {text} (code {code})")
        required = {prefix + name: count for name, count in wanted.items()}
        if takes_facts_as_they_are:
            required[prefix + FACTS.name] = 0
        await _check_partitions(admin, bootstrap, required)
        return created
    finally:
        await admin.close()


async def _check_partitions(admin: Admin, bootstrap: str, wanted: Mapping[str, int]) -> None:
    """Check that every topic has a leader for each partition, and as many as wanted; 0 is any number."""
    deadline = time.monotonic() + VISIBLE_S
    while True:
        described = await admin.describe_topics(list(wanted))
        # 0: the topic exists; any other code, or a partition without a leader: the broker has not finished.
        led = {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if topic["error_code"] == NO_ERROR and all(part["leader"] >= 0 for part in topic["partitions"])
        }
        if led.keys() == wanted.keys():
            break
        if time.monotonic() > deadline:
            raise StackError(f"not visible after {VISIBLE_S} s: {sorted(wanted.keys() - led.keys())}")
        await asyncio.sleep(0.1)
    for name, partitions in wanted.items():
        if partitions not in (0, led[name]):
            raise StackError(
                f"{name} on {bootstrap} has {led[name]} partitions and needs {partitions}: the number "
                "is fixed at creation. Use another RINGBACK_TOPIC_PREFIX, or delete the topic if it may go."
            )


def main(argv: list[str]) -> int:
    """Create the topics on the broker given, or on the one the environment names."""
    try:
        settings = secret_files.resolved(os.environ)
    except secret_files.SecretFileUnusable as error:
        print(f"topics: {error}", file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(prog="python -m ringback topics", description=__doc__)
    parser.add_argument("--kafka", default=settings.get("RINGBACK_KAFKA"), help="host:port")
    parser.add_argument("--prefix", default=settings.get("RINGBACK_TOPIC_PREFIX", "ringback."))
    parser.add_argument("--replication", type=int, default=1, help="copies of each partition (production: 3)")
    parser.add_argument(
        "--partitions",
        type=int,
        help=f"of facts, for ever: as many replicas of a service can work ({FACTS.partitions}); "
        "left out, a topic that exists keeps its number",
    )
    options = parser.parse_args(argv)
    if not options.kafka:
        parser.error("which broker? give --kafka host:port or set RINGBACK_KAFKA")
    try:
        clients = kafka_clients.from_environment({**settings, "RINGBACK_KAFKA": options.kafka})
        made = create_topics(
            clients,
            options.prefix,
            replication=options.replication,
            facts=options.partitions,
            takes_facts_as_they_are=options.partitions is None,
        )
        created = asyncio.run(made)
    except (StackError, ValueError) as failure:
        print(f"topics: {failure}", file=sys.stderr)
        return 1
    print("\n".join(f"created {name}" for name in created) or "every topic was there")
    return 0
