"""Every object has the shape that Kubernetes, KEDA and the Prometheus operator want."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import jsonschema
import kubernetes_validate
import pytest
import yaml

from ringback.stack.services import ROOT
from tests.chart import rendering
from tests.chart.rendering import CHART, CUSTOM_APIS, PROFILES, Object

VERSIONS: Final = ("1.30", "1.34", "1.37")
"""The oldest that the chart allows, the one of `make chart-cluster`, and the newest that is known here."""
DEFINITIONS: Final = ROOT / "tests" / "golden" / "crds"


@pytest.fixture(scope="module", autouse=True)
def definitions_are_read_once() -> Iterator[None]:
    """kubernetes-validate parses a version's 1.5 MB of definitions anew for each object."""
    with pytest.MonkeyPatch.context() as patched:
        read = kubernetes_validate.utils.schema_contents
        patched.setattr(kubernetes_validate.utils, "schema_contents", cache(read))
        yield


def _is_custom(thing: Object) -> bool:
    return thing["apiVersion"] in CUSTOM_APIS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("profile", PROFILES)
def test_kubernetes_takes_every_object(profile: str, version: str) -> None:
    """Strictly: a field that a version does not know would be dropped without a word."""
    for each in rendering.objects(profile):
        if not _is_custom(each):
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_the_parts_for_trying_out(version: str) -> None:
    """They are installed by hand, before the chart."""
    text = (CHART / "examples" / "parts.yaml").read_text(encoding="utf-8")
    for each in yaml.load_all(text, yaml.CSafeLoader):
        kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    """The check above can fail."""
    (deployment, *_) = rendering.of_kind(rendering.objects("minimal"), "Deployment")
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@cache
def _definition(kind: str) -> dict[str, Any]:
    return dict(json.loads((DEFINITIONS / f"{kind}.json").read_text(encoding="utf-8")))


def _closed(schema: Any) -> Any:
    """A definition's schema as its server prunes by it: what it does not name is an error here."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if isinstance(pattern := schema.get("pattern"), str) and "(?i)" in pattern:
        # Go lets a flag stand anywhere, Python in front.
        closed["pattern"] = f"(?i){pattern.replace('(?i)', '')}"
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and not is_open and schema.get("type") == "object":
        closed["additionalProperties"] = False
    return closed


def _with_metadata(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], "metadata": {"type": "object"}}}


def _validate(thing: Object) -> None:
    schema = _with_metadata(_closed(_definition(thing["kind"])))
    jsonschema.validate(thing, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("profile", ["production", "full"])
def test_keda_and_the_prometheus_operator_take_their_objects(profile: str) -> None:
    """By the schemas of their own definitions."""
    found = [each for each in rendering.objects(profile) if _is_custom(each)]
    assert {each["kind"] for each in found} >= {"ScaledObject", "TriggerAuthentication", "ServiceMonitor"}
    for each in found:
        _validate(each)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("ScaledObject", "maxReplicas", 4),
        ("ScaledObject", "triggers", []),
        ("TriggerAuthentication", "secretTargetRef", [{"parameter": "username", "name": "keda"}]),
        ("ServiceMonitor", "endpoints", [{"port": "internal", "interval": "15"}]),
    ],
)
def test_a_wrong_custom_object_is_found(kind: str, field: str, value: Any) -> None:
    """The check above can fail."""
    (right, *_) = rendering.of_kind(rendering.objects("full"), kind)
    with pytest.raises(jsonschema.ValidationError):
        _validate({**right, "spec": {**right["spec"], field: value}})
