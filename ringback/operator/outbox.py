"""Verbs about the directory's messages that can't be sent: list, show, send again, discard."""

import argparse
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from ringback.operator.installation import Installation, tell
from services.directory.activities import set_aside
from services.directory.activities.organizations import NotDone
from services.directory.activities.set_aside import NotSetAside, SetAside


async def outbox(installation: Installation, options: argparse.Namespace) -> None:
    """Carry out one of the four. Raises NotDone."""
    if options.act != "list" and options.number is None:
        raise NotDone(f"name the message: operator outbox {options.act} NUMBER; `outbox list` shows them")
    repository = installation.repository
    async with repository.database.begin() as connection:
        try:
            match options.act:
                case "show":
                    found, content = await set_aside.shown(connection, options.number)
                    _show([found])
                    tell(content.decode(errors="replace"))
                case "send":
                    await set_aside.send_again(connection, options.number, repository.now())
                    tell(f"the running service tries to send {options.number} again")
                case "discard":
                    await set_aside.discard(connection, options.number)
                    tell(f"{options.number} is discarded: no service hears it")
                case _:
                    _show(await set_aside.listed(connection))
        except NotSetAside as error:
            raise NotDone(f"{error}; `operator outbox list` shows those that are") from error


def _show(messages: list[SetAside]) -> None:
    if not messages:
        tell("no message is set aside")
        return
    table = Table()
    for column in ("number", "organization", "type", "bytes", "since", "times", "why", "waits behind it"):
        table.add_column(column)
    for each in messages:
        since = datetime.fromtimestamp(each.set_aside_at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        cells = (
            each.number,
            each.organization_id,
            each.type or "(unreadable)",
            each.bytes,
            since,
            each.times,
        )
        table.add_row(*map(str, cells), each.reason, each.holds)
    Console().print(table)
