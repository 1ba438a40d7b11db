"""Writes the software bill of materials of a production image: CycloneDX 1.6, JSON, checked with the schema.

It lists every pinned package with its licence, the hashes of its files and what needs it, and the separate
programs that the services start, with their versions if they are Debian's. No network is needed.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from devtools.licence_decisions import PROGRAMS, Program
from devtools.licences import Licence, licences
from devtools.pins import ALL, SHIPPED, Pin, pins
from ringback.stack.services import ROOT

VERSION: Final = SchemaVersion.V1_6
FILE: Final = ".run/ringback.cdx.json"
ALGORITHMS: Final = {
    "sha256": HashAlgorithm.SHA_256,
    "sha384": HashAlgorithm.SHA_384,
    "sha512": HashAlgorithm.SHA_512,
}
OURS: Final = "ringback:"
"""How our own properties begin."""
REQUIRED_BY_US: Final = "-r requirements/"
"""How a list of requirements stands among what needs a package."""


class NotValid(Exception):
    """The bill does not fit its schema; the message says where."""


def bill(
    *,
    with_development: bool = False,
    root: Path = ROOT,
    debian: Iterable[Mapping[str, str]] | None = None,
) -> Bom:
    """The bill of the tree as it stands; packages for development alone have the scope «excluded».

    `debian` are the packages of an image, by the fields of dpkg's status; without them the separate programs
    are listed as this machine has them.
    """
    found = {each.package: each for each in licences(root)}
    shipped = {pin.name: _package(pin, found[pin.name]) for pin in pins(SHIPPED, root)}
    listed = pins(ALL if with_development else SHIPPED, root)
    components = {pin.name: shipped.get(pin.name) or _package(pin, found[pin.name]) for pin in listed}
    if debian is not None:
        programs = [_debian(fields) for fields in debian]
    else:
        programs = [
            _program(name, each) for name, each in PROGRAMS.items() if each.is_shipped or with_development
        ]
    made = Bom(components=[*components.values(), *programs])
    made.metadata.tools.components.add(this_component())
    made.metadata.component = ours = _ringback(root)
    needs: dict[str, list[Component]] = {}
    for pin in listed:
        for needer in pin.needed_by:
            name = ours.name if needer.startswith(REQUIRED_BY_US) else needer
            needs.setdefault(name, []).append(components[pin.name])
    made.register_dependency(ours, [*needs.get(ours.name, []), *programs])
    for name, component in components.items():
        made.register_dependency(component, needs.get(name, []))
    return made


def _ringback(root: Path) -> Component:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        bom_ref=project["name"],
        description=project["description"],
        properties=_commit(root),
    )


def _package(pin: Pin, licence: Licence) -> Component:
    told = LicenseAcknowledgement.CONCLUDED if licence.is_declared else LicenseAcknowledgement.DECLARED
    purl = PackageURL(type="pypi", name=pin.name, version=pin.version)
    # The address of a file differs from registry to registry, its hash does not.
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="one of the files with these hashes is installed",
        hashes=[HashType(alg=ALGORITHMS[algorithm], content=digest) for algorithm, digest in pin.hashes],
    )
    marker = [Property(name=f"{OURS}only-if", value=pin.marker)] if pin.marker else []
    if not licence.is_shipped:
        scope = ComponentScope.EXCLUDED
    else:
        scope = ComponentScope.OPTIONAL if pin.marker else ComponentScope.REQUIRED
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        scope=scope,
        licenses=[LicenseFactory().make_from_string(licence.expression, license_acknowledgement=told)],
        external_references=[files],
        properties=marker,
    )


def _program(name: str, program: Program) -> Component:
    version = debian_version(name)
    return Component(
        name=name,
        version=version or None,
        type=ComponentType.APPLICATION,
        bom_ref=f"program:{name}",
        purl=PackageURL(type="deb", namespace="debian", name=name, version=version or None),
        scope=ComponentScope.REQUIRED if program.is_shipped else ComponentScope.EXCLUDED,
        licenses=[LicenseFactory().make_from_string(program.licence)],
        description=program.does,
        properties=[Property(name=f"{OURS}runs-as", value="separate program")],
    )


def _debian(fields: Mapping[str, str]) -> Component:
    """A package of an image, so that a scanner finds it and its source; licences lie in the image itself."""
    name, version = fields["Package"], fields["Version"]
    qualifiers = {"arch": fields["Architecture"]}
    if "Source" in fields:
        # «name (version)» if the source has another version than the package.
        source, _, other = fields["Source"].partition(" ")
        qualifiers["upstream"] = f"{source}@{other.strip('()') or version}"
    purl = PackageURL(type="deb", namespace="debian", name=name, version=version, qualifiers=qualifiers)
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION if name in PROGRAMS else ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        scope=ComponentScope.REQUIRED,
        licenses=[LicenseFactory().make_from_string(PROGRAMS[name].licence)] if name in PROGRAMS else [],
        description=fields.get("Description", "").partition("\n")[0] or None,
    )


def debian_version(package: str) -> str:
    """The version of an installed Debian package; empty if it, or dpkg, is not here."""
    if shutil.which("dpkg-query") is None:
        return ""
    argv = ["dpkg-query", "--show", "--showformat=${Version}", package]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def _commit(root: Path) -> Iterable[Property]:
    """The commit that the bill is of, if the tree is a git one."""
    argv = ["git", "-C", str(root), "rev-parse", "HEAD"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return [Property(name=f"{OURS}commit", value=done.stdout.strip())] if done.returncode == 0 else []


def validated(made: Bom) -> str:
    """The bill as JSON. Raises NotValid if it does not fit the schema that the library brings."""
    text = make_outputter(made, OutputFormat.JSON, VERSION).output_as_string(indent=2)
    check(text)
    return text


def check(text: str) -> None:
    """Raise NotValid if a text is no bill of our schema version."""
    error = JsonStrictValidator(VERSION).validate_str(text)
    if error is not None:
        raise NotValid(str(error.data))


def main(argv: list[str]) -> int:
    """Write the bill, or fail and write nothing if it is not valid."""
    parser = argparse.ArgumentParser(prog="python -m devtools sbom", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / FILE, help=f"the file to write ({FILE})")
    parser.add_argument(
        "--development", action="store_true", help="also what only development and tests need"
    )
    options = parser.parse_args(argv)
    try:
        made = bill(with_development=options.development)
        text = validated(made)
    except NotValid as problem:
        print(f"sbom: not written, it does not fit the schema: {problem}", file=sys.stderr)
        return 1
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text + "\n", encoding="utf-8")
    print(f"sbom: {len(made.components)} components, valid CycloneDX {VERSION.to_version()}: {options.out}")
    return 0
