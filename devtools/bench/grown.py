"""A separate process that prints by how many bytes its resident memory grows with the given places.

python -m devtools.bench.grown facts 25000
python -m devtools.bench.grown records FILE
"""

import gc
import sys
from pathlib import Path

import msgspec

from devtools.bench import prepared
from devtools.bench.machine import rss_bytes

ARRIVALS_A_WRITE = 100
"""A host writes after each batch and then forgets its changes."""


def by_facts(waiting: int) -> int:
    """Make places from facts: callers arrive one after the other."""
    traffic = prepared.filled(100)
    gc.collect()
    before = rss_bytes()
    while len(traffic.state.places) < waiting + 100:
        for _ in range(ARRIVALS_A_WRITE):
            traffic.arrive()
        for table in traffic.state.tables.values():
            table.take_changes()
    gc.collect()
    return rss_bytes() - before


def by_records(file: Path) -> int:
    """Make places from stored records, which are read all at once and become a state."""
    prepared.loaded(prepared.kept(prepared.filled(100)).records)
    gc.collect()
    before = rss_bytes()
    records: dict[str, bytes] = msgspec.msgpack.decode(file.read_bytes(), type=dict[str, bytes])
    organization = prepared.loaded(records)
    del records
    gc.collect()
    grown = rss_bytes() - before
    del organization
    return grown


def main(argv: list[str]) -> int:
    """Print the bytes."""
    print(by_facts(int(argv[1])) if argv[0] == "facts" else by_records(Path(argv[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
