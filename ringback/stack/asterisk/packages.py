"""Fetches Asterisk from Debian's packages into a cache outside the tree; nothing on the machine is installed.

Stable Debian has no Asterisk, so it comes from the first suite that has a supported version, with that
suite's own libraries, its loader among them. apt checks the signatures with the machine's Debian keys. About
22 MB are fetched, once; 60 MB stay on disk.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ringback.stack.debian import ENGLISH, Apt, NotHere, output
from ringback.stack.process import StackError
from runtime import private_files

SUITES: Final = ("forky", "sid")
LAYOUT: Final = 1
"""The number of what is unpacked, and how; with another number everything is unpacked anew."""
SUPPORTED: Final = {20: 14, 21: 9, 22: 4}
"""From which minor version on a major one takes REST requests on the WebSocket of events; later majors do."""
PROGRAMS: Final = ("apt-get", "apt-cache", "dpkg-deb", "tar")
LIBRARIES: Final = ("libc6", "libssl", "libsrtp2", "libcurl4", "libsqlite3", "libxml2", "zlib1g")
"""Of the many dependencies of asterisk-modules, those (by the start of their names) that our modules load."""
KEPT: Final = (
    "./usr/lib",
    "./usr/lib64",
    "./usr/sbin/asterisk",
    "./usr/share/asterisk/documentation",
    "./usr/share/asterisk/rest-api",
)
DROPPED: Final = ("*/gconv/*", "*/perl*", "*/systemd/*", "*/engines-3/*")

Say = Callable[[str], None]


class NoAsterisk(StackError):
    """Asterisk can't be had on this machine; the message says what was tried and why it failed."""


@dataclass(frozen=True, slots=True)
class Root:
    """An unpacked Asterisk: its folder, its version, and the suite that it is of."""

    folder: Path
    version: str
    suite: str

    @property
    def modules(self) -> Path:
        """The folder of its modules."""
        return self.libraries / "asterisk" / "modules"

    @property
    def libraries(self) -> Path:
        """The folder of its libraries, whose name has the machine's architecture."""
        return self._one("usr/lib/*-linux-gnu")

    @property
    def loader(self) -> Path:
        """The loader of its C library: with the machine's own one, its libraries would not be found."""
        return self._one("usr/lib64/ld-linux-*.so.*", "usr/lib/ld-linux-*.so.*", "usr/lib/*/ld-linux-*.so.*")

    def _one(self, *patterns: str) -> Path:
        for pattern in patterns:
            for found in sorted(self.folder.glob(pattern)):
                return found
        raise NoAsterisk(f"{self.folder} has no {patterns[0]}: remove that folder, to fetch it again")

    def command(self, configuration: Path, *words: str) -> list[str]:
        """The words that run its program."""
        return [*self.loading(self.folder / "usr/sbin/asterisk"), "-C", str(configuration), *words]

    def loading(self, program: Path, *more: Path) -> list[str]:
        """The words that run any program with its libraries, and with those of other folders behind them."""
        libraries = ":".join(map(str, (self.libraries, *more)))
        return [str(self.loader), "--library-path", libraries, "--argv0", program.name, str(program)]


def cache_folder() -> Path:
    """Where packages and what was unpacked stay."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringback" / "asterisk"


def is_supported(version: str) -> bool:
    """Whether a version takes REST requests on its WebSocket: «22.4.1», or Debian's «1:22.4.1+dfsg-1»."""
    numbers = version.rpartition(":")[2].replace("+", ".").replace("~", ".").split(".")
    if len(numbers) < 2 or not (numbers[0].isdigit() and numbers[1].isdigit()):
        return False
    major, minor = int(numbers[0]), int(numbers[1])
    return major > max(SUPPORTED) or minor >= SUPPORTED.get(major, minor + 1)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def fetched(say: Say = _to_stderr) -> Root:
    """The unpacked Asterisk, fetched if it is not there yet. Raises NoAsterisk."""
    cache = cache_folder()
    try:
        private_files.folder(cache)
        # Two test workers may come here at once: the second one waits, and finds it.
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return known() or _fetch(cache, say)
    except OSError as error:
        raise NoAsterisk(f"Asterisk can't be kept in {cache}: {error}") from error


