"""Makes full samples of every stored record, and a whole snapshot of every decider, as bytes.

They are in tests/golden/records and never change: every version must load what an earlier one stored. A
record that gains a field gets a new sample beside the older ones, with the next number; so does a snapshot.
`make schemas` writes them.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.ids import Instant, OrganizationId
from devtools import samples
from runtime.decision import Decider
from runtime.host import snapshots
from runtime.host.numbering import RECORD_NAME, Numbers
from runtime.host.organizations import Mark, encoded_mark
from runtime.ports import Outgoing, Position
from runtime.records import Record, Table

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "tests" / "golden" / "records"
SNAPSHOT: Final = "snapshot"
ORGANIZATION: Final = OrganizationId("organization-1")
HOST: Final = Table("host", Numbers, None)


def deciders() -> tuple[Decider[Any], ...]:
    """Every service that stores records."""
    paths = sorted((ROOT / "services").glob("*/service.py"))
    found = (importlib.import_module(f"services.{path.parent.name}.service").SERVICE for path in paths)
    return tuple(each for each in found if isinstance(each, Decider))


def tables() -> dict[str, Table[Any]]:
    """Every table of every decider, and the host's own, by `service/table`."""
    found: dict[str, Table[Any]] = {"host/numbers": HOST}
    for decider in deciders():
        for name, table in decider.new_state().tables.items():
            found[f"{decider.name}/{name}"] = table
    return found


def sample(table: Table[Any]) -> bytes:
    """One record of a table with every field filled, in stored form."""
    record = samples.filled(table.record_type)
    assert isinstance(record, Record)
    return table.encoded(record)


def snapshot(decider: Decider[Any]) -> snapshots.Snapshot:
    """A partition with one organization that has a record in every table, is parked, and owes an output."""
    records = {RECORD_NAME: sample(HOST)}
    for name, table in decider.new_state().tables.items():
        record = samples.filled(table.record_type)
        records[f"{name}/{getattr(record, table.record_type.__struct_fields__[0])}"] = sample(table)
    mark, position, outgoing = (samples.filled(each) for each in (Mark, Position, Outgoing))
    assert isinstance(mark, Mark)
    assert isinstance(position, Position)
    assert isinstance(outgoing, Outgoing)
    return snapshots.Snapshot(
        snapshots.FORMAT,
        position,
        {ORGANIZATION: records},
        {ORGANIZATION: Instant(samples.SAMPLE_AT)},
        {ORGANIZATION: encoded_mark(mark)},
        (outgoing,),
    )


def kept(name: str, folder: Path = FOLDER) -> list[Path]:
    """The files with samples of a name, the oldest first."""
    found = []
    for number in range(1, 1000):
        path = folder / f"{name}.{number}.bin"
        if not path.exists():
            break
        found.append(path)
    return found


def new_samples(folder: Path = FOLDER) -> dict[Path, bytes]:
    """The samples that have no file yet, each with its file's path."""
    wanted = {}
    for name, data, is_kept in _all(folder):
        if not is_kept:
            wanted[folder / f"{name}.{len(kept(name, folder)) + 1}.bin"] = data
    return wanted


def _all(folder: Path) -> Iterator[tuple[str, bytes, bool]]:
    for name, table in tables().items():
        data = sample(table)
        yield name, data, any(path.read_bytes() == data for path in kept(name, folder))
    for decider in deciders():
        made, name = snapshot(decider), f"{decider.name}/{SNAPSHOT}"
        # Compare decompressed contents: another zlib may compress to different bytes.
        is_kept = any(snapshots.decoded(path.read_bytes(), name) == made for path in kept(name, folder))
        yield name, snapshots.encoded(made), is_kept


def fields(table: Table[Any]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a table's records, in the order in which they are stored."""
    return msgspec.structs.fields(table.record_type)
