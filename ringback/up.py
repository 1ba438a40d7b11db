"""Starts the embedded parts and all services on loopback, and leaves them running (`make down` ends them).

State is in `.run/up/`: started.jsonl (the processes), env (the settings), logs/; an earlier run's goes.
"""

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ringback.stack.journal import Journal
from ringback.stack.process import StackError
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals
from ringback.stack.stack import Entry, Stack
from runtime import private_files

RUN = ROOT / ".run" / "up"
JOURNAL = Journal(RUN / "started.jsonl")


def name_addresses(file: Path, addresses: Mapping[str, str]) -> None:
    """Add a line such as DIRECTORY="http://…" for each service, so that a shell can call its API.

    Also add the directory's address for `python -m ringback apply`. Values are quoted like the settings'.
    """
    lines = {name.upper(): address for name, address in sorted(addresses.items())}
    if "directory" in addresses:
        lines["RINGBACK_DIRECTORY_URL"] = addresses["directory"]
    with file.open("a", encoding="utf-8") as env:
        env.writelines(f"{name}={json.dumps(value)}\n" for name, value in lines.items())


def _print_table(console: Console, stack: Stack) -> None:
    """Print what runs, where, and what to do next."""
    table = Table(title=f"Ringback, run {stack.run_id}")
    for column in ("part", "address", "log"):
        table.add_column(column, no_wrap=True)
    for entry in stack.entries:
        table.add_row(entry.name, entry.address, _short(entry.process.log))
    console.print(table)
    console.print(f"letters   {_short(stack.parts.smtp.letters)}")
    console.print(f"settings  {_short(RUN / 'env')}   (set -a; . {_short(RUN / 'env')}; set +a)")
    if "console" in stack.services:
        console.print(f"console   {stack.service('console').address}", highlight=False)
    console.print("next      python -m ringback apply examples/office.yaml · make down", highlight=False)


def _short(path: Path) -> str:
    """A path relative to the working directory, if it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def main(argv: list[str]) -> int:
    """Start the stack, unless one is up."""
    parser = argparse.ArgumentParser(prog="python -m ringback up", description=__doc__)
    parser.add_argument("--parts-only", action="store_true", help="no services, only what they need")
    options = parser.parse_args(argv)
    alive = JOURNAL.alive()
    if alive:
        names = ", ".join(f"{entry.name} (pid {entry.pid})" for entry in alive)
        print(f"up: already running: {names}. Use `make down` first.", file=sys.stderr)
        return 1
    shutil.rmtree(RUN, ignore_errors=True)
    private_files.folder(RUN)
    console = Console()

    def note(entry: Entry) -> None:
        console.print(f"up: {entry.name} answers at {entry.address}", highlight=False)

    stack = Stack(RUN, on_started=note, journal=JOURNAL)
    try:
        with interrupted_by_signals(), _stopped_unless_whole(stack):
            _start(stack, parts_only=options.parts_only)
            _print_table(console, stack)
    except (StackError, OSError, KeyboardInterrupt) as failure:
        # The user's terminal may be closed.
        with contextlib.suppress(OSError):
            reason = str(failure) or "interrupted"
            print(f"up: {reason}\nup: everything was stopped again", file=sys.stderr)
        return 1
    return 0


def _start(stack: Stack, *, parts_only: bool) -> None:
    """Start everything in order; `.run/up/env` is written before the services start."""
    pbxs = {"gateway": {"RINGBACK_PBXS": os.environ.get("RINGBACK_PBXS", "{}")}}
    stack.start_parts()
    stack.create_topics()
    stack.write_env(RUN / "env", extra=pbxs)
    if parts_only:
        return
    # A gateway gets ready only when the directory has its PBXs, which the user adds after this.
    stack.start_services(extra=pbxs, not_awaited=("gateway",))
    stack.start_services(("console",))
    addresses = {name: service.address for name, service in stack.services.items()}
    addresses |= {f"{name}_internal": service.internal_address for name, service in stack.services.items()}
    name_addresses(RUN / "env", addresses)


@contextlib.contextmanager
def _stopped_unless_whole(stack: Stack) -> Iterator[None]:
    """Stop everything if the start fails for any reason."""
    try:
        yield
    except BaseException:
        stack.stop()
        for entry in JOURNAL.alive():
            entry.end()
        JOURNAL.forget()
        raise
