"""Writes the log of facts into FILE as JSON lines, for `replay`, `why` and jq.

The file holds unmasked phone numbers, so only its owner may read it. The log itself does not change.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ringback import connect, log_stretch
from runtime.ports import LogRecord, LogUnavailable


def write(path: Path, records: Sequence[LogRecord]) -> None:
    """Write records into a new file that only its owner may read. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(log_stretch.line(record) for record in records)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line says."""
    parser.add_argument("file", type=Path, help="must not exist yet")
    parser.add_argument("--organization", help="only this one's records, and the host's marks")


def run(options: argparse.Namespace) -> int:
    """Export what the broker has."""
    try:
        records = asyncio.run(log_stretch.of_broker(connect.environment()))
        log_stretch.chosen(log_stretch.stretches(records), options.organization)
        kept = list(log_stretch.kept(records, options.organization))
        write(options.file, kept)
    except (connect.NotConfigured, LogUnavailable, log_stretch.Unclear) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"export: {options.file}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"{options.file}: {len(kept)} records, with phone numbers in clear: mode 600")
    return 0