def fetched_beside(root: Root, package: str, *libraries: str, say: Say = _to_stderr) -> Path:
    """Another package of the suite that this Asterisk is of, unpacked whole; raises NoAsterisk.

    `libraries` are those of its dependencies, by the start of their names, that `root` has not.
    """
    cache = cache_folder()
    folder = cache / f"{package}-{LAYOUT}"
    try:
        private_files.folder(cache)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                say(f"asterisk: fetching {package} from Debian {root.suite}, once")
                _fetch_beside(root.suite, package, libraries, folder)
    except (OSError, NotHere) as error:
        raise NoAsterisk(f"{package} of Debian {root.suite} can't be had: {error}") from error
    return folder


def known() -> Root | None:
    """What was fetched earlier."""
    folder = cache_folder() / f"root-{LAYOUT}"
    try:
        version, suite = (folder / "version").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    return Root(folder, version, suite)


def _fetch(cache: Path, say: Say) -> Root:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise NoAsterisk(f"Asterisk is fetched with Debian's {', '.join(missing)}, which this machine lacks")
    say("asterisk: fetching it from Debian, once; that takes about a minute")
    reasons = []
    for suite in SUITES:
        try:
            version = _fetch_from(suite, cache)
        except NotHere as failure:
            reasons.append(f"{suite}: {failure}")
        else:
            say(f"asterisk: fetched {version} of Debian {suite} into {cache}")
            return Root(cache / f"root-{LAYOUT}", version, suite)
    raise NoAsterisk("Asterisk can't be fetched; " + "; ".join(reasons))


def _fetch_from(suite: str, cache: Path) -> str:
    """Fetch and unpack from one suite; its version. Raises NotHere."""
    apt = Apt(suite, cache / "apt")
    apt.prepare()
    program, modules = apt.shown("asterisk"), apt.shown("asterisk-modules")
    version = _field(program, "Version")
    if not is_supported(version):
        oldest = ", ".join(f"{major}.{minor}" for major, minor in SUPPORTED.items())
        raise NotHere(f"it has Asterisk {version or 'of no kind'}, and needed is {oldest} or newer")
    wanted = sorted(_libraries(program, ("lib", "zlib")) | _libraries(modules, LIBRARIES))
    planned = apt.get("-s", "install", *wanted)
    libraries = [line.split()[1] for line in planned.splitlines() if line.startswith("Inst ")]
    debs = apt.download("asterisk", "asterisk-modules", *libraries)
    beside, folder = cache / f"root-{LAYOUT}.part", cache / f"root-{LAYOUT}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for deb in debs:
        _unpack(deb, beside)
    (beside / "version").write_text(f"{version} {suite}\n", encoding="utf-8")
    # The named folder is always complete; what lies there without a version was never finished.
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return version


def _fetch_beside(suite: str, package: str, libraries: tuple[str, ...], folder: Path) -> None:
    """Fetch a package and some of its libraries. Raises NotHere."""
    apt = Apt(suite, folder.parent / "apt")
    apt.prepare()
    wanted = _libraries(apt.shown(package), libraries)
    beside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    for deb in apt.download(package, *sorted(wanted)):
        output(["dpkg-deb", "--extract", str(deb), str(beside)])
    beside.rename(folder)


def _field(shown: str, name: str) -> str:
    """A field of the first package that apt-cache shows."""
    return next((line.partition(": ")[2] for line in shown.splitlines() if line.startswith(f"{name}: ")), "")


def _libraries(shown: str, wanted: tuple[str, ...]) -> set[str]:
    """The library packages that a package depends on; their names change from release to release."""
    names = (each.split("|")[0].split("(")[0].strip() for each in _field(shown, "Depends").split(","))
    return {name for name in names if name.startswith(wanted)}


def _unpack(deb: Path, folder: Path) -> None:
    """The files of one package that a running Asterisk reads. Raises NotHere."""
    chosen = [*(f"--exclude={each}" for each in DROPPED), "--no-same-owner", "-C", str(folder), "--wildcards"]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as reading:
        done = subprocess.run(
            ["tar", "-x", *chosen, *KEPT],
            stdin=reading.stdout,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **ENGLISH},
        )
    # Most packages have not all of what is kept, which tar calls an error.
    told = [line for line in done.stderr.splitlines() if "Not found in archive" not in line]
    real = [line for line in told if "previous errors" not in line]
    if real or reading.returncode != 0:
        raise NotHere(f"{deb.name} can't be unpacked: {real[0] if real else 'it is damaged'}")
