"""What may stand in a values file: a wrong value is refused before anything is installed, with its path."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from contracts.topics import SPEECH, TELEPHONY
from devtools.charts.helm import Major
from runtime.plaintext import PARTS
from tests.chart.rendering import CHART, PROFILES, run_helm

WRONG: Final[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "values-wrong.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("why", WRONG)
def test_helm_4_refuses_with_the_path(why: str) -> None:
    """An operator who mistypes a value learns where, before a pod fails."""
    said = _refusal(WRONG[why]["values"], major=4)
    assert f"at '{WRONG[why]['at']}'" in said, said


@pytest.mark.parametrize(
    "why", ["a misspelt name inside", "more speakers than partitions", "replicas in words"]
)
def test_helm_3_refuses_too(why: str) -> None:
    """Both read the same schema, with validators of their own."""
    said = _refusal(WRONG[why]["values"], major=3)
    assert WRONG[why]["at"].removeprefix("/").replace("/", ".") in said, said


def _refusal(values: dict[str, Any], *, major: Major) -> str:
    words = [each for name, value in values.items() for each in ("--set-json", f"{name}={json.dumps(value)}")]
    argv = ["template", "ringback", str(CHART), "--values", str(PROFILES["production"]), *words]
    refused = run_helm(*argv, major=major)
    assert refused.returncode != 0
    return refused.stderr


def _schema() -> dict[str, Any]:
    return dict(json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")))


def _schemas(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for name, each in node.items():
            yield from _schemas(each, f"{path}/{name}")
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from _schemas(each, f"{path}/{number}")


def test_no_object_takes_names_that_the_schema_does_not_know() -> None:
    """A typing error in a name would otherwise be a setting that does nothing."""
    open_ = {
        path
        for path, each in _schemas(_schema())
        if each.get("type") == "object" and "additionalProperties" not in each
    }
    # Helm's own, for charts that contain this one.
    assert open_ == {"/properties/global"}
    assert not [path for path, each in _schemas(_schema()) if each.get("additionalProperties") is True]


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["definitions"][node["$ref"].rpartition("/")[2]]
    return node


def _names(
    schema: dict[str, Any], node: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    node = _resolved(schema, node)
    for name, each in node.get("properties", {}).items():
        if not each.get("deprecated") and name != "global":
            yield (*path, name)
            if path != ("defaults",):
                yield from _names(schema, each, (*path, name))


def test_every_value_of_the_schema_has_a_default() -> None:
    """values.yaml, and the README's table that is made from it, are complete."""
    schema = _schema()
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    overrides = set(schema["properties"]["defaults"]["properties"])

    def is_there(path: tuple[str, ...]) -> bool:
        at = values
        for name in path:
            if not isinstance(at, dict) or name not in at:
                return False
            at = at[name]
        return True

    lacking = [
        path
        for path in _names(schema, schema)
        # A service may have each of the defaults as its own.
        if not is_there(path) and not (path[0] == "services" and path[2] in overrides)
    ]
    assert not lacking


def test_replicas_of_what_reads_commands_are_limited_by_the_partitions_of_the_contracts() -> None:
    """A replica more than partitions is paid for and does nothing."""
    services = _schema()["properties"]["services"]["properties"]
    assert services["tts"]["properties"]["replicas"]["maximum"] == SPEECH.partitions
    assert services["tts"]["properties"]["autoscaling"]["properties"]["max"]["maximum"] == SPEECH.partitions
    assert services["gateway"]["properties"]["replicas"]["maximum"] == TELEPHONY.partitions


def test_the_wires_are_those_that_the_services_know() -> None:
    """`allowPlaintextTo` is handed to them as it is."""
    assert set(_schema()["properties"]["allowPlaintextTo"]["items"]["enum"]) == set(PARTS)
