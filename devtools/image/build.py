"""Builds the image of a tree once, and keeps its archive and its bill of materials beside it."""

import fcntl
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devtools import sbom
from devtools.image import archive, base, engine, machine
from devtools.image.archive import Built
from devtools.image.engine import ImageFailed
from ringback.stack.services import ROOT

ARCHIVES_MAX: Final = 3
"""This image, the one before it, and that of the last release: each takes half a gigabyte."""


def built(wanted: str = base.PUBLIC, *, is_fresh: bool = False, root: Path = ROOT) -> Built:
    """The image of a tree, which is built if it is not there. Raises ImageFailed.

    `wanted` is the base; `is_fresh` builds every layer anew. The image is in the store of its builder, too.
    Only that of this tree has a bill of materials, which needs the tree's own packages installed.
    """
    image = archive.named(wanted, root)
    image.archive.parent.mkdir(parents=True, exist_ok=True)
    with _alone(image.archive.parent):
        if is_fresh or not (image.archive.exists() and (root != ROOT or image.sbom.exists())):
            _build(image, wanted, root, is_fresh=is_fresh)
        # Those that were not used for longest are forgotten.
        image.archive.touch()
        _forget_older()
    return image


def built_of(commit: str) -> Built:
    """The image of an earlier commit of this repository, by its own Containerfile. Raises ImageFailed."""
    with tempfile.TemporaryDirectory(prefix="ringback-tree-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", "--format=tar", commit], check=False, capture_output=True
        )
        if packed.returncode != 0:
            raise ImageFailed(f"git has no commit {commit} here: {packed.stderr.decode().strip()}")
        subprocess.run(["tar", "--extract", f"--directory={tree}"], input=packed.stdout, check=True)
        return built(root=tree)


def show(image: Built) -> None:
    """Print where the image is, and what its parts take."""
    parts = archive.layers(image.archive)
    for part in parts:
        print(f"image: {part.size_bytes / 1e6:6.1f} MB  {' '.join(part.made_by.split())[:90]}")
    print(f"image: {sum(part.size_bytes for part in parts) / 1e6:6.1f} MB unpacked: {image.reference}")
    print(f"image: archive {image.archive}")
    print(f"image: bill of materials {image.sbom}")


def version(root: Path = ROOT) -> str:
    """Ringback's version in a tree."""
    told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return str(told["project"]["version"])


def _build(image: Built, wanted: str, root: Path, *, is_fresh: bool) -> None:
    builder = engine.found()
    began = time.monotonic()
    here = base.available(wanted, builder, is_fresh=is_fresh)
    print(f"image: {builder.name} builds {image.reference} on {here}", flush=True)
    key = image.reference.rpartition(":")[2]
    arguments = {
        "BASE": here,
        "VERSION": version(root),
        "REVISION": _revision(root),
        "BUILD": f"{version(root)}-{key}",
    }
    # The version's own name is of the tree that somebody works on.
    tags = [image.reference, *([f"{archive.REPOSITORY}:{version()}"] if root == ROOT else [])]
    with tempfile.TemporaryDirectory(prefix="ringback-image-") as folder:
        builder.build(
            root,
            root / "Containerfile",
            tags,
            arguments=arguments,
            secrets=machine.secrets(Path(folder), here),
            is_fresh=is_fresh,
        )
    if archive.named(wanted, root) != image:
        raise ImageFailed("the tree was changed while its image was built: build it again")
    built_s = time.monotonic() - began
    part = image.archive.with_suffix(".part")
    part.unlink(missing_ok=True)
    builder.save(image.reference, part)
    if root == ROOT:
        made = sbom.bill(debian=archive.packages(part))
        image.sbom.write_text(sbom.validated(made) + "\n", encoding="utf-8")
    part.rename(image.archive)
    print(f"image: built in {built_s:.0f} s, saved in {time.monotonic() - began - built_s:.0f} s", flush=True)


def _revision(root: Path) -> str:
    """The commit that is built; empty outside of git."""
    argv = ["git", "-C", str(root), "rev-parse", "HEAD"]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def _forget_older() -> None:
    """Remove the archives beyond the newest, with their bills."""
    kept = sorted(archive.cache().glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[ARCHIVES_MAX:]:
        path.unlink()
        path.with_suffix(".cdx.json").unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two builds at once would write one archive."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
