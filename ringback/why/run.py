"""The verb: reads the log, finds the place, and shows its story."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from contracts.directory import Language
from ringback import connect, log_stretch
from ringback.why import places
from ringback.why.screen import Teller, show
from ringback.why.watching import watch
from runtime.masking import masked
from runtime.ports import LogRecord, LogUnavailable

WIDTH_MIN = 100
"""The width of a table when the output is not a terminal."""


def read(source: Path | None) -> list[LogRecord]:
    """The records of a file, or of the broker. Raises what `log_stretch` and `connect` raise."""
    if source is not None:
        return log_stretch.of_file(source)
    return asyncio.run(log_stretch.of_broker(connect.environment()))


def tell(
    console: Console,
    found: Sequence[log_stretch.Stretch],
    wanted: str,
    language: Language | None,
    *,
    is_full: bool,
) -> None:
    """Find a place and show its story. Raises Unclear."""

    def shown(each: places.Found) -> str:
        number = each.number or "withheld"
        return f"{each.place_id}  {number if is_full else masked(number)}"

    meant = places.find(found, wanted, shown=shown)
    if len({each.stretch.organization_id for each in meant}) > 1:
        named = sorted({each.stretch.organization_id for each in meant})
        raise log_stretch.Unclear(
            f"{wanted!r} belongs to several organizations ({', '.join(named)}): name one with --organization"
        )
    watched = watch(meant[-1].stretch, meant[-1].place_id)
    own = Language.RUSSIAN if watched.organization is None else watched.organization.language
    language = own if language is None else language
    if len(meant) > 1:
        teller = Teller(watched, language, is_full=is_full)
        console.print(teller.say("others"), highlight=False)
        for each in meant[:-1]:
            console.print(f"  {teller.clock(each.at)}  {each.place_id}", highlight=False, markup=False)
    show(console, watched, language, is_full=is_full)


def main(argv: list[str]) -> int:
    """Show one place's story."""
    parser = argparse.ArgumentParser(
        prog="python -m ringback why",
        description="Why did I wait? Which agents were skipped when, and why, from the log alone (H7).",
    )
    parser.add_argument("place", help="a place, a leg of its caller, or the caller's number (or its end)")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="LOG", help="a file that `export log` wrote"
    )
    parser.add_argument("--organization", help="only this one")
    parser.add_argument(
        "--language", choices=[str(each) for each in Language], help="else the organization's"
    )
    parser.add_argument("--full", action="store_true", help="show phone numbers as they are")
    options = parser.parse_args(argv)
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(WIDTH_MIN, console.width))
    language = None if options.language is None else Language(options.language)
    try:
        found = log_stretch.chosen(log_stretch.stretches(read(options.source)), options.organization)
        tell(console, found, options.place, language, is_full=options.full)
    except (connect.NotConfigured, LogUnavailable, log_stretch.Unclear, log_stretch.Unreadable) as error:
        print(f"why: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"why: {options.source}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
