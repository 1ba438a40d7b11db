"""Starts the embedded parts and all services on loopback, and leaves them running (`make down` ends them).

State is in `.run/up/`: state.json (pids, addresses), env (the settings), logs/. An earlier run's are removed.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.stack.process import StackError, start_ticks
from tools.stack.services import ROOT
from tools.stack.stack import Entry, Stack

RUN = ROOT / ".run" / "up"
STATE = RUN / "state.json"


def running() -> list[dict[str, Any]]:
    """What an earlier `up` started and is still alive, in the order of its start."""
    if not STATE.exists():
        return []
    entries = json.loads(STATE.read_text(encoding="utf-8"))["processes"]
    return [entry for entry in entries if start_ticks(entry["pid"]) == entry["ticks"]]


def _write_state(stack: Stack) -> None:
    """Keep what `down` needs; written after every start, so that a failed `up` leaves nothing unknown."""
    processes = [
        {
            "name": entry.name,
            "address": entry.address,
            "pid": entry.process.pid,
            "ticks": start_ticks(entry.process.pid),
            "log": str(entry.process.log),
            "grace_s": entry.process.grace_s,
        }
        for entry in stack.entries
    ]
    beside = STATE.with_suffix(".new")
    beside.write_text(
        json.dumps({"run_id": stack.run_id, "processes": processes}, indent=1), encoding="utf-8"
    )
    beside.replace(STATE)


def name_addresses(file: Path, addresses: Mapping[str, str]) -> None:
    """DIRECTORY="http://…", one line a service, beside the settings: what a shell needs to ask them.

    And where `python -m tools apply` finds the directory. Values are quoted as the settings' are.
    """
    lines = {name.upper(): address for name, address in sorted(addresses.items())}
    if "directory" in addresses:
        lines["RINGBACK_DIRECTORY_URL"] = addresses["directory"]
    with file.open("a", encoding="utf-8") as env:
        env.writelines(f"{name}={json.dumps(value)}\n" for name, value in lines.items())


def _print_table(console: Console, stack: Stack) -> None:
    """What runs, where, and what to do next."""
    table = Table(title=f"Ringback, run {stack.run_id}")
    for column in ("part", "address", "log"):
        table.add_column(column, no_wrap=True)
    for entry in stack.entries:
        table.add_row(entry.name, entry.address, _short(entry.process.log))
    console.print(table)
    console.print(f"letters   {_short(stack.parts.smtp.letters)}")
    console.print(f"settings  {_short(RUN / 'env')}   (set -a; . {_short(RUN / 'env')}; set +a)")
    console.print("next      python -m tools apply examples/office.yaml · make down", highlight=False)


def _short(path: Path) -> str:
    """A path as seen from where the user stands, when it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def main(argv: list[str]) -> int:
    """Start the stack, unless one is up."""
    parser = argparse.ArgumentParser(prog="python -m tools up", description=__doc__)
    parser.add_argument("--parts-only", action="store_true", help="no services, only what they need")
    options = parser.parse_args(argv)
    alive = running()
    if alive:
        names = ", ".join(f"{entry['name']} (pid {entry['pid']})" for entry in alive)
        print(f"up: already up: {names}. Use `make down` first.", file=sys.stderr)
        return 1
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    console = Console()
    pbxs = {"RINGBACK_PBXS": os.environ.get("RINGBACK_PBXS", "{}")}

    def note(entry: Entry) -> None:
        console.print(f"up: {entry.name} answers at {entry.address}", highlight=False)
        _write_state(stack)

    stack = Stack(RUN, on_started=note)
    try:
        stack.start_parts()
        stack.create_topics()
        stack.write_env(RUN / "env")
        if not options.parts_only:
            # A gateway waits for its PBXs until they are in the book: whoever fills it would wait for ever.
            stack.start_services(extra={"gateway": pbxs}, not_awaited=("gateway",))
            addresses = {name: service.address for name, service in stack.services.items()}
            name_addresses(RUN / "env", addresses)
    except (StackError, KeyboardInterrupt) as failure:
        stack.stop()
        STATE.unlink(missing_ok=True)
        print(f"up: {str(failure) or 'interrupted'}\nup: everything was stopped again", file=sys.stderr)
        return 1
    _print_table(console, stack)
    return 0
