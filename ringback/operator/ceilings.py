"""The verb about ceilings: shows them, or changes some and tells what that changes."""

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.number_ranges import NumberType
from ringback.operator.installation import Installation, tell
from services.directory.activities import ceilings
from services.directory.rules.ceilings import differences, shown
from services.directory.state.ceilings import Ceilings


def add_options(verb: argparse.ArgumentParser) -> None:
    """The options of the verb; without any it only shows."""
    types = ",".join(NumberType)
    verb.add_argument("--regions", type=_listed, help="two letters, with commas; '': the home region")
    verb.add_argument("--types", type=_listed, dest="number_types", help=f"with commas, of {types}")
    for name, help_ in (
        ("orders-per-day", "callbacks ordered in a day"),
        ("orders-per-minute", "callbacks ordered in a minute"),
        ("texts-per-day", "text messages in a day"),
        ("minutes-per-day", "minutes of talk that it dials over the public network in a day"),
        ("calls-at-once", "calls that it has at once"),
        ("satellite-numbers", "satellite phones of employees that it may allow"),
    ):
        verb.add_argument(f"--{name}", type=int, dest=f"{name.replace('-', '_')}_max", help=help_)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


async def grant(installation: Installation, options: argparse.Namespace) -> None:
    """Show an organization's ceilings, or change some."""
    names = Ceilings.__struct_fields__
    changes: dict[str, Any] = {name: value for name in names if (value := getattr(options, name)) is not None}
    found = await ceilings.change(installation.repository, options.organization, changes)
    for line in differences(found.before, found.after):
        tell(line)
    table = Table()
    for column in ("ceiling", "holds"):
        table.add_column(column)
    for name in names:
        table.add_row(name, shown(getattr(found.after, name)))
    Console().print(table)
    for each in found.clamped:
        tell(f"its card wants {each.field} = {each.value}: {each.ceiling} holds")
