"""checkov, which looks for what is unsafe in Kubernetes' objects, in an environment of its own.

Its hundred packages, some pinned to the patch, would decide about the versions of ours.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from devtools.charts.cache import kept
from ringback.stack.process import StackError
from ringback.stack.services import ROOT

REQUIREMENTS: Final = ROOT / "requirements" / "checkov.txt"
FETCH_S_MAX: Final = 600
"""60 MB in a hundred packages."""
SCAN_S_MAX: Final = 800
"""Two profiles take some 13 s of a processor, which tests share with others."""


class Finding(NamedTuple):
    """One check that an object does not pass."""

    check: str
    """`CKV_K8S_…`."""
    what: str
    where: str
    """The object: `Pod.namespace.name`."""
    file: str


def python() -> Path:
    """The Python that has it. Raises StackError when it can't be installed."""
    recipe = REQUIREMENTS.read_bytes() + f"{sys.version} {sys.base_prefix}".encode()
    return kept("checkov", recipe, _install) / "bin" / "python"


def _install(folder: Path) -> None:
    own = folder / "bin" / "python"
    wanted = ["install", "-q", "--require-hashes", "-r", str(REQUIREMENTS)]
    _run([sys.executable, "-m", "venv", str(folder)])
    try:
        _run([sys.executable, "-m", "uv", "pip", *wanted, "--python", str(own)])
    except StackError:
        # uv does not read pip.conf: if that names a mirror, only pip finds the packages.
        _run([str(own), "-m", "pip", *wanted])


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=FETCH_S_MAX)
    if done.returncode != 0:
        raise StackError(f"checkov can't be installed from the package index:\n{done.stderr[-2000:]}")


def findings(files: Sequence[Path]) -> list[Finding]:
    """What is unsafe in files of objects. Raises StackError."""
    # A folder is run from by its Python: programs in it have the path of the folder that it was made in.
    argv = [str(python()), "-m", "checkov.main", "--framework", "kubernetes", "--skip-download"]
    argv += ["--compact", "--quiet", "-o", "json", *(word for file in files for word in ("-f", str(file)))]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=SCAN_S_MAX)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise StackError(f"checkov has no report: {done.stdout[-500:]}{done.stderr[-2000:]}") from None
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise StackError(f"checkov has not read the objects: {report['summary']}")
    return [
        Finding(each["check_id"], each["check_name"], each["resource"], each["file_path"].rpartition("/")[2])
        for each in report["results"]["failed_checks"]
    ]
