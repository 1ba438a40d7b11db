"""Which phones of the town are registered: Asterisk registers them, and its console says and changes it."""

import asyncio
import time
from typing import Final

from devtools.town.exchange import Exchange, phone_name

REGISTERED_S_MAX: Final = 60.0
POLL_S: Final = 0.1


class NotRegistered(Exception):
    """Phones did not register, or did not leave; the message names them."""


class Registrations:
    """The registered phones of an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._all = {
            phone_name(pbx_id, extension)
            for pbx_id, pbx in exchange.pbxs.items()
            for extension in pbx.passwords
        }

    async def keep(self, names: set[str]) -> None:
        """Let exactly these phones be registered. Raises NotRegistered."""
        now = await self._registered()
        for name in sorted(self._all - names & self._all):
            await self._send("unregister", name)
        for name in sorted(names & self._all - now):
            await self._send("register", name)
        await self._wait(names & self._all)

    async def change(self, name: str, *, is_registered: bool) -> None:
        """Let one phone register, or leave."""
        await self._send("register" if is_registered else "unregister", name)

    async def _send(self, word: str, name: str) -> None:
        await asyncio.to_thread(self._exchange.instance.cli, "pjsip", "send", word, name)

    async def _registered(self) -> set[str]:
        """Those that are, as the console lists them: name, slash, address, the login's name, the state."""
        shown = await asyncio.to_thread(self._exchange.instance.cli, "pjsip", "show", "registrations")
        return {
            line.split("/")[0].strip()
            for line in shown.splitlines()
            if "/sip:" in line and "Registered" in line.replace("Unregistered", "")
        }

    async def _wait(self, names: set[str]) -> None:
        until = time.monotonic() + REGISTERED_S_MAX
        while (found := await self._registered()) != names:
            if time.monotonic() > until:
                raise NotRegistered(f"registered: {sorted(found)}, wanted: {sorted(names)}")
            await asyncio.sleep(POLL_S)
