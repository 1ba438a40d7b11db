"""Packages of any Debian suite as files: apt with a state of its own, and nothing is installed.

apt checks the signatures with the machine's Debian keys, and asks the mirror that this machine uses.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

KEYS: Final = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
ANSWER_S_MAX: Final = 300
"""For each program: a mirror that sends nothing for so long is not waited for."""
ENGLISH: Final = {"LC_ALL": "C"}
"""What the programs print is read here."""
SILENCE_S_MAX: Final = 20
"""For each connection of apt."""


class NotHere(Exception):
    """A suite, or a program of Debian's, does not give what was asked for; the message says why."""


class Apt:
    """apt with a state of its own: nothing of the machine counts, and nothing of it changes."""

    def __init__(self, suite: str, work: Path) -> None:
        self._suite = suite
        self._work = work
        self._list = work / f"{suite}.list"
        self._lists = work / f"lists-{suite}"
        self._debs = work / f"debs-{suite}"

    def prepare(self) -> None:
        """Fetch the suite's index. Raises NotHere."""
        mirror, keys = _mirror(), _keys()
        for name in ("etc/apt.conf.d", "etc/preferences.d", "state", "cache/archives/partial"):
            (self._work / name).mkdir(parents=True, exist_ok=True)
        (self._lists / "partial").mkdir(parents=True, exist_ok=True)
        (self._work / "status").touch()
        self._list.write_text(f"deb [signed-by={keys}] {mirror} {self._suite} main\n", encoding="utf-8")
        self.get("update")

    def get(self, *words: str, folder: Path | None = None) -> str:
        """What apt-get prints. Raises NotHere."""
        return self._run("apt-get", *words, folder=folder)

    def shown(self, package: str) -> str:
        """The fields of a package, as apt-cache shows them. Raises NotHere."""
        return self._run("apt-cache", "show", package)

    def download(self, *packages: str) -> list[Path]:
        """Packages as files, anew: an unfinished set of earlier may be of another version. Raises NotHere."""
        shutil.rmtree(self._debs, ignore_errors=True)
        self._debs.mkdir()
        self.get("download", *packages, folder=self._debs)
        return sorted(self._debs.glob("*.deb"))

    def _run(self, program: str, *words: str, folder: Path | None = None) -> str:
        options = {
            "Dir::Etc": self._work / "etc",
            "Dir::Etc::SourceList": self._list,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State": self._work / "state",
            "Dir::State::Lists": self._lists,
            "Dir::State::status": self._work / "status",
            "Dir::Cache": self._work / "cache",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": SILENCE_S_MAX,
            "Acquire::https::Timeout": SILENCE_S_MAX,
            "APT::Install-Recommends": "false",
            # Without it apt, when root, becomes a user who may not enter the cache.
            "APT::Sandbox::User": "",
        }
        given = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        return output([program, "-q", *given, *words], folder or self._work)


def output(words: list[str], folder: Path | None = None) -> str:
    """What a program prints. Raises NotHere with its last words."""
    try:
        done = subprocess.run(
            words,
            check=False,
            capture_output=True,
            text=True,
            timeout=ANSWER_S_MAX,
            cwd=folder,
            env={**os.environ, **ENGLISH},
        )
    except subprocess.TimeoutExpired as error:
        raise NotHere(f"{words[0]} takes longer than {ANSWER_S_MAX} s") from error
    if done.returncode != 0:
        raise NotHere(f"{words[0]} says: {done.stderr.strip()[-300:]}")
    return done.stdout


def _mirror() -> str:
    """Where this machine gets Debian from."""
    form = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    found = [each for each in output(["apt-get", *form]).split() if "security" not in each]
    if not found:
        raise NotHere("apt knows no mirror of Debian here (run apt-get update once, if this is Debian)")
    return found[0]


def _keys() -> Path:
    """The keys that Debian's packages are signed with."""
    found = next((each for each in KEYS if each.exists()), None)
    if found is None:
        raise NotHere(f"{KEYS[0]}, with Debian's keys, is missing (Debian: debian-archive-keyring)")
    return found
