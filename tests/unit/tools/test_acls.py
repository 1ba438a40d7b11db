"""The printed rules are those of the services: who says a command may write its topic, and nobody else."""

import ast
import importlib

import pytest

from contracts.message import Command, Message, type_name
from contracts.topics import DEAD_LETTERS, FACTS, TOPICS
from ringback import acls
from ringback.acls import Rule
from ringback.stack.services import ROOT, service_names
from runtime.decision import Decider

BY_VARIABLE = {topic.name.upper().replace("-", "_"): topic.name for topic in TOPICS}
"""Names of topics by those of the constants in contracts/topics.py."""


def _rule(service: str, operation: str) -> Rule:
    [found] = [each for each in acls.rules("p.") if (each.user, each.operation) == (service, operation)]
    return found


def _says(service: str) -> tuple[type[Message], ...]:
    module = importlib.import_module(f"services.{service}.service")
    if isinstance(module.SERVICE, Decider):
        return module.SERVICE.says
    return tuple(module.SAYS)


def _topic(message: type[Message]) -> str:
    """A command's type begins with its topic."""
    return type_name(message).partition(".")[0] if issubclass(message, Command) else FACTS.name


@pytest.mark.parametrize("service", service_names())
def test_a_service_may_write_the_topics_of_what_it_says_and_no_others(service: str) -> None:
    """Whoever begins to say a command is listed in contracts/topics.py, from which the rules follow."""
    said = {_topic(each) for each in _says(service)} | {DEAD_LETTERS.name}
    assert {f"p.{topic}" for topic in said} == set(_rule(service, "Write").topics)


@pytest.mark.parametrize("service", service_names())
def test_a_service_may_read_the_topics_it_subscribes_to_and_no_others(service: str) -> None:
    """Every service reads the facts, at least to know which log it is on."""
    tree = ast.parse((ROOT / "services" / service / "service.py").read_text(encoding="utf-8"))
    subscribed = {
        BY_VARIABLE[keyword.value.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Subscription"
        for keyword in node.keywords
        if keyword.arg == "topic" and isinstance(keyword.value, ast.Name)
    }
    rule = _rule(service, "Read")
    assert {f"p.{topic}" for topic in subscribed | {FACTS.name}} == set(rule.topics)
    assert {f"p.{service}", *(f"p.{service}.{topic}" for topic in subscribed)} <= set(rule.groups)
    assert all(group.startswith(f"p.{service}") for group in rule.groups)


def test_only_the_verb_that_makes_topics_may_make_them() -> None:
    """Nobody alters, deletes or describes the cluster: that is the administrator's."""
    operations = {(each.user, each.operation) for each in acls.rules("p.")}
    assert {user for user, operation in operations if operation == "Create"} == {acls.TOPICS_USER}
    assert {operation for _, operation in operations} == {"Read", "Write", "Create", "Describe"}


def test_the_lines_name_the_installations_prefix_and_users(capsys: pytest.CaptureFixture[str]) -> None:
    """Several installations may share a cluster, each with prefixes of its own."""
    assert acls.main(["--prefix", "north.", "--principal-prefix", "north-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        'kafka-acls.sh --bootstrap-server "$RINGBACK_KAFKA" --command-config admin.properties --add '
        "--allow-principal User:north-tts --operation Write --topic north.facts --topic north.dead-letters"
    ) in lines
    for line in lines:
        assert "User:north-" in line
        assert "ringback" not in line.partition("--add")[2]
