"""Lets a service read on for a parked organization (ORGANIZATION SERVICE), once the cause is removed.

It appends a fact to the organization's partition. The partition's owner hears it and reads on from where the
organization stopped. If the organization is not parked, nothing changes.
"""

import argparse
import asyncio
import sys

from contracts.ids import OrganizationId
from contracts.log import OrganizationUnparked
from ringback import connect
from ringback import log as facts_log
from ringback.stack.services import service_names
from runtime.ports import LogUnavailable


async def _unpark(environment: connect.Environment, organization_id: OrganizationId, service: str) -> int:
    async with connect.log(environment) as log:
        at = facts_log.now()
        record = facts_log.outgoing(
            OrganizationUnparked(service=service),
            id_=f"operator/{organization_id}/{service}/unpark/{at}",
            organization_id=organization_id,
            at=at,
            source="operator",
        )
        return await log.append(await connect.partition_of(organization_id, log), [record], at=at)


def main(argv: list[str]) -> int:
    """Append the fact."""
    parser = argparse.ArgumentParser(prog="python -m ringback unpark", description=__doc__)
    parser.add_argument("organization", metavar="ORGANIZATION", help="its id, as the alarm names it")
    parser.add_argument("service", metavar="SERVICE", help="which service stopped reading")
    options = parser.parse_args(argv)
    if options.service not in service_names():
        parser.error(f"there is no service {options.service!r}; there are: {', '.join(service_names())}")
    try:
        offset = asyncio.run(
            _unpark(connect.environment(), OrganizationId(options.organization), options.service)
        )
    except (connect.NotConfigured, LogUnavailable) as error:
        print(f"unpark: {error}", file=sys.stderr)
        return 1
    print(f"unpark: said at offset {offset}; {options.service} reads on for {options.organization}")
    return 0
