"""Prints who may read and write which topic, as lines of kafka-acls.sh: one user a service, least rights.

The lines follow from contracts/topics.py. Each service has a user of its own, and so have the verb `topics`
and whoever runs the other verbs (`operator`). Who has no line may nothing: the cluster needs an authorizer
(`authorizer.class.name`) and must not have `allow.everyone.if.no.acl.found`. Running a line again changes
nothing.
"""

import argparse
import shlex
from typing import Final, NamedTuple

from contracts.topics import DEAD_LETTERS, FACTS, TOPICS, Topic
from ringback.stack.services import service_names
from runtime.kafka_clients import group_of

TOPICS_USER: Final = "topics"
"""Runs `python -m ringback topics`."""
OPERATOR: Final = "operator"
"""Runs the verbs that read the log or say a fact, such as `why` and `unpark`."""
PROGRAM: Final = 'kafka-acls.sh --bootstrap-server "$RINGBACK_KAFKA" --command-config admin.properties'
"""`admin.properties` is the login of a super user, as Kafka's own programs want it."""


class Rule(NamedTuple):
    """What one user may do with some topics and groups."""

    user: str
    operation: str
    topics: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def words(self, principal_prefix: str) -> list[str]:
        """The options of kafka-acls.sh."""
        named = [("--topic", topic) for topic in self.topics] + [("--group", each) for each in self.groups]
        principal = f"User:{principal_prefix}{self.user}"
        options = [("--allow-principal", principal), ("--operation", self.operation), *named]
        return ["--add", *(word for pair in options for word in pair)]


def users() -> tuple[str, ...]:
    """Every user who has a rule, without the prefix of principals."""
    return (*service_names(), OPERATOR, TOPICS_USER)


def rules(prefix: str) -> list[Rule]:
    """The rules of an installation; `prefix` is that of its topics."""
    found = []
    for service in service_names():
        read = [topic for topic in TOPICS if topic.owner in (service, FACTS.owner)]
        groups = (group_of(prefix, service), *(group_of(prefix, service, topic) for topic in read))
        found.append(Rule(service, "Read", _names(prefix, read), groups))
        # Every reader puts aside what it can't read.
        written = [topic for topic in TOPICS if service in topic.writers or topic == DEAD_LETTERS]
        found.append(Rule(service, "Write", _names(prefix, written)))
    found.append(Rule(OPERATOR, "Read", _names(prefix, [FACTS, DEAD_LETTERS])))
    found.append(Rule(OPERATOR, "Write", _names(prefix, [FACTS])))
    # Create does not imply Describe, which shows when a new topic can be used.
    found += [Rule(TOPICS_USER, each, _names(prefix, TOPICS)) for each in ("Create", "Describe")]
    return found


def _names(prefix: str, topics: list[Topic] | tuple[Topic, ...]) -> tuple[str, ...]:
    return tuple(prefix + topic.name for topic in topics)


def main(argv: list[str]) -> int:
    """Print the lines; nothing is changed."""
    parser = argparse.ArgumentParser(prog="python -m ringback acls", description=__doc__)
    parser.add_argument("--prefix", default="ringback.", help="RINGBACK_TOPIC_PREFIX of the installation")
    parser.add_argument("--principal-prefix", default="ringback-", help="what users' names begin with")
    options = parser.parse_args(argv)
    for rule in rules(options.prefix):
        print(f"{PROGRAM} {shlex.join(rule.words(options.principal_prefix))}")
    return 0
