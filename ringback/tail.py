"""Shows the log as a live timeline: what happened, when, and which service said it; numbers are masked.

It starts ten seconds ago, or with --from-start at the log's first record.
"""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.text import Text

from contracts.ids import Instant
from contracts.message import Message
from ringback import connect
from ringback import log as facts_log
from ringback.log import Reading
from ringback.log_reader import follow_all
from ringback.words import Words
from runtime.masking import masked
from runtime.ports import LogUnavailable

LOOK_BACK_MS: Final = 10_000
TEXT_MAX: Final = 64
"""As long as a SHA-256 in hexadecimal."""
QUIET: Final = ("log.timer_due", "log.time_probed")
"""Routine records of the host, shown only on demand."""
STYLES: Final = {
    "queue": "cyan",
    "callback": "magenta",
    "voicemail": "yellow",
    "directory": "blue",
    "log": "red",
}


def line(reading: Reading, words: Words) -> Text:
    """One record as a line: its time, its type, and a sentence or its fields."""
    kind = reading.envelope.type
    said = None if reading.fact is None else words.told(reading.fact)
    text = said or fields(reading.fact)
    style = STYLES.get(kind.partition(".")[0], "white")
    return Text.assemble(
        (_clock(reading.at), "dim"),
        "  ",
        (f"{reading.envelope.organization_id or '-':<14}", "dim"),
        (f"{kind:<36}", style),
        text,
    )


def fields(fact: Message | None) -> str:
    """A message's non-empty fields in one line."""
    if fact is None:
        return "(a type that is unknown here, or a value that can't be read)"
    values = msgspec.structs.asdict(fact).items()
    return " ".join(f"{name}={_short(name, value)}" for name, value in values if value)


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _short(name: str, value: Any) -> str:
    if isinstance(value, int) and name.endswith("_at"):
        return _clock(value)
    if isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
        return f"({len(value)})"
    # Mask before cutting: the mask may not recognize half a number.
    text = masked(str(value))
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"


async def _tail(options: argparse.Namespace, console: Console) -> None:
    words = Words()
    since_at = Instant(0) if options.from_start else Instant(facts_log.now() - LOOK_BACK_MS)

    def tell(found: Reading) -> None:
        # Older records are read, too: they have the names.
        if found.fact is not None:
            words.hear(found.fact)
        wanted = options.organization in (None, found.envelope.organization_id)
        if found.at >= since_at and wanted and (options.all or found.envelope.type not in QUIET):
            console.print(line(found, words), soft_wrap=True)

    await follow_all(options.environment, tell)


def main(argv: list[str]) -> int:
    """Show the timeline until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m ringback tail", description=__doc__)
    parser.add_argument("--from-start", action="store_true", help="tell all that the log still has first")
    parser.add_argument("--organization", help="only this one")
    parser.add_argument("--all", action="store_true", help="timers and probes, too")
    options = parser.parse_args(argv)
    options.environment = connect.environment()
    try:
        asyncio.run(_tail(options, Console()))
    except KeyboardInterrupt:
        return 0
    except (connect.NotConfigured, LogUnavailable) as error:
        print(f"tail: {error}", file=sys.stderr)
        return 1
    return 0
