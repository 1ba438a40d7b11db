"""The PBXs of one gateway process: their organizations, and which record goes to which PBX."""

from collections.abc import Awaitable, Callable, Mapping

from contracts.directory import OrganizationSaved, PbxSaved
from contracts.gateway import PbxFact
from contracts.ids import OrganizationId, PbxId
from contracts.message import Fact
from contracts.telephony import TelephonyCommand
from runtime.edge import EdgePorts, Heard
from runtime.metrics import COMMANDS
from services.gateway.activities.pbx_runner import MakeAdapter, PbxRunner
from services.gateway.activities.spool import Spool

AdapterAt = Callable[[str], MakeAdapter]


class PbxRegistry:
    """The runners by PBX; passes each record to the runner that it concerns."""

    def __init__(
        self,
        pbxs: Mapping[str, str],
        *,
        adapter_at: AdapterAt,
        ports: EdgePorts,
        spool: Spool,
        spool_url: str,
    ) -> None:
        """`pbxs` has addresses by PBX id; `adapter_at` makes the adapter for an address."""
        self._policies: dict[OrganizationId, Fact] = {}
        self._runners: dict[PbxId, PbxRunner] = {}
        for pbx_id, address in sorted(pbxs.items()):
            self._runners[PbxId(pbx_id)] = PbxRunner(
                PbxId(pbx_id), adapter_at(address), ports=ports, spool=spool, spool_url=spool_url
            )

    async def hear(self, heard: Heard) -> None:
        """Read one fact, in the order of the log."""
        match heard.message:
            case OrganizationSaved() as saved:
                self._policies[saved.organization_id] = saved
                for runner in self._runners.values():
                    if runner.organization_id == saved.organization_id:
                        runner.learn(saved)
            case PbxSaved() as saved if saved.pbx_id in self._runners:
                runner = self._runners[saved.pbx_id]
                organization_id = heard.envelope.organization_id
                known = self._policies.get(organization_id)
                runner.belongs_to(organization_id, [] if known is None else [known])
                if runner.organization_id == organization_id:
                    runner.learn(saved)
            case PbxFact() as fact if fact.pbx_id in self._runners:
                runner = self._runners[fact.pbx_id]
                if heard.envelope.source == f"gateway/{fact.pbx_id}":
                    # Earlier facts name the organization, too, if the directory's fact is gone from the log.
                    runner.belongs_to(heard.envelope.organization_id, [])
                    runner.hear(heard)
            case _:
                # Of other PBXs and other organizations.
                pass

    async def command(self, heard: Heard) -> None:
        """Carry out one command; returns when it is answered."""
        assert isinstance(heard.message, TelephonyCommand)
        runner = self._runners.get(heard.message.pbx_id)
        if runner is None:
            COMMANDS.labels("unknown_pbx").inc()
            return
        await runner.command(heard)

    @property
    def background(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The tasks that run as long as the process."""
        return tuple(runner.run for runner in self._runners.values())

    @property
    def is_ready(self) -> bool:
        """Whether every PBX that the directory knows is claimed, and its reachability known."""
        return all(runner.is_waiting or runner.is_working for runner in self._runners.values())

    async def stop(self) -> None:
        """Stop every runner."""
        for runner in self._runners.values():
            await runner.stop()
