"""Kafka: whether it answers, what it has, whose time its records have, and what our user may do."""

import secrets
from typing import Final

from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, KafkaError

from contracts.topics import FACTS, TOPICS
from ringback import acls
from ringback.doctor import clock
from ringback.doctor.clock import Reading
from ringback.doctor.findings import Section
from ringback.doctor.scope import Scope, Settings
from runtime import checks, kafka_clients, kafka_rights
from runtime.host import identity
from runtime.kafka_clients import Clients
from runtime.kafka_log import KafkaLog
from runtime.kafka_rights import Operation, SeenTopic
from runtime.ports import LogUnavailable

PART: Final = "kafka"
NAME: Final = "doctor"
"""What our record in the log says who wrote it; no service is called so, and none reads it."""
GROUP_MS_MAX: Final = 10_000
OPERATIONS: Final = {"Read": Operation.READ, "Write": Operation.WRITE}
"""The operations of `ringback acls` that services need."""


async def examine(settings: Settings, scope: Scope, readings: list[Reading]) -> Section:
    """Look at Kafka; what its clock shows goes into `readings`."""
    section = Section("Kafka")
    if not scope.looks_at(PART) or not settings.kafka:
        section.not_configured("RINGBACK_KAFKA", is_needed=PART in scope.needed)
        return section
    login = f"as {settings.kafka_username}" if settings.kafka_username else "without a login"
    if section.lacks("answers", await checks.kafka(settings), f"{settings.kafka}, {login}"):
        return section
    clients = kafka_clients.from_settings(settings)
    try:
        seen = await clients.topics([settings.topic_prefix + each.name for each in TOPICS])
        rules = [each for each in acls.rules(settings.topic_prefix) if each.user in scope.services]
        wanted = {name for rule in rules for name in rule.topics}
        _examine_topics(section, seen, wanted, settings.topic_prefix)
        may_write = await _examine_rights(section, settings, clients, seen, rules)
    except (KafkaError, OSError, TimeoutError) as error:
        section.red("answers", f"{type(error).__name__}: {error}; it answered a moment ago: look again")
        return section
    await _examine_time(section, settings, clients, readings, may_write=may_write)
    return section


def _examine_topics(section: Section, seen: list[SeenTopic], wanted: set[str], prefix: str) -> None:
    """Whether all topics of the services are there, as `ringback topics` makes them, and are led."""
    partitions = {prefix + each.name: each.partitions for each in TOPICS}
    found = [each for each in seen if each.name in wanted]
    wrong = []
    for each in found:
        ours = partitions[each.name]
        if each.error == kafka_rights.UNKNOWN_TOPIC:
            wrong.append(f"{each.name} is missing: `python -m ringback topics` makes it")
        elif each.error == kafka_rights.NOT_AUTHORIZED:
            wrong.append(
                f"{each.name} is not for our user to see: run the lines of `python -m ringback acls`"
            )
        elif each.error != kafka_rights.NO_ERROR or each.without_leader:
            wrong.append(f"{each.name} has partitions that no broker leads: bring the cluster's brokers back")
        # The number of facts was chosen at birth.
        elif each.partitions != ours and each.name != prefix + FACTS.name:
            wrong.append(
                f"{each.name} has {each.partitions} partitions and needs {ours}: the number is fixed at "
                "creation. Use another RINGBACK_TOPIC_PREFIX, or delete the topic if it may go"
            )
        elif each.in_sync < each.copies:
            wrong.append(
                f"{each.name} has {each.in_sync} of {each.copies} copies that have all: bring the missing "
                "broker back"
            )
    for words in wrong:
        section.red("topics", words)
    if not wrong:
        copies = min(each.copies for each in found)
        each_has = "1 copy" if copies == 1 else f"{copies} copies"
        section.green("topics", f"{len(found)}, with their partitions, {each_has} of each")


async def _examine_rights(
    section: Section, settings: Settings, clients: Clients, seen: list[SeenTopic], rules: list[acls.Rule]
) -> bool:
    """Whether our user may do what the services do; the result: whether it may write facts."""
    topics = {each.name: each for each in seen}
    refused = sorted(
        {
            f"{rule.operation.lower()} {name}"
            for rule in rules
            for name in rule.topics
            if topics[name].may(OPERATIONS[rule.operation]) is False
        }
    )
    refused += [f"join {each}" for each in await _groups_refused(clients, rules)]
    facts = topics[settings.topic_prefix + FACTS.name]
    is_told = facts.operations is not None
    who = settings.kafka_username or "a client without a login"
    if refused:
        section.red(
            "rights",
            f"{who} may not {', '.join(refused)}: run the lines of `python -m ringback acls` for that "
            "user, or name with --service whose user it is",
        )
    elif is_told:
        section.green("rights", f"{who} may read and write what {_services(rules)} does")
    else:
        section.not_tried("rights", "this broker does not say what a user may do (Kafka 2.3 and newer do)")
    return facts.may(Operation.WRITE) is not False


def _services(rules: list[acls.Rule]) -> str:
    users = sorted({each.user for each in rules})
    return users[0] if len(users) == 1 else "each service"


async def _groups_refused(clients: Clients, rules: list[acls.Rule]) -> list[str]:
    """The groups whose coordinator the broker does not tell us; who may read one is told."""
    admin = clients.admin(request_timeout_ms=GROUP_MS_MAX)
    refused = []
    try:
        await admin.start()
        for group in sorted({each for rule in rules for each in rule.groups}):
            try:
                await admin.find_coordinator(group)
            except GroupAuthorizationFailedError:
                refused.append(group)
            except GroupCoordinatorNotAvailableError:
                # Rights come first. Kafka makes its topic of groups when the first one is asked for.
                continue
    finally:
        await admin.close()
    return refused


async def _examine_time(
    section: Section, settings: Settings, clients: Clients, readings: list[Reading], *, may_write: bool
) -> None:
    """Whether the broker sets the records' time, by a record that says nothing; it shows its clock, too."""
    if not may_write:
        section.not_tried("append time", "our user may not write facts")
        return
    log = KafkaLog(clients, prefix=settings.topic_prefix, client_id="ringback-doctor")
    try:
        await log.start()
        # The first record of a log names it: ours must not come before that.
        await identity.log_id(log, 0, lambda: secrets.token_hex(8))
        before_ms = clock.now_ms()
        shown_ms = await identity.probed_at(log, 0, NAME)
        after_ms = clock.now_ms()
    except (LogUnavailable, identity.RefusedToStart) as error:
        section.red("append time", f"{error}: a record could not be appended and read back")
        return
    finally:
        await log.stop()
    if shown_ms:
        section.green("append time", "records have the broker's time")
        readings.append(Reading(whose="Kafka", before_ms=before_ms, shown_ms=shown_ms, after_ms=after_ms))
    elif settings.allow_broker_without_time:
        section.not_tried("append time", "RINGBACK_ALLOW_BROKER_WITHOUT_TIME says that a demo does without")
    else:
        section.red(
            "append time",
            f"the broker does not set the records' time: set message.timestamp.type=LogAppendTime for "
            f"{settings.topic_prefix}{FACTS.name}",
        )
