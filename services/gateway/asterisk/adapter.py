"""The adapter to one Asterisk: a `Pbx` that connects again by itself."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from contracts.ids import PbxId
from runtime.ports import Blobs
from services.gateway.asterisk import requirements
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.address import read_address
from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.bridges import Bridges
from services.gateway.asterisk.calls import Calls
from services.gateway.asterisk.client import AriClient, AriError, NotConnected, Refused
from services.gateway.asterisk.commands import Commands
from services.gateway.asterisk.devices import Devices
from services.gateway.asterisk.dialling import Dialling
from services.gateway.asterisk.extensions import Extensions
from services.gateway.asterisk.media import MediaFolder, media_of
from services.gateway.asterisk.plays import Plays
from services.gateway.asterisk.reconciliation import Reconciliation
from services.gateway.asterisk.recordings import Recordings
from services.gateway.port import AnyPbxEvent, Lack, PbxGone, Request

PAUSE_S_MIN: Final = 0.1
PAUSE_S_MAX: Final = 1.0
"""Trying costs nothing, and whoever answers meanwhile hears silence."""
UNFIT_PAUSE_S_MAX: Final = 30.0
"""The pause grows to this: an Asterisk that starts may not have loaded all its modules yet, any other one has
to be mended by somebody."""
AWAY_AFTER_S: Final = 2.0
"""A PBX that can't be reached at start counts as lost after this long, not at the first refusal."""
EVENTS_WAITING_MAX: Final = 100_000
"""Far more than come while 1,000 legs are found out; with more, the connection begins anew."""
REPLACED: Final = "ApplicationReplaced"

log = structlog.get_logger(__name__)


