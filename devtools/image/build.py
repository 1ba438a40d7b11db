"""Builds the image of this tree once, and keeps its archive and its bill of materials beside it."""

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

ARCHIVES_MAX: Final = 2
"""This image and the one before it, for an upgrade and a rollback: each takes half a gigabyte."""


def built(wanted: str = base.PUBLIC, *, is_fresh: bool = False) -> Built:
    """The image of this tree, which is built if it is not there. Raises ImageFailed.

    `wanted` is the base; `is_fresh` builds every layer anew. The image is in the store of its builder, too.
    """
    image = archive.named(wanted)
    image.archive.parent.mkdir(parents=True, exist_ok=True)
    with _alone(image.archive.parent):
        if is_fresh or not (image.archive.exists() and image.sbom.exists()):
            _build(image, wanted, is_fresh=is_fresh)
            _forget_older()
    return image


def show(image: Built) -> None:
    """Print where the image is, and what its parts take."""
    parts = archive.layers(image.archive)
    for part in parts:
        print(f"image: {part.size_bytes / 1e6:6.1f} MB  {' '.join(part.made_by.split())[:90]}")
    print(f"image: {sum(part.size_bytes for part in parts) / 1e6:6.1f} MB unpacked: {image.reference}")
    print(f"image: archive {image.archive}")
    print(f"image: bill of materials {image.sbom}")


def version() -> str:
    """Ringback's version."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(told["project"]["version"])


def _build(image: Built, wanted: str, *, is_fresh: bool) -> None:
    builder = engine.found()
    began = time.monotonic()
    here = base.available(wanted, builder, is_fresh=is_fresh)
    print(f"image: {builder.name} builds {image.reference} on {here}", flush=True)
    key = image.reference.rpartition(":")[2]
    arguments = {
        "BASE": here,
        "VERSION": version(),
        "REVISION": _revision(),
        "BUILD": f"{version()}-{key}",
    }
    tags = [image.reference, f"{archive.REPOSITORY}:{version()}"]
    with tempfile.TemporaryDirectory(prefix="ringback-image-") as folder:
        builder.build(
            ROOT,
            ROOT / "Containerfile",
            tags,
            arguments=arguments,
            secrets=machine.secrets(Path(folder), here),
            is_fresh=is_fresh,
        )
    if archive.named(wanted) != image:
        raise ImageFailed("the tree was changed while its image was built: build it again")
    built_s = time.monotonic() - began
    part = image.archive.with_suffix(".part")
    part.unlink(missing_ok=True)
    builder.save(image.reference, part)
    made = sbom.bill(debian=archive.packages(part))
    image.sbom.write_text(sbom.validated(made) + "\n", encoding="utf-8")
    part.rename(image.archive)
    print(f"image: built in {built_s:.0f} s, saved in {time.monotonic() - began - built_s:.0f} s", flush=True)


def _revision() -> str:
    """The commit that is built; empty outside of git."""
    argv = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
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
