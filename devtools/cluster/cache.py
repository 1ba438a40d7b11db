"""A cluster's programs in a cache outside the tree, each part in a folder named by the hash of its recipe.

A part that is there is complete: it is made beside its place and renamed. A recipe that changes gets a new
folder, so that two trees can use one cache.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ringback.stack.process import StackError
from runtime import private_files

Say = Callable[[str], None]


class NoPrograms(StackError):
    """A cluster's programs can't be had on this machine; the message says which, why, and what to do."""


def say_on_stderr(line: str) -> None:
    """Progress for a person who waits."""
    print(f"cluster: {line}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Part:
    """Programs or files that are made together; `recipe` is all that they depend on."""

    name: str
    recipe: bytes
    make: Callable[[Path, Say], None]
    """Fills an empty folder. Raises NoPrograms."""
    costs: str
    """What making it takes, for the person who waits."""

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return _cache() / f"{self.name}-{hashlib.sha256(self.recipe).hexdigest()[:16]}"

    def is_cached(self) -> bool:
        """Whether it is there already."""
        return self.folder.exists()

    def fetched(self, say: Say = say_on_stderr) -> Path:
        """Its folder, made now if it is not there. Raises NoPrograms."""
        try:
            private_files.folder(_cache())
            # Two runs may come here at once: the second one waits, and finds it.
            with (_cache() / f"{self.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self.is_cached():
                    self._make(say)
        except OSError as error:
            raise NoPrograms(f"{self.name} can't be kept in {_cache()}: {error}") from error
        return self.folder

    def _make(self, say: Say) -> None:
        beside = self.folder.with_suffix(".part")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        # Containers run as other users, and must be able to read what is mounted into them.
        beside.chmod(0o755)
        began = time.monotonic()
        say(f"{self.name} is not in the cache; making it, once ({self.costs})")
        self.make(beside, say)
        beside.rename(self.folder)
        say(f"{self.name} is ready after {time.monotonic() - began:.0f} s, in {self.folder}")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringback" / "cluster"
