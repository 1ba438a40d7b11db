"""Makes the environment: missing system packages, `.venv`, and hashed Python packages.

`make setup` starts it with the system's Python before anything is installed, so it uses only the standard
library. It repeats its work only after a change of a requirement file or of the Python behind `.venv`:
`.venv/READY` holds their hash.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "READY"
REQUIREMENTS = (ROOT / "requirements" / "uv.txt", ROOT / "requirements" / "dev.txt")

# Program → (Debian package, why). Everything else comes from PyPI with hashes.
SYSTEM_PROGRAMS = {
    "espeak-ng": ("espeak-ng", "speaks the notices, and the voices of the simulated phones"),
    "ffmpeg": ("ffmpeg", "turns recordings into MP3 and uploads into the canonical form"),
    "sox": ("sox", "brings speech to 8 kHz five times as fast as ffmpeg"),
    "spamassassin": ("spamassassin", "scores our letters as their readers' mail servers do, in the tests"),
    "redis-server": ("redis-server", "is the Redis with TLS, Sentinels and a cluster of the tests"),
    "chromium": (
        "chromium",
        "is the browser in which the tests walk through the console and see our letters",
    ),
    "systemd-analyze": ("systemd", "judges the units of deploy/systemd in the tests, and starts nothing"),
    "pg_ctlcluster": ("postgresql", "keeps the office's book and history in production, and so in the tests"),
}
# Program → (Debian package, its path there, why). Unpacked, since an installed one starts a server.
UNPACKED_PROGRAMS = {
    "promtool": ("prometheus", "usr/bin/promtool", "checks the alert rules and runs their tests"),
}
# Debian package → why. `make image` installs them where no builder of images is, `make setup` does not.
FOR_IMAGES = {
    "podman": "builds and runs images",
    "runc": "starts podman's containers, also with cgroups of version 1",
    "mmdebstrap": "makes the base image of Debian's packages where none can be pulled",
}
# A module of perl, and fonts, are no programs and can't be looked for as such.
FONTS = Path("/usr/share/fonts/truetype/liberation")
MIME_PARSER = Path("/usr/share/perl5/MIME/Parser.pm")


INDEX_S_MAX = 15
"""An index that is silent for longer is too slow for a hundred packages; also pip's timeout per try."""
OFFLINE = (
    "no package index answers, and what is here is not enough: connect this machine, or tell pip of an index "
    "or a folder of packages that it can reach (pip config set global.index-url … or global.find-links …)"
)


class SetupFailed(Exception):
    """The environment can't be made; the message says what to do."""


def missing_packages() -> dict[str, str]:
    """The missing Debian packages, each with the reason for it."""
    missing = {
        package: why for program, (package, why) in SYSTEM_PROGRAMS.items() if shutil.which(program) is None
    }
    # In Debian venv's pip is a separate package; without it `python3 -m venv` fails half-way.
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing["python3-venv"] = "makes the virtual environment"
    if not MIME_PARSER.exists():
        missing["libmime-tools-perl"] = "reads our letters in the tests, as a program of another make"
    if not FONTS.exists():
        missing["fonts-liberation"] = (
            "is what Chromium draws the console's pages with, as wide as people see them"
        )
    return missing


