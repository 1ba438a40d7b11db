"""Programs of the chart's tests, in a cache outside the tree: each folder is named by what it is made of."""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path


def kept(name: str, recipe: bytes, make: Callable[[Path], None]) -> Path:
    """The folder of a program; `make` fills it once per recipe. Raises what `make` raises."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringback"
    folder = cache / f"{name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    # Two test workers may come here at once: the second one waits and finds the folder.
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            # Made beside and renamed, so that the named folder is always complete.
            beside = folder.with_suffix(".part")
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            print(f"charts: {name} is not in the cache; fetching it, once", file=sys.stderr, flush=True)
            make(beside)
            beside.rename(folder)
    return folder
