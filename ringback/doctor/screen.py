"""Prints the list: a block for each part, the red lines in red, and what it comes to at the end."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringback.doctor.findings import Finding, Mark

SIGNS: Final = {Mark.GREEN: "✔", Mark.RED: "✘", Mark.NOT_CONFIGURED: "–", Mark.NOT_TRIED: "–"}
STYLES: Final = {Mark.GREEN: "green", Mark.RED: "bold red", Mark.NOT_CONFIGURED: "dim", Mark.NOT_TRIED: "dim"}


def show(console: Console, findings: Sequence[Finding]) -> None:
    """Print all findings in their order, and how many of them are red."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, (section, found) in enumerate(groupby(findings, key=lambda each: each.section)):
        if number:
            table.add_row("", "", "")
        for line, each in enumerate(found):
            table.add_row(Text(section if line == 0 else "", style="bold"), *_row(each))
    console.print(table)
    console.print()
    console.print(_sum(findings))


def _row(found: Finding) -> tuple[Text, Text]:
    style = STYLES[found.mark]
    words = found.words
    if found.mark in (Mark.NOT_CONFIGURED, Mark.NOT_TRIED):
        words = f"{found.mark}: {words}"
    sign = Text(f"{SIGNS[found.mark]} {found.what}", style=style)
    return sign, Text(words, style="" if found.mark is Mark.GREEN else style)


def _sum(findings: Sequence[Finding]) -> Text:
    count = Counter(each.mark for each in findings)
    if count[Mark.RED]:
        return Text(
            f"{count[Mark.RED]} red, {count[Mark.GREEN]} green: do what the red lines end with", "bold red"
        )
    return Text(f"all green ({count[Mark.GREEN]})", "bold green")
