"""What the operator of a PBX decides and no office says: trunks, other PBXs' addresses, who may dial what.

A YAML file, because passwords of trunks must not stand on a command line. Every scalar is read as text, so
that `010` keeps its zero.
"""

import stat
from pathlib import Path
from typing import Final

import msgspec
import yaml
from msgspec import Struct

from ringback.pbx_files.plan import Fallback, OutsideRule, PlannedTrunk

FILE_BYTES_MAX: Final = 100_000
"""A hundred trunks take a tenth of this."""
TRUNKS_MAX: Final = 20


class OperatorFileRefused(Exception):
    """The file can't be used; the message says where and why, and never a secret."""


class OperatorFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PBX, as its operator connects it. Every part may be left out."""

    app: str = "ringback"
    """The ARI application, as in the PBX's address in RINGBACK_PBXS."""
    trunks: tuple[PlannedTrunk, ...] = ()
    peers: dict[str, str] = {}
    """Other PBXs of the organization: id → host or host:port."""
    outside: tuple[OutsideRule, ...] = ()
    outside_number: str | None = None
    """None: the PBX's first number."""
    fallback: Fallback = Fallback()
    qualify_s: int = 30
    media_address: str = ""


def read(path: Path) -> OperatorFile:
    """Read the file. Raises OperatorFileRefused."""
    try:
        with path.open("rb") as opened:
            mode = path.stat().st_mode
            content = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise OperatorFileRefused(f"{path}: {error.strerror or error}") from error
    if len(content) > FILE_BYTES_MAX:
        raise OperatorFileRefused(f"{path}: longer than {FILE_BYTES_MAX} bytes")
    found = _decoded(path, content)
    if len(found.trunks) > TRUNKS_MAX:
        raise OperatorFileRefused(f"{path}: more than {TRUNKS_MAX} trunks")
    if any(trunk.password for trunk in found.trunks) and mode & stat.S_IRWXO:
        raise OperatorFileRefused(f"{path} has a password, and everybody can read it: chmod o= {path}")
    return found


def _decoded(path: Path, content: bytes) -> OperatorFile:
    try:
        # BaseLoader makes texts, lists and mappings only: nothing in the file can do anything.
        document = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f":{mark.line + 1}"
        raise OperatorFileRefused(f"{path}{where}: {getattr(error, 'problem', None) or 'no YAML'}") from error
    except UnicodeDecodeError as error:
        raise OperatorFileRefused(f"{path}: no UTF-8") from error
    try:
        return msgspec.convert(document or {}, OperatorFile, strict=False)
    except msgspec.ValidationError as error:
        raise OperatorFileRefused(f"{path}: {error}") from error
