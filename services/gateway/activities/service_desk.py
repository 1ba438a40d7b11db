"""All PBXs of one gateway process: whose each is, and which record is whose."""

from collections.abc import Awaitable, Callable, Mapping

from contracts.directory import OrganizationSaved, PbxSaved
from contracts.gateway import PbxFact
from contracts.ids import OrganizationId, PbxId
from contracts.message import Fact
from contracts.telephony import TelephonyCommand
from runtime.edge import EdgePorts, Heard
from runtime.metrics import COMMANDS
from services.gateway.activities.desk import Desk, MakeAdapter
from services.gateway.activities.spool import Spool

AdapterAt = Callable[[str], MakeAdapter]


class ServiceDesk:
    """The desks by PBX."""

    def __init__(
        self,
        pbxs: Mapping[str, str],
        *,
        adapter_at: AdapterAt,
        ports: EdgePorts,
        spool: Spool,
        spool_url: str,
    ) -> None:
        """`pbxs` are addresses by PBX id, `adapter_at` makes the adapter for an address."""
        self._policies: dict[OrganizationId, Fact] = {}
        self._desks: dict[PbxId, Desk] = {}
        for pbx_id, address in sorted(pbxs.items()):
            self._desks[PbxId(pbx_id)] = Desk(
                PbxId(pbx_id), adapter_at(address), ports=ports, spool=spool, spool_url=spool_url
            )

    async def hear(self, heard: Heard) -> None:
        """One fact, in the order of the log."""
        match heard.message:
            case OrganizationSaved() as saved:
                self._policies[saved.organization_id] = saved
                for desk in self._desks.values():
                    if desk.organization_id == saved.organization_id:
                        desk.learn(saved)
            case PbxSaved() as saved if saved.pbx_id in self._desks:
                desk = self._desks[saved.pbx_id]
                organization_id = heard.envelope.organization_id
                known = self._policies.get(organization_id)
                desk.belongs_to(organization_id, [] if known is None else [known])
                if desk.organization_id == organization_id:
                    desk.learn(saved)
            case PbxFact() as fact if fact.pbx_id in self._desks:
                desk = self._desks[fact.pbx_id]
                if heard.envelope.source == f"gateway/{fact.pbx_id}":
                    # Whose PBX it is also stands in what was said of it, when the directory's word is gone.
                    desk.belongs_to(heard.envelope.organization_id, [])
                    desk.hear(heard)
            case _:
                # Of other PBXs and other organizations.
                pass

    async def command(self, heard: Heard) -> None:
        """One command; returns when it is answered."""
        assert isinstance(heard.message, TelephonyCommand)
        desk = self._desks.get(heard.message.pbx_id)
        if desk is None:
            COMMANDS.labels("unknown_pbx").inc()
            return
        await desk.command(heard)

    @property
    def background(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What runs for as long as the process lives."""
        return tuple(desk.run for desk in self._desks.values())

    @property
    def is_ready(self) -> bool:
        """Every PBX that the directory knows is claimed, and it is known whether it can be reached."""
        return all(desk.is_waiting or desk.is_working for desk in self._desks.values())

    async def stop(self) -> None:
        """Let go of every PBX."""
        for desk in self._desks.values():
            await desk.stop()
