"""The archive of a built image: its name by what it is made of, and what its layers and packages are."""

import hashlib
import json
import os
import platform
import tarfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final, NamedTuple

from ringback.stack.services import ROOT

REPOSITORY: Final = "localhost/ringback"
"""Every engine and containerd understand this name in the same way."""
MADE_OF: Final = ("contracts", "ringback", "runtime", "services")
FILES: Final = ("Containerfile", ".containerignore", "requirements/base.txt", "pyproject.toml")
KEY_LENGTH: Final = 16
STATUS: Final = "var/lib/dpkg/status"
"""Debian's list of installed packages."""


class Built(NamedTuple):
    """An image of this tree that is on disk."""

    reference: str
    """Its name and tag, for `docker run` and a pod."""
    archive: Path
    """A docker archive, for `docker load`, `podman load` and `ctr images import`."""
    sbom: Path
    """Its bill of materials, CycloneDX."""


class Layer(NamedTuple):
    """One layer, unpacked."""

    made_by: str
    size_bytes: int


def named(base: str, root: Path = ROOT) -> Built:
    """What the image of this tree is called, whether it was built or not."""
    key = key_of(base, root)
    folder = cache()
    return Built(f"{REPOSITORY}:{key}", folder / f"{key}.tar", folder / f"{key}.cdx.json")


def cache() -> Path:
    """The folder of the archives, outside of the tree."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringback" / "images"


def key_of(base: str, root: Path = ROOT) -> str:
    """The hash of all that goes into an image: sources, requirements, Containerfile, base, machine."""
    digest = hashlib.sha256(f"{base}\0{platform.machine()}\0".encode())
    for path in sorted(_sources(root)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:KEY_LENGTH]


def _sources(root: Path) -> Iterator[Path]:
    yield from (root / name for name in FILES)
    for package in MADE_OF:
        for path in (root / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def config(archive: Path) -> dict[str, Any]:
    """The image's configuration: user, entry point, labels, history."""
    with tarfile.open(archive) as whole:
        return dict(_json(whole, _manifest(whole)["Config"]))


def layers(archive: Path) -> list[Layer]:
    """The layers from the bottom up; files that a higher layer replaces count twice, as on a disk."""
    with tarfile.open(archive) as whole:
        manifest = _manifest(whole)
        history = [
            each for each in _json(whole, manifest["Config"])["history"] if not each.get("empty_layer")
        ]
        sizes = [sum(member.size for member in _members(whole, name)) for name in manifest["Layers"]]
    made_by = [str(each.get("created_by", "")) for each in history]
    return [Layer(how, size) for how, size in zip(made_by, sizes, strict=True)]


def files(archive: Path) -> dict[str, tarfile.TarInfo]:
    """Every file of the image by its path without the leading slash, from the highest layer that has it."""
    with tarfile.open(archive) as whole:
        return {
            member.name.removeprefix("./").rstrip("/"): member
            for name in _manifest(whole)["Layers"]
            for member in _members(whole, name)
        }


def packages(archive: Path) -> list[dict[str, str]]:
    """The fields of each installed Debian package."""
    with tarfile.open(archive) as whole:
        for name in reversed(_manifest(whole)["Layers"]):
            with tarfile.open(fileobj=whole.extractfile(name)) as layer:
                listed = {member.name.removeprefix("./"): member for member in layer}
                if STATUS in listed:
                    text = _read(layer, listed[STATUS]).decode()
                    parsed = (HeaderParser().parsestr(each) for each in text.strip().split("\n\n"))
                    return [dict(each.items()) for each in parsed if "installed" in each["Status"].split()]
    raise KeyError(f"{archive} has no {STATUS}")


def _members(whole: tarfile.TarFile, name: str) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=whole.extractfile(name)) as layer:
        return layer.getmembers()


def _manifest(whole: tarfile.TarFile) -> dict[str, Any]:
    return dict(_json(whole, "manifest.json")[0])


def _json(whole: tarfile.TarFile, name: str) -> Any:
    return json.loads(_read(whole, whole.getmember(name)))


def _read(whole: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = whole.extractfile(member)
    assert file is not None, f"{member.name} is no file"
    return file.read()
