"""Plays one morning and prints a digest of its log and records: `python -m tests.sim.fingerprint 7`.

With the name of a planted bug as second argument, that bug is planted first.
"""

import hashlib
import logging
import sys

import pytest
import structlog

from contracts import codec
from tests.sim.mutants import MUTANTS
from tests.sim.world import STORMY, Run, simulate


def fingerprint(run: Run) -> str:
    """A digest of the log, in its order, and of every record in the stores."""
    digest = hashlib.sha256()
    for said in run.facts:
        # A gateway's claim has a random name; everything else repeats.
        value = b"" if said.envelope.type == "gateway.pbx_claimed" else codec.encode(said.fact)
        digest.update(f"{said.offset} {said.at} {said.envelope.type} ".encode() + value)
    for sent in run.commands:
        digest.update(sent.envelope.id.encode() + codec.encode(sent.command))
    for name, store in sorted(run.stores.items()):
        for organization_id, records in sorted(store.stored[0].records.items()):
            for key, data in sorted(records.items()):
                digest.update(f"{name} {organization_id} {key} ".encode() + data)
    return digest.hexdigest()


def main(seed: int, mutant: str) -> None:
    """Print the digest."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with pytest.MonkeyPatch.context() as patch:
        for plant in MUTANTS:
            if plant.__name__ == mutant:
                plant(patch)
        print(fingerprint(simulate(seed, STORMY)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