def install_packages(missing: dict[str, str]) -> None:
    """Install Debian packages with apt, with sudo when not root, saying which and why."""
    for package, why in missing.items():
        print(f"setup: system package {package} is missing: it {why}")
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise SetupFailed(f"this machine has no apt; install by hand: {' '.join(missing)}")
    prefix = as_root(command)
    print(f"setup: {' '.join([*prefix, command])}", flush=True)
    # With a package index that was never fetched (fresh image) a package looks unknown: fetch it first.
    run([*prefix, "apt-get", "update", "-qq"])
    run([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", *command.split(), "-qq"])


def as_root(command: str) -> list[str]:
    """What precedes a command that needs root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise SetupFailed(f"not root, and there is no sudo; run as root: {command}")
    return ["sudo"]


def unpack_programs() -> None:
    """Put missing programs of `UNPACKED_PROGRAMS` into `.venv/bin`; only tests need them."""
    for program, (package, path, why) in UNPACKED_PROGRAMS.items():
        wanted = VENV / "bin" / program
        if wanted.exists() or shutil.which(program) is not None:
            continue
        print(f"setup: unpacking {program} from the system package {package}: it {why}", flush=True)
        try:
            unpack(package, path, wanted)
        except SetupFailed as failure:
            # Everything else works without it, also on a machine that has no network.
            print(f"setup: {program} is missing, and tests that need it fail: {failure}", file=sys.stderr)


def unpack(package: str, path: str, wanted: Path) -> None:
    """Take one file out of a system package; apt verifies what it fetches."""
    if shutil.which("apt-get") is None:
        raise SetupFailed(f"this machine has no apt; install {wanted.name} by hand")
    with tempfile.TemporaryDirectory() as folder:
        archive = downloaded(package, Path(folder))
        run(["dpkg-deb", "--extract", str(archive), folder])
        shutil.move(Path(folder) / path, wanted)


def downloaded(package: str, folder: Path) -> Path:
    """A package's archive, fetched into a folder."""
    command = ["apt-get", "download", "-qq", package]
    if subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode != 0:
        # A package index that was never fetched (fresh image) names no address.
        run([*as_root("apt-get update"), "apt-get", "update", "-qq"])
        if subprocess.run(command, cwd=folder, check=False).returncode != 0:
            raise SetupFailed(f"this failed, see above: {' '.join(command)}")
    return next(folder.glob("*.deb"))


def run(argv: list[str]) -> None:
    """Run a command; a failure ends the set-up with a message that has the command."""
    if subprocess.run(argv, cwd=ROOT, check=False, env=environment()).returncode != 0:
        raise SetupFailed(f"this failed, see above: {' '.join(argv)}")


def environment() -> dict[str, str]:
    """The environment of the installers: uv installs into our `.venv` and nowhere else."""
    return {**os.environ, "VIRTUAL_ENV": str(VENV)}


def wanted_stamp() -> str:
    """What READY must contain: the hash of the requirement files."""
    digest = hashlib.sha256()
    for path in REQUIREMENTS:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_ready() -> bool:
    """Whether `.venv` works and was made from exactly these requirement files."""
    if not STAMP.exists() or STAMP.read_text(encoding="utf-8").strip() != wanted_stamp():
        return False
    # In a copied tree, or after an upgrade of Python, .venv no longer starts.
    python = VENV / "bin" / "python"
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def make_environment() -> None:
    """Create `.venv` if it does not work, and install exactly the hashed requirements."""
    python = VENV / "bin" / "python"
    STAMP.unlink(missing_ok=True)
    if (
        not python.exists()
        or subprocess.run([python, "-m", "pip", "-V"], check=False, capture_output=True).returncode != 0
    ):
        print(f"setup: creating .venv with Python {sys.version.split()[0]}", flush=True)
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    print("setup: installing the Python packages of requirements/dev.txt", flush=True)
    if index_answers(python):
        install_requirements(python)
    else:
        take_what_is_here(python)
    STAMP.write_text(wanted_stamp() + "\n", encoding="utf-8")
    print("setup: done", flush=True)


def index_answers(python: Path) -> bool:
    """Whether pip reaches its index. Asked once, since pip itself retries for each package."""
    asked = ["index", "versions", "uv", "--retries", "0", "--timeout", str(INDEX_S_MAX)]
    argv = [str(python), "-m", "pip", "--disable-pip-version-check", *asked]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, env=environment())
    # pip calls `index` experimental: a pip without it is not necessarily offline.
    return done.returncode == 0 or b"unknown command" in done.stderr


def take_what_is_here(python: Path) -> None:
    """Without an index, use installed packages, or those in a folder that pip is configured for."""
    for path in REQUIREMENTS:
        argv = [str(python), "-m", "pip", "install", "-q", "--no-index", "--require-hashes", "-r", str(path)]
        if (
            subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, env=environment()).returncode
            != 0
        ):
            raise SetupFailed(OFFLINE)


def install_requirements(python: Path) -> None:
    """Install the hashed requirements into `.venv`."""
    run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(REQUIREMENTS[0])])
    packages = ["install", "-q", "--require-hashes", "-r", str(REQUIREMENTS[1])]
    try:
        # As pip does by itself: what is not compiled now is compiled at each start of each process.
        run([str(VENV / "bin" / "uv"), "pip", *packages, "--compile-bytecode"])
    except SetupFailed:
        # uv does not read pip.conf: if that names a mirror, only pip finds the packages.
        print("setup: uv could not install them; trying pip, which is slower", flush=True)
        run([str(python), "-m", "pip", *packages])


def main(argv: list[str]) -> int:
    """Set up what is missing; silent if nothing is."""
    try:
        missing = missing_packages()
        if missing:
            install_packages(missing)
        if not is_ready():
            make_environment()
        unpack_programs()
    except SetupFailed as failure:
        print(f"setup: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
