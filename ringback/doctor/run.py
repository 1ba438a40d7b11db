"""The verb: reads the settings, looks at everything at once, and prints the list."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

import msgspec
import structlog
from rich.console import Console

from ringback import connect
from ringback.doctor import clock, databases, log, mail, objects, pbxs, screen, speech, store
from ringback.doctor.clock import Reading
from ringback.doctor.findings import Finding, Section, is_green
from ringback.doctor.scope import Scope, Settings, scope
from ringback.stack.services import startable_names
from runtime.settings import UNREADABLE, why_unreadable

WIDTH_MIN = 100
"""The width of the list when the output is not a terminal."""


async def examine(settings: Settings, about: Scope) -> list[Finding]:
    """Look at everything, at the same time: a part that is silent delays no other."""
    readings: list[Reading] = []
    looks = await asyncio.gather(
        log.examine(settings, about, readings),
        store.examine(settings, about, readings),
        objects.examine(settings, about),
        mail.examine(settings, about),
        databases.examine_directory(settings, about),
        databases.examine_history(settings, about),
        speech.examine(settings, about),
    )
    sections = [each for each in looks if each is not None]
    sections += await pbxs.examine(settings, about)
    sections.append(clock.examine(sorted(readings, key=lambda each: each.whose)))
    return [found for each in sections for found in each.findings]


def _found(named: Sequence[str]) -> list[Finding]:
    """The findings; settings that can't be read are the only ones."""
    connect.complete_environment("RINGBACK_KAFKA")
    try:
        settings = Settings()
    except UNREADABLE as error:
        section = Section("settings")
        for line in why_unreadable(error):
            section.red("settings", line)
        return section.findings
    return asyncio.run(examine(settings, scope(named)))


def main(argv: list[str]) -> int:
    """Look, and print what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m ringback doctor",
        description="Everything that an installation stands on: what is wrong, and what to do.",
    )
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        choices=startable_names(),
        help="look as this service, with its login: at what it needs, and at its rights (may be repeated)",
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    options = parser.parse_args(argv)
    # What the parts' clients log is told in the list, in better words.
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    findings = _found(options.service)
    if options.json:
        report = {"is_green": is_green(findings), "findings": findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        console = Console()
        if not console.is_terminal:
            console = Console(width=max(WIDTH_MIN, console.width))
        screen.show(console, findings)
    return 0 if is_green(findings) else 1
