"""The pinned packages of requirements/*.txt: versions, hashes, and why each is there."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ringback.stack.services import ROOT

SHIPPED: Final = "requirements/base.txt"
"""What a production image has."""
ALL: Final = "requirements/dev.txt"
"""That, and what tests, checks and the embedded parts need."""
HASH: Final = re.compile(r"--hash=(\w+):([0-9a-f]+)")


class Pin(NamedTuple):
    """One package at its version; `marker` is empty if it is installed everywhere.

    `hashes` are pairs of algorithm and digest, one for each file that may be installed. `needed_by` names
    packages, or requirements/*.in as «-r requirements/base.in».
    """

    name: str
    version: str
    marker: str
    hashes: tuple[tuple[str, str], ...]
    needed_by: tuple[str, ...]


def pins(file: str, root: Path = ROOT) -> tuple[Pin, ...]:
    """The packages of a list that `make requirements` wrote, in its order."""
    text = (root / file).read_text(encoding="utf-8")
    return tuple(_pin(each) for each in re.split(r"^(?=[\w])", text, flags=re.MULTILINE) if "==" in each)


def _pin(paragraph: str) -> Pin:
    first, *rest = paragraph.splitlines()
    requirement = Requirement(first.removesuffix("\\"))
    remarks = [line.strip().removeprefix("#").strip() for line in rest if line.strip().startswith("#")]
    needed_by = [remark.removeprefix("via").strip() for remark in remarks]
    return Pin(
        name=canonicalize_name(requirement.name),
        version=next(iter(requirement.specifier)).version,
        marker=str(requirement.marker or ""),
        hashes=tuple(HASH.findall(paragraph)),
        needed_by=tuple(each for each in needed_by if each),
    )


def shipped_names(root: Path = ROOT) -> frozenset[str]:
    """The packages of a production image."""
    return frozenset(pin.name for pin in pins(SHIPPED, root))
