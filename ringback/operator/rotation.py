"""The verb that seals every secret anew with the directory's key."""

import argparse

from ringback.operator.installation import Installation, tell
from services.directory.activities.organizations import NotDone
from services.directory.activities.sealed_columns import reseal


async def rotate(installation: Installation, _options: argparse.Namespace) -> None:
    """Seal anew what keys of before have sealed. Raises NotDone while anything is left of them."""
    found = await reseal(installation.repository.database, installation.secret_box)
    for each in found:
        tell(f"{each.column}: {each.done} sealed anew, {each.left} left")
    left = sum(each.left for each in found)
    if left:
        raise NotDone(
            f"{left} secrets are still sealed with another key: repeat this if a directory with the older "
            "key is still running; otherwise add the key that sealed them to RINGBACK_DIRECTORY_KEYS_BEFORE"
        )
    tell("nothing is sealed with an older key: RINGBACK_DIRECTORY_KEYS_BEFORE may be unset")
