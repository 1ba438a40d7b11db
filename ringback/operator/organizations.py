"""Verbs about organizations and what belongs to them."""

import argparse

from rich.console import Console
from rich.table import Table

from ringback.operator.installation import Installation, assets, tell
from services.directory.activities import organizations, ownership
from services.directory.activities.organizations import NotDone


async def show(installation: Installation, options: argparse.Namespace) -> None:
    """Print a table of organizations."""
    found = await organizations.listed(installation.repository.database, options.organization)
    if options.organization and not found:
        raise NotDone(f"there is no organization {options.organization}")
    table = Table()
    for column in ("organization", "name", "state", "PBXs", "numbers"):
        table.add_column(column)
    for each in found:
        table.add_row(
            each.organization_id,
            each.name or "(no office yet)",
            each.state,
            "\n".join(each.pbxs),
            "\n".join(each.numbers),
        )
    Console().print(table)


async def assign(installation: Installation, options: argparse.Namespace) -> None:
    """Give PBXs and numbers to an organization."""
    given = _some(options)
    await ownership.assign(installation.repository, options.organization, **given)
    tell(f"{options.organization} has {_listed(given)}")


async def withdraw(installation: Installation, options: argparse.Namespace) -> None:
    """Take PBXs and numbers from an organization."""
    taken = _some(options)
    await ownership.withdraw(installation.repository, options.organization, **taken)
    tell(f"{options.organization} no longer has {_listed(taken)}")


def _some(options: argparse.Namespace) -> dict[str, list[str]]:
    found = assets(options)
    if not any(found.values()):
        raise NotDone("name a --pbx or a --number")
    return found


def _listed(named: dict[str, list[str]]) -> str:
    return ", ".join([*(f"PBX {each}" for each in named["pbxs"]), *named["numbers"]])


async def conflicts(installation: Installation, _options: argparse.Namespace) -> None:
    """Print what cards name and organizations do not have; other services do not hear of it."""
    found = await ownership.contested(installation.repository.database)
    for each in found:
        owner = "nobody has it" if each.owner_id is None else f"it belongs to {each.owner_id}"
        what, option = f"PBX {each.pbx_id}", f"--pbx {each.pbx_id}"
        if each.number is not None:
            what, option = f"{each.number} of PBX {each.pbx_id}", f"--number {each.number}"
        tell(
            f"{each.organization_id}: {what} is on its card, and {owner}. "
            f"If it is theirs: python -m ringback operator assign {each.organization_id} {option}"
        )
    if not found:
        tell("no conflicts: every PBX and number on a card belongs to the card's organization")


async def suspend(installation: Installation, options: argparse.Namespace) -> None:
    """Suspend an organization."""
    await organizations.suspend(installation.repository, options.organization)
    tell(f"{options.organization} is suspended; `operator resume {options.organization}` ends that")


async def resume(installation: Installation, options: argparse.Namespace) -> None:
    """End a suspension."""
    await organizations.resume(installation.repository, options.organization)
    tell(f"{options.organization} is active; its people sign in again")


async def remove(installation: Installation, options: argparse.Namespace) -> None:
    """Remove an organization."""
    await organizations.remove(installation.repository, options.organization)
    tell(
        f"{options.organization} is removed here. Every service forgets it when it hears that; history "
        "removes its audio and its rows hour by hour. Take its PBXs out of RINGBACK_PBXS"
    )
