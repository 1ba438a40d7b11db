"""Whether a PBX has an extension: a phone of that name, or a place in the dialplan."""

import itertools
from typing import Final

from contracts.ids import Address
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.client import path
from services.gateway.asterisk.ids import marked
from services.gateway.port import ExtensionFound

CHECK: Final = "check"
"""The argument of our application for the channel that reads the dialplan; it is never dialled."""


class Extensions:
    """Nobody is called by these checks."""

    def __init__(self, adapter: AdapterState) -> None:
        self._adapter = adapter
        self._numbers = itertools.count(1)

    async def check(self, extension: str) -> None:
        """Tell whether it exists."""
        exists = extension.isascii() and extension.isdecimal()
        if exists:
            exists = await self._is_phone(extension) or await self._is_in_dialplan(extension)
        self._adapter.tell(ExtensionFound(extension=extension, exists=exists))

    async def _is_phone(self, extension: str) -> bool:
        endpoint = self._adapter.address.endpoint(Address(f"sip:{extension}"))
        reply = await self._adapter.request("GET", path("endpoints", *(endpoint or ("", ""))))
        return reply.is_ok

    async def _is_in_dialplan(self, extension: str) -> bool:
        """Ask a channel that leads to the extension and is not dialled: only a channel reads the dialplan."""
        adapter, context = self._adapter, self._adapter.address.context
        channel_id = marked(f"{CHECK}.{adapter.now()}.{next(self._numbers)}")
        made = await adapter.request(
            "POST",
            "channels/create",
            query={
                "endpoint": f"Local/{extension}@{context}/n",
                "app": adapter.address.app,
                "appArgs": CHECK,
                "channelId": channel_id,
            },
        )
        if not made.is_ok:
            return False
        try:
            found = await adapter.variable(channel_id, f"DIALPLAN_EXISTS({context},{extension},1)")
        finally:
            await adapter.request("DELETE", path("channels", channel_id))
        return found == "1"
