"""What an Asterisk must be to serve: a version with REST over the WebSocket, and the modules that we use."""

import asyncio
import re
from typing import Final

from services.gateway.asterisk.address import AsteriskAddress
from services.gateway.asterisk.ari import AriObject
from services.gateway.asterisk.client import SILENCE_S_MAX, AriClient, Reply, ReplyLost

NEEDED: Final = "Asterisk 20.14, 21.9, 22.4, 23 or newer"
_MINOR_MIN: Final = {20: 14, 21: 9, 22: 4}
"""The first versions that take requests over the WebSocket (their change logs)."""

MODULES: Final = frozenset(
    {
        "app_stasis",
        "bridge_holding",
        "bridge_simple",
        "bridge_softmix",
        "chan_pjsip",
        "codec_alaw",
        "format_pcm",
        "format_wav",
        "func_callerid",
        "func_dialplan",
        "res_ari",
        "res_ari_applications",
        "res_ari_asterisk",
        "res_ari_bridges",
        "res_ari_channels",
        "res_ari_endpoints",
        "res_ari_events",
        "res_ari_playbacks",
        "res_ari_recordings",
        "res_musiconhold",
        "res_pjsip_header_funcs",
        "res_pjsip_rfc3326",
        "res_stasis",
        "res_stasis_answer",
        "res_stasis_playback",
        "res_stasis_recording",
    }
)
MODULES_FOR_REMOTE_MEDIA: Final = frozenset(["res_http_media_cache"])
FIRST_REPLY_S_MAX: Final = SILENCE_S_MAX - 1
"""Just before the connection is given up for the same reason."""
RUNNING: Final = "Running"


class Unfit(Exception):
    """This Asterisk can't serve: `found` and `needed` are for the operator."""

    def __init__(self, found: str, needed: str) -> None:
        super().__init__(f"found {found}, needed {needed}")
        self.found = found
        self.needed = needed


class _System(AriObject, frozen=True, kw_only=True):
    version: str


class _Info(AriObject, frozen=True, kw_only=True):
    system: _System


class _Module(AriObject, frozen=True, kw_only=True):
    name: str
    status: str = ""


def is_new_enough(version: str) -> bool:
    """Whether a version, such as `22.10.1` or `GIT-22-abc`, takes requests over the WebSocket."""
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None:
        # What somebody built from a branch has no minor version; it would not have replied, were it too old.
        return True
    major, minor = int(found[1]), int(found[2])
    return major > max(_MINOR_MIN) or minor >= _MINOR_MIN.get(major, minor + 1)


async def _info(client: AriClient) -> Reply:
    """Who it is. An Asterisk that is too old replies to nothing at all; a single lost reply says nothing."""
    try:
        return await client.request("GET", "asterisk/info", s_max=FIRST_REPLY_S_MAX)
    except ReplyLost:
        if not client.has_replied:
            raise Unfit("an Asterisk that does not reply over the WebSocket", NEEDED) from None
        return await client.insist("GET", "asterisk/info")


async def check(client: AriClient, address: AsteriskAddress) -> str:
    """The version of a fit Asterisk. Raises Unfit, or AriError."""
    info, listed = await asyncio.gather(_info(client), client.insist("GET", "asterisk/modules"))
    if not info.is_ok:
        raise Unfit(f"an ARI user that may not ask ({info.status})", "a user with read_only = no") from None
    version = info.read(_Info).system.version
    if not is_new_enough(version):
        raise Unfit(f"Asterisk {version}", NEEDED)
    running = {each.name.removesuffix(".so") for each in listed.read(list[_Module]) if each.status == RUNNING}
    needed = MODULES if address.media.startswith("/") else MODULES | MODULES_FOR_REMOTE_MEDIA
    if missing := sorted(needed - running):
        raise Unfit(f"Asterisk {version} without {', '.join(missing)}", "these modules in modules.conf")
    return version
