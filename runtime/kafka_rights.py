"""Which topics a broker shows us, and what our user may do with each.

Kafka tells it with a topic's metadata from version 8 on (KIP-430), which aiokafka does not know. A broker of
an older protocol tells the topics alone.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

NO_ERROR: Final = 0
UNKNOWN_TOPIC: Final = 3
NOT_AUTHORIZED: Final = 29
_NOT_TOLD: Final = -(2**31)
"""Kafka's value for «nobody asked», or «I can't say»."""


class Operation(IntEnum):
    """Kafka's codes of operations (AclOperation): each is a bit of what is told."""

    READ = 3
    WRITE = 4


class SeenTopic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as the broker shows it; `error` is Kafka's code, `copies` are those of the least copied
    partition, `in_sync` those of them that have all."""

    name: str
    error: int
    partitions: int
    without_leader: int
    copies: int
    in_sync: int
    operations: int | None

    def may(self, operation: Operation) -> bool | None:
        """Whether our user may do this; None if the broker does not say."""
        return None if self.operations is None else bool(self.operations >> operation & 1)


class _Metadata8(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8"))),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _AskMetadata8(RequestStruct):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Metadata8
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
    )


class AskTopics(Request[MetadataRequest_v5 | _AskMetadata8]):  # type: ignore[misc]  # aiokafka ships no types
    """A question about topics, by their names; it creates none."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: Any) -> Any:
        """The question in the newest version that the broker knows."""
        if request_struct_class is _AskMetadata8:
            return request_struct_class(self._names, False, False, True)
        return request_struct_class(self._names, False)


def seen(answer: Any) -> list[SeenTopic]:
    """The topics of an answer."""
    return [_seen(each) for each in answer.to_object()["topics"]]


def _seen(topic: dict[str, Any]) -> SeenTopic:
    partitions = topic["partitions"]
    told = topic.get("operations", _NOT_TOLD)
    return SeenTopic(
        name=topic["topic"],
        error=topic["error_code"],
        partitions=len(partitions),
        without_leader=sum(each["leader"] < 0 for each in partitions),
        copies=min((len(each["replicas"]) for each in partitions), default=0),
        in_sync=min((len(each["isr"]) for each in partitions), default=0),
        operations=None if told == _NOT_TOLD else told,
    )
