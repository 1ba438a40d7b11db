"""The verb: reads a stretch, replays it unchanged and with other settings, and compares all three."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from ringback import connect, log_stretch
from ringback.replay import figures
from ringback.replay.model import Endless, replayed
from ringback.replay.recorded import record
from ringback.replay.screen import show
from ringback.replay.settings import NoSuchSetting, changed, parsed
from runtime.ports import LogRecord, LogUnavailable

WIDTH_MIN = 100
"""The width of a table when the output is not a terminal."""


def _read(source: Path | None) -> list[LogRecord]:
    if source is not None:
        return log_stretch.of_file(source)
    return asyncio.run(log_stretch.of_broker(connect.environment()))


def compare(console: Console, found: log_stretch.Stretch, wanted: list[str]) -> None:
    """Replay a stretch, and show it beside what happened. Raises NoSuchSetting, Endless and Unclear."""
    settings = [parsed(text) for text in wanted]
    recorded = record(found)
    if not recorded.begun_at():
        raise log_stretch.Unclear(f"nobody called {found.organization_id} on this log")
    book, changes = changed(recorded.book, settings)
    happened = figures.of(recorded.facts)
    as_it_was = figures.of(replayed(recorded))
    with_settings = figures.of(replayed(recorded, book)) if settings else None
    show(
        console,
        happened,
        as_it_was,
        with_settings,
        changes,
        stalls=recorded.stalls,
        elsewhere=recorded.elsewhere,
    )


def main(argv: list[str]) -> int:
    """Replay, and compare."""
    parser = argparse.ArgumentParser(
        prog="python -m ringback replay",
        description="What if? Replays a recorded stretch of the log with other settings of departments.",
        epilog="example: --set sales.strategy=linear --set '*.no_answer_ms=300000' (* is every department)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="LOG",
        help="a file that `export log` wrote; else the broker's log",
    )
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="DEPARTMENT.SETTING=VALUE"
    )
    parser.add_argument("--organization", help="which, where the log has several")
    options = parser.parse_args(argv)
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(WIDTH_MIN, console.width))
    try:
        found = log_stretch.chosen(log_stretch.stretches(_read(options.source)), options.organization)
        if len(found) > 1:
            named = ", ".join(each.organization_id for each in found)
            raise log_stretch.Unclear(
                f"the log has several organizations, name one with --organization: {named}"
            )
        compare(console, found[0], options.settings)
    except (connect.NotConfigured, LogUnavailable, log_stretch.Unclear, log_stretch.Unreadable) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 1
    except (NoSuchSetting, Endless) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"replay: {options.source}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
