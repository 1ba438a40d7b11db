"""Known vulnerabilities of pinned packages, from a service over the network or from OSV records in a file.

A source *answers* for a package if it knows of it, with vulnerabilities or without. pip-audit itself says «no
known vulnerabilities» and ends with 0 where its service knows no package at all; here that is no answer.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from devtools.pins import Pin

SERVICES: Final = ("pypi", "osv")
"""pip-audit's names of the services, in the order in which they are asked."""
CONNECT_S_MAX: Final = 10
"""A service that is silent for longer is taken for unreachable."""
AUDIT_S_MAX: Final = 600
"""A whole audit: some hundred requests, one after the other."""
RECORDS_AGE_MAX: Final = timedelta(days=30)
"""Records whose newest is older say nothing of today: among those of PyPI some change daily."""
RECORDS_MIN: Final = 1000
"""Fewer are a part of OSV's records of PyPI, which were more than ten thousand in 2026."""
ECOSYSTEM: Final = "PyPI"


class Vulnerability(NamedTuple):
    """One known vulnerability of a pinned package; `ids` begins with its own id, its other names follow."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


class Answer(NamedTuple):
    """The packages that a source answered for, their vulnerabilities, and why it is silent on the rest."""

    source: str
    answered: frozenset[str] = frozenset()
    found: tuple[Vulnerability, ...] = ()
    silent_because: str = ""


class Event(msgspec.Struct):
    """Where a range of versions begins or ends."""

    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""


class Range(msgspec.Struct):
    """Affected versions between events."""

    type: str
    events: list[Event] = []


class AffectedPackage(msgspec.Struct):
    """The name of a package in an ecosystem."""

    ecosystem: str
    name: str


class Affected(msgspec.Struct):
    """The affected versions of one package, listed or as ranges."""

    package: AffectedPackage | None = None
    ranges: list[Range] = []
    versions: list[str] = []


class Record(msgspec.Struct):
    """What we read of a record in OSV's format (schema 1.x)."""

    id: str
    modified: datetime
    withdrawn: datetime | None = None
    aliases: list[str] = []
    affected: list[Affected] = []


RECORD: Final = msgspec.json.Decoder(Record)


def from_service(pins: Sequence[Pin], service: str, *, osv_url: str = "") -> Answer:
    """Ask a service with pip-audit. All pins are asked for, also those of other platforms."""
    with tempfile.TemporaryDirectory() as folder:
        listed, out = Path(folder) / "pinned.txt", Path(folder) / "answers.json"
        listed.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
        argv = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(listed)]
        argv += ["--format", "json", "--output", str(out), "--desc", "off", "--aliases", "on"]
        argv += ["--progress-spinner", "off", "--timeout", str(CONNECT_S_MAX)]
        argv += ["--vulnerability-service", service, *(["--osv-url", osv_url] if osv_url else [])]
        try:
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=AUDIT_S_MAX)
        except subprocess.TimeoutExpired:
            return Answer(service, silent_because=f"it took longer than {AUDIT_S_MAX} s")
        try:
            told = json.loads(out.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError):
            last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
            return Answer(service, silent_because=last)
    return _told(service, told)


def _told(service: str, packages: list[dict[str, Any]]) -> Answer:
    """The answer in pip-audit's own words."""
    answered = [each for each in packages if "skip_reason" not in each]
    reasons = [str(each["skip_reason"]) for each in packages if "skip_reason" in each]
    found = [
        Vulnerability(
            canonicalize_name(each["name"]),
            each["version"],
            (vulnerability["id"], *vulnerability.get("aliases", [])),
            tuple(vulnerability["fix_versions"]),
        )
        for each in answered
        for vulnerability in each["vulns"]
    ]
    names = frozenset(canonicalize_name(each["name"]) for each in answered)
    return Answer(service, names, tuple(found), reasons[0] if reasons else "")


def from_records(
    pins: Sequence[Pin], path: Path, today: datetime, *, records_min: int = RECORDS_MIN
) -> Answer:
    """Look through OSV records: a folder of *.json, or a zip as OSV publishes one for each ecosystem."""
    by_name = {pin.name: pin for pin in pins}
    found: list[Vulnerability] = []
    modified: list[datetime] = []
    source = f"the records in {path.name}"
    try:
        for record in _records(path):
            affected = [each for each in record.affected if _is_of_python(each)]
            if affected:
                modified.append(record.modified)
            if record.withdrawn is None:
                found += _matches(record, affected, by_name)
    except (OSError, zipfile.BadZipFile, msgspec.MsgspecError) as error:
        return Answer(source, silent_because=f"can't be read: {error}")
    if len(modified) < records_min:
        return Answer(source, silent_because=f"only {len(modified)} are of {ECOSYSTEM}, a part of all")
    newest = max(modified)
    if today - newest > RECORDS_AGE_MAX:
        return Answer(source, silent_because=f"the newest is of {newest:%Y-%m-%d}, too old")
    told = f"{len(modified)} records in {path.name}, the newest of {newest:%Y-%m-%d}"
    return Answer(told, frozenset(by_name), tuple(_once(found)))


def _once(found: Iterable[Vulnerability]) -> Iterator[Vulnerability]:
    """Each vulnerability once: there may be a record for each of its names."""
    seen: set[tuple[str, str]] = set()
    for each in sorted(found):
        names = {(each.package, name) for name in each.ids}
        if not names & seen:
            yield each
        seen |= names


def _records(path: Path) -> Iterator[Record]:
    if path.is_dir():
        for file in sorted(path.glob("**/*.json")):
            yield RECORD.decode(file.read_bytes())
    else:
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                yield RECORD.decode(packed.read(name))


def _is_of_python(affected: Affected) -> bool:
    return affected.package is not None and affected.package.ecosystem == ECOSYSTEM


def _matches(record: Record, affected: list[Affected], pins: dict[str, Pin]) -> Iterator[Vulnerability]:
    for each in affected:
        pin = pins.get(canonicalize_name(each.package.name)) if each.package else None
        if pin is not None and is_affected(pin.version, each):
            fixed = [event.fixed for one in each.ranges for event in one.events if event.fixed]
            yield Vulnerability(pin.name, pin.version, (record.id, *record.aliases), tuple(fixed))


def is_affected(version: str, affected: Affected) -> bool:
    """Whether a version is among those affected, as OSV's schema says: listed, or inside a range."""
    ranges = [each for each in affected.ranges if each.type == "ECOSYSTEM"]
    return _same(version, affected.versions) or any(_is_inside(Version(version), each) for each in ranges)


def _same(version: str, versions: list[str]) -> bool:
    """Whether a list has a version, perhaps spelt otherwise («1.0» is «1.0.0»)."""
    if version in versions:
        return True
    for each in versions:
        try:
            if Version(each) == Version(version):
                return True
        except InvalidVersion:
            # Old packages have versions like «2004d», which no pin of ours can have.
            continue
    return False


def _is_inside(version: Version, versions: Range) -> bool:
    """Whether the last event at or before the version begins a range. An unreadable event counts as one."""
    ordered: list[tuple[Version, bool]] = []
    try:
        for event in versions.events:
            if event.introduced:
                ordered.append((Version(event.introduced), True))
            elif event.fixed:
                ordered.append((Version(event.fixed), False))
            elif event.last_affected and version > Version(event.last_affected):
                ordered.append((Version(event.last_affected), False))
    except InvalidVersion:
        return True
    # Events at one version stay in the record's order.
    ordered.sort(key=lambda event: event[0])
    return [begins for at, begins in ordered if at <= version][-1:] == [True]
