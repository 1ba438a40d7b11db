"""The base image: the public one, or, where no registry can be reached, one made of Debian's packages."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from devtools.image import engine, machine
from devtools.image.engine import Engine, ImageFailed

PUBLIC: Final = "debian:bookworm-slim"
REMEDY: Final = f"name a base that is here, BASE=NAME in place of {PUBLIC}"
CONTAINERFILE: Final = "FROM scratch\nADD base.tar /\n"
NOT_INSTALLED: Final = ("doc", "man", "info", "locale")
"""Folders of /usr/share that the image does without."""


def available(wanted: str, builder: Engine, *, is_fresh: bool) -> str:
    """The name of a base that is here now: the wanted one, or one made here. Raises ImageFailed."""
    if builder.has(wanted) and not is_fresh:
        return wanted
    if builder.pull(wanted) or builder.has(wanted):
        return wanted
    if wanted != PUBLIC:
        raise ImageFailed(f"the base {wanted} is not here, and can't be pulled")
    print(f"image: {wanted} can't be pulled; making a base of this machine's Debian packages", flush=True)
    return _made(builder, is_fresh=is_fresh)


def _made(builder: Engine, *, is_fresh: bool) -> str:
    if shutil.which("apt-get") is None:
        raise ImageFailed(f"this machine has no apt: {REMEDY}")
    # Also fetches the indexes, without which apt does not know whose a repository is.
    if shutil.which("mmdebstrap") is None or not machine.codename():
        engine.install("mmdebstrap")
    codename = machine.codename()
    if not codename:
        raise ImageFailed(f"this machine is no Debian: {REMEDY}")
    name = f"localhost/ringback-base:{codename}"
    if builder.has(name) and not is_fresh:
        return name
    with tempfile.TemporaryDirectory(prefix="ringback-base-") as folder:
        context = Path(folder)
        _bootstrap(codename, context)
        (context / "Containerfile").write_text(CONTAINERFILE, encoding="utf-8")
        builder.build(context, context / "Containerfile", [name], arguments={}, secrets={}, is_fresh=is_fresh)
    return name


def _bootstrap(codename: str, folder: Path) -> None:
    """Debian's smallest system with apt, as a tar, without a trace of this machine."""
    sources = folder / "sources.list"
    # Source packages are of no use to mmdebstrap.
    lines = [line for line in machine.apt_sources().splitlines() if line.startswith("deb ")]
    sources.write_text("\n".join(lines) + "\n", encoding="utf-8")
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in NOT_INSTALLED]
    engine.run(
        [
            *("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", *left_out),
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
            # It copies both from the machine; builders mount their own.
            '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
            '--customize-hook=rm -f "$1/etc/apt/sources.list" "$1/etc/apt/sources.list.d/"*',
            *(codename, str(folder / "base.tar"), str(sources)),
        ]
    )
    sources.unlink()
