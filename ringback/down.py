"""Stops only what `make up` started; logs and letters stay until the next `make up`."""

import argparse
import sys

from ringback.stack.services import startable_names
from ringback.stack.signals import interrupted_by_signals
from ringback.up import JOURNAL


def main(argv: list[str]) -> int:
    """End every process of the last `up` that is still alive, the last started first."""
    argparse.ArgumentParser(prog="python -m ringback down", description=__doc__).parse_args(argv)
    alive = JOURNAL.alive()
    try:
        with interrupted_by_signals():
            # Services stop concurrently, since none needs another one to stop; then the parts that they use.
            for entry in alive:
                if entry.name in startable_names():
                    entry.ask_to_stop()
            for entry in reversed(alive):
                entry.end()
                print(f"down: {entry.name} ended")
    except KeyboardInterrupt:
        print("down: interrupted; `make down` again ends the rest", file=sys.stderr)
        return 1
    JOURNAL.forget()
    if not alive:
        print("down: nothing was running")
    return 0
