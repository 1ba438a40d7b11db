"""The program that builds images: docker where its engine answers, else podman, else buildah.

podman builds with buildah's code, and can also run what it built. All three read the same Containerfile.
"""

import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from devtools import setup

NAMES: Final = ("docker", "podman", "buildah")
PROCESSES_MAX: Final = 4_096
"""A service has some dozen threads and converters; a compiler a few."""


class ImageFailed(Exception):
    """The image can't be made; the message says what to do."""


class Engine(NamedTuple):
    """One of NAMES."""

    name: str

    @property
    def can_run(self) -> bool:
        """Whether it starts containers with a read-only root; buildah does not."""
        return self.name != "buildah"

    def limits(self) -> list[str]:
        """Options that keep podman and buildah within this machine's own limits of open files and processes.

        They ask for more than a machine may allow, and then start nothing. docker's engine has its own.
        """
        if self.name == "docker":
            return []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        return [f"--ulimit=nofile={soft}:{hard}", f"--ulimit=nproc={PROCESSES_MAX}:{PROCESSES_MAX}"]

    def build(
        self,
        context: Path,
        containerfile: Path,
        tags: Sequence[str],
        *,
        arguments: Mapping[str, str],
        secrets: Mapping[str, Path],
        is_fresh: bool,
    ) -> None:
        """Build an image. Raises ImageFailed."""
        argv = [self.name, "build", f"--file={containerfile}", *self.limits()]
        # The machine's own network, so that its mirrors and proxies are reached as by the machine itself.
        argv += [] if self.name == "docker" else ["--layers", "--network=host"]
        argv += ["--no-cache"] if is_fresh else []
        argv += [f"--tag={tag}" for tag in tags]
        argv += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        argv += [f"--secret=id={name},src={path}" for name, path in secrets.items()]
        run([*argv, str(context)])

    def confined(self) -> list[str]:
        """The start of a command that runs a container: read-only root, no capability, room in /tmp alone."""
        argv = [self.name, "run", "--rm", "--network=host", "--read-only", "--cap-drop=ALL", *self.limits()]
        argv += ["--security-opt=no-new-privileges", "--tmpfs=/tmp:rw,mode=1777,size=256m"]
        # podman alone puts writable memory over /run, /var/tmp and /dev/shm of a read-only root.
        return [*argv, "--read-only-tmpfs=false"] if self.name == "podman" else argv

    def save(self, tag: str, archive: Path) -> None:
        """Write an image as a docker archive, which `docker load` and `ctr images import` read."""
        match self.name:
            case "docker":
                run(["docker", "save", f"--output={archive}", tag])
            case "podman":
                run(["podman", "save", "--quiet", "--format=docker-archive", f"--output={archive}", tag])
            case _:
                run(["buildah", "push", "--quiet", tag, f"docker-archive:{archive}:{tag}"])

    def has(self, tag: str) -> bool:
        """Whether an image is here."""
        kind = [] if self.name == "buildah" else ["image"]
        what = ["--type=image"] if self.name == "buildah" else []
        return _succeeds([self.name, *kind, "inspect", *what, tag])

    def pull(self, tag: str) -> bool:
        """Fetch an image from its registry; False if that can't be done."""
        return _succeeds([self.name, "pull", "--quiet", tag])


def found(*, to_run: bool = False) -> Engine:
    """The engine of this machine; where there is none, podman is installed. Raises ImageFailed."""
    for name in NAMES:
        engine = Engine(name)
        if shutil.which(name) is None or (to_run and not engine.can_run):
            continue
        # The client alone builds nothing: its engine must run.
        if name != "docker" or _succeeds(["docker", "info"]):
            return engine
    install("podman", "runc")
    return Engine("podman")


def install(*packages: str) -> None:
    """Install Debian packages that only `make image` needs. Raises ImageFailed."""
    try:
        setup.install_packages({name: setup.FOR_IMAGES[name] for name in packages})
    except setup.SetupFailed as failure:
        raise ImageFailed(str(failure)) from failure


def run(argv: Sequence[str]) -> None:
    """Run a program to its end. Raises ImageFailed; what it printed stands above."""
    if subprocess.run(argv, check=False).returncode != 0:
        raise ImageFailed(f"this failed, see above: {' '.join(argv)}")


def _succeeds(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0
