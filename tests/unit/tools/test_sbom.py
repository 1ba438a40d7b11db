"""The bill of materials has every part of a production image, and fits the schema of CycloneDX."""

import json
from pathlib import Path
from typing import Any

import pytest

from devtools import sbom
from devtools.pins import ALL, SHIPPED, pins, shipped_names


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    """The bill of production, as it is written."""
    return dict(json.loads(sbom.validated(sbom.bill())))


def components(bill: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The components of a bill by name."""
    return {each["name"]: each for each in bill["components"]}


def needs(bill: dict[str, Any], reference: str) -> list[str]:
    """What a component depends on."""
    (found,) = (each for each in bill["dependencies"] if each["ref"] == reference)
    return list(found.get("dependsOn", []))


def test_the_bill_has_every_package_of_production_and_no_other(production: dict[str, Any]) -> None:
    libraries = {each["name"]: each for each in production["components"] if each["type"] == "library"}
    assert {name: each["version"] for name, each in libraries.items()} == {
        pin.name: pin.version for pin in pins(SHIPPED)
    }
    assert all(each["licenses"] for each in production["components"])


def test_a_package_has_the_hashes_of_the_list_that_it_is_installed_by(production: dict[str, Any]) -> None:
    """A scanner compares them with the files of an image; a name and a version alone prove nothing."""
    (wanted,) = (pin for pin in pins(SHIPPED) if pin.name == "msgspec")
    (files,) = components(production)["msgspec"]["externalReferences"]
    assert {(each["alg"], each["content"]) for each in files["hashes"]} == {
        ("SHA-256", digest) for _, digest in wanted.hashes
    }


def test_the_bill_says_what_needs_what(production: dict[str, Any]) -> None:
    """Whoever reads of a vulnerable package finds why it is there."""
    version = {pin.name: pin.version for pin in pins(SHIPPED)}
    assert f"pkg:pypi/msgspec@{version['msgspec']}" in needs(production, "ringback")
    assert f"pkg:pypi/docopt@{version['docopt']}" not in needs(production, "ringback")
    assert needs(production, f"pkg:pypi/num2words@{version['num2words']}") == [
        f"pkg:pypi/docopt@{version['docopt']}"
    ]


def test_what_is_installed_on_some_platforms_is_optional(production: dict[str, Any]) -> None:
    found = components(production)["audioop-lts"]
    assert found["scope"] == "optional"
    assert found["properties"][0]["value"] == 'python_full_version >= "3.13"'
    assert components(production)["msgspec"]["scope"] == "required"


def test_the_separate_programs_of_production_are_on_the_bill(production: dict[str, Any]) -> None:
    programs = {each["name"]: each for each in production["components"] if each["type"] == "application"}
    assert set(programs) == {"espeak-ng", "ffmpeg", "sox"}
    assert programs["espeak-ng"]["licenses"][0]["license"]["id"] == "GPL-3.0-or-later"
    assert {"name": "ringback:runs-as", "value": "separate program"} in programs["sox"]["properties"]


def test_what_only_development_needs_is_excluded_from_what_runs() -> None:
    found = components(json.loads(sbom.validated(sbom.bill(with_development=True))))
    assert {pin.name for pin in pins(ALL)} <= set(found)
    assert found["pytest"]["scope"] == "excluded"
    assert all(found[name]["scope"] != "excluded" for name in shipped_names())


def test_a_bill_that_does_not_fit_the_schema_is_refused() -> None:
    """The library's check is on, and reads the strict schema."""
    with pytest.raises(sbom.NotValid):
        sbom.check('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "no type"}]}')
    with pytest.raises(sbom.NotValid):
        sbom.check('{"bomFormat": "CycloneDX", "specVersion": "1.6", "parts": []}')


def test_the_verb_writes_a_bill_where_it_is_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "folder" / "bill.json"
    assert sbom.main(["--out", str(file)]) == 0
    sbom.check(file.read_text(encoding="utf-8"))
    assert "valid CycloneDX 1.6" in capsys.readouterr().out