class AsteriskPbx:
    """One Asterisk at `ari+http://…`; `on_event` is called whenever there is something to take."""

    lacks: frozenset[Lack] = frozenset({Lack.SILENT})

    def __init__(
        self,
        pbx_id: PbxId,
        address: str,
        on_event: Callable[[], None],
        blobs: Blobs,
        *,
        served: MediaFolder | None = None,
    ) -> None:
        """`blobs` has the media to play, `served` is the folder that the gateway's route for media serves.

        Raises ValueError for an address that can't be read.
        """
        self.pbx_id = pbx_id
        self._on_event = on_event
        self._told: list[AnyPbxEvent] = []
        state = self._state = AdapterState(pbx_id, read_address(pbx_id, address), self._tell, self._failed)
        media = media_of(state.address, blobs, served)
        plays, dialling = Plays(state, media), Dialling(state)
        recordings = Recordings(state, media, plays.go_on)
        calls = Calls(state, dialling)
        self._devices = devices = Devices(state)
        bridges = Bridges(state, plays, recordings)
        # Bridges first: that two legs hear each other no longer is told before the end of the leg that went.
        # Calls before the sound: a key is told before the end of the play that it ends.
        state.parts = (bridges, calls, plays, recordings, devices)
        self._commands = Commands(
            state,
            dialling=dialling,
            calls=calls,
            bridges=bridges,
            plays=plays,
            recordings=recordings,
            extensions=Extensions(state),
        )
        self._reconciliation = Reconciliation(
            state,
            dialling=dialling,
            calls=calls,
            bridges=bridges,
            devices=devices,
            plays=plays,
            recordings=recordings,
        )
        self._heard: deque[AriEvent] = deque()
        self._woken = asyncio.Event()
        self._is_open = False
        self._is_said_gone = False
        self._reason = ""
        """Why the PBX could not be reached, as last logged."""
        self._failure: BaseException | None = None
        self.is_replaced = False

    @property
    def is_connected(self) -> bool:
        """Whether the PBX is ours at this moment."""
        return self._is_open

    def ask(self, number: int, request: Request) -> None:
        """Carry out a request, if there is a PBX to carry it out."""
        if self._is_open:
            self._commands.ask(number, request)

    def take(self) -> Sequence[AnyPbxEvent]:
        """The events since the last call."""
        taken, self._told = self._told, []
        return taken

    def _tell(self, event: AnyPbxEvent) -> None:
        self._told.append(event)
        self._on_event()

    def connect_again(self) -> None:
        """Drop the connection; the next one begins with everything that the PBX has."""
        if self._state.client is not None:
            self._is_said_gone = True
            self._state.client.drop()
            asyncio.get_running_loop().call_later(AWAY_AFTER_S, self._away)

    # The connection

    async def run(self) -> None:
        """Connect, and connect again, until another gateway takes the PBX over or this is cancelled."""
        pause_s = PAUSE_S_MIN
        asyncio.get_running_loop().call_later(AWAY_AFTER_S, self._gone)
        while not self.is_replaced:
            self._heard.clear()
            client = self._client()
            try:
                await client.connect()
                version = await requirements.check(client, self._state.address)
                await self._serve(client, version)
                pause_s = PAUSE_S_MIN
            except requirements.Unfit as unfit:
                pause_s = self._unfit(pause_s, unfit.found, unfit.needed)
            except Refused as refused:
                pause_s = self._unfit(pause_s, str(refused), "address and login of a user in ari.conf")
            except (OSError, AriError) as error:
                self._unreachable(type(error).__name__)
                pause_s = min(PAUSE_S_MAX, pause_s * 2)
            finally:
                self._close()
                await client.close()
            self._gone()
            if not self.is_replaced:
                await asyncio.sleep(pause_s)

    def _client(self) -> AriClient:
        address = self._state.address
        return AriClient(address.url, address.app, self._hear, self._woken.set, tls=self._state.tls)

    def _unreachable(self, reason: str) -> None:
        """Log it once, not at each try."""
        if reason != self._reason:
            self._reason = reason
            log.info("gateway.pbx_unreachable", pbx_id=self.pbx_id, reason=reason)

    def _unfit(self, pause_s: float, found: str, needed: str) -> float:
        log.error("gateway.pbx_unfit", pbx_id=self.pbx_id, found=found, needed=needed)
        return min(UNFIT_PAUSE_S_MAX, pause_s * 2)

    async def _serve(self, client: AriClient, version: str) -> None:
        """Say what there is, then pass on events until the connection ends."""
        self._state.client = client
        there = await self._reconciliation.there()
        # A socket before ours may have been closed after ours was opened, and with it our application.
        if not await client.is_told() or not self._is_ours(client):
            raise NotConnected("reconciliation")
        log.info("gateway.asterisk_there", pbx_id=self.pbx_id, version=version, legs=len(there.legs))
        self._commands.begin()
        self._is_open, self._is_said_gone, self._reason = True, False, ""
        self._tell(there)
        self._state.queues.at_once(self._devices.watch)
        while self._is_ours(client):
            self._pass_on()
            await self._woken.wait()
        self._pass_on()
        if self._failure is not None:
            raise self._failure

    def _is_ours(self, client: AriClient) -> bool:
        return client.is_connected and not self.is_replaced

    def _hear(self, event: AriEvent) -> None:
        """Called by the client's reader: keep the event, and no more."""
        if event.type == REPLACED:
            log.warning("gateway.pbx_replaced", pbx_id=self.pbx_id)
            self.is_replaced = True
        elif len(self._heard) < EVENTS_WAITING_MAX:
            self._heard.append(event)
        elif self._state.client is not None:
            log.error("gateway.pbx_events_too_many", pbx_id=self.pbx_id, waiting=len(self._heard))
            self._state.client.drop()
        self._woken.set()

    def _pass_on(self) -> None:
        self._woken.clear()
        while self._heard and not self.is_replaced:
            event = self._heard.popleft()
            for part in self._state.parts:
                part.hear(event)

    def _failed(self, error: BaseException) -> None:
        """Work in a queue failed by a fault of ours: end the connection, and then this adapter."""
        self._failure = error
        if self._state.client is not None:
            self._state.client.drop()

    def _close(self) -> None:
        self._is_open = False
        self._state.client = None
        self._state.queues.clear()
        self._commands.begin()
        for part in self._state.parts:
            part.lost()

    def _away(self) -> None:
        """Connecting again took too long."""
        if not self._is_open:
            self._is_said_gone = False
            self._gone()

    def _gone(self) -> None:
        if not self._is_said_gone and not self._is_open:
            self._is_said_gone = True
            self._tell(PbxGone())
