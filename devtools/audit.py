"""Asks for known vulnerabilities of every pinned package, and says for how many it got an answer.

The services are asked in turn until one answers; --records looks through OSV records in a file instead,
without a network. Exit codes: 0 every package was answered for and none is vulnerable; 1 a vulnerability; 3 a
package was not answered for, unless --allow-unanswered.
"""

import argparse
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devtools.advisories import SERVICES, Answer, Vulnerability, from_records, from_service
from devtools.pins import ALL, Pin, pins, shipped_names

VULNERABLE: Final = 1
UNANSWERED: Final = 3
NAMED_MAX: Final = 10
"""So many unanswered packages are named."""


def first_answer(answers: Iterable[Answer]) -> Answer:
    """The first source that answered for any package; each silent one before it is told on stderr."""
    last = Answer("no source")
    for last in answers:
        if last.answered:
            break
        print(f"audit: {last.source} answered for no package: {last.silent_because}", file=sys.stderr)
    return last


def verdict(
    packages: Sequence[Pin],
    answer: Answer,
    *,
    shipped: Collection[str],
    accepted: Collection[str] = (),
    allow_unanswered: bool = False,
) -> int:
    """Print what was answered; return the exit code."""
    print(f"audit: {len(answer.answered)} of {len(packages)} packages were answered for by {answer.source}")
    vulnerable = [each for each in answer.found if not set(each.ids) & set(accepted)]
    for each in vulnerable:
        print(f"audit: {_line(each, shipped)}", file=sys.stderr)
    unanswered = [pin.name for pin in packages if pin.name not in answer.answered]
    if unanswered:
        more = f" and {len(unanswered) - NAMED_MAX} more" if len(unanswered) > NAMED_MAX else ""
        names = f"{', '.join(unanswered[:NAMED_MAX])}{more}"
        end = " (allowed by --allow-unanswered)" if allow_unanswered else ""
        print(f"audit: NOT AUDITED: {names}: nobody knows whether they are vulnerable{end}", file=sys.stderr)
    if vulnerable:
        return VULNERABLE
    if unanswered:
        return 0 if allow_unanswered else UNANSWERED
    print(f"audit: no known vulnerability{' but those accepted' if len(answer.found) else ''}")
    return 0


def _line(each: Vulnerability, shipped: Collection[str]) -> str:
    where = "production" if each.package in shipped else "development only"
    fixed = f"fixed in {', '.join(each.fixed_in)}" if each.fixed_in else "no version is fixed"
    return f"VULNERABLE: {each.package} {each.version} ({where}): {', '.join(each.ids)}; {fixed}"


def _asked(packages: Sequence[Pin], options: argparse.Namespace) -> Iterator[Answer]:
    """One answer after the other: the next source is asked only if the caller goes on."""
    if options.records is not None:
        yield from_records(packages, options.records, datetime.now(UTC))
    elif options.osv_url:
        yield from_service(packages, "osv", osv_url=options.osv_url)
    else:
        for service in SERVICES:
            yield from_service(packages, service)


def main(argv: list[str]) -> int:
    """Audit requirements/dev.txt, which has every package of base.txt."""
    parser = argparse.ArgumentParser(prog="python -m devtools audit", description=__doc__)
    parser.add_argument("--records", type=Path, help="a folder or zip of OSV records, for a machine offline")
    parser.add_argument("--osv-url", default="", help="another address that answers as OSV's query does")
    parser.add_argument(
        "--allow-unanswered", action="store_true", help="do not fail for packages without an answer"
    )
    parser.add_argument(
        "--accept", action="append", default=[], metavar="NAME", help="a vulnerability that was decided on"
    )
    options = parser.parse_args(argv)
    packages = pins(ALL)
    return verdict(
        packages,
        first_answer(_asked(packages, options)),
        shipped=shipped_names(),
        accepted=options.accept,
        allow_unanswered=options.allow_unanswered,
    )
