"""Stops what `make up` started, and only that; logs and letters stay until the next `make up`."""

import argparse

from tools.stack.process import end_pid
from tools.up import STATE, running


def main(argv: list[str]) -> int:
    """End every process of the last `up` that is still alive, the last started first."""
    argparse.ArgumentParser(prog="python -m tools down", description=__doc__).parse_args(argv)
    alive = running()
    for entry in reversed(alive):
        end_pid(entry["pid"], entry["ticks"], entry["grace_s"])
        print(f"down: {entry['name']} ended")
    STATE.unlink(missing_ok=True)
    if not alive:
        print("down: nothing was up")
    return 0
