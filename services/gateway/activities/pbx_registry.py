"""The PBXs of an installation: which of them this process has, and which record goes to which.

A gateway has the PBXs whose commands it is given: those of one PBX have one key, and so are in one partition.
It reads the facts about all of them, so that it can take any one over at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from contracts.directory import OrganizationSaved, PbxSaved
from contracts.gateway import PbxFact
from contracts.ids import OrganizationId, PbxId
from contracts.message import Fact
from contracts.telephony import TelephonyCommand
from runtime.edge import EdgePorts, Heard, Share
from runtime.metrics import COMMANDS
from services.gateway.activities.pbx_runner import MakeAdapter, PbxRunner
from services.gateway.activities.spent_minutes import SpentMinutes
from services.gateway.activities.spool import Spool

AdapterAt = Callable[[str], MakeAdapter]

log = structlog.get_logger(__name__)


def owned(key: str) -> tuple[OrganizationId, PbxId]:
    """The organization and the PBX of a key `organization/pbx`. Raises ValueError."""
    organization_id, slash, pbx_id = key.partition("/")
    if not (organization_id and slash and pbx_id) or "/" in pbx_id:
        raise ValueError(
            f'{key!r} does not say whose PBX it is: write {{"organization/pbx": "tcp://host:port"}}, '
            f'such as {{"vostok/{pbx_id or organization_id or "cloud"}": "tcp://127.0.0.1:5038"}}'
        )
    return OrganizationId(organization_id), PbxId(pbx_id)


class PbxRegistry:
    """The runners by PBX; passes each record to the runner that it concerns. No PBX is ours before `own`."""

    def __init__(
        self,
        pbxs: Mapping[str, str],
        *,
        adapter_at: AdapterAt,
        ports: EdgePorts,
        spool: Spool,
        spool_url: str,
    ) -> None:
        """`pbxs` has addresses by `organization/pbx`; `adapter_at` makes the adapter for an address.

        Raises ValueError for a key of another shape.
        """
        self._minutes = SpentMinutes()
        self._policies: dict[OrganizationId, Fact] = {}
        self._has_share = False
        self._runners: dict[tuple[OrganizationId, PbxId], PbxRunner] = {}
        for key, address in sorted(pbxs.items()):
            organization_id, pbx_id = owned(key)
            self._runners[organization_id, pbx_id] = PbxRunner(
                organization_id,
                pbx_id,
                adapter_at(address),
                ports=ports,
                spool=spool,
                spool_url=spool_url,
                minutes=self._minutes.of(organization_id),
            )

    async def own(self, share: Share) -> None:
        """Take the PBXs whose commands are ours, and let go of the others; returns when those are free."""
        self._has_share = True
        ours = {
            each: share.is_ours(f"{organization_id}/{pbx_id}")
            for (organization_id, pbx_id), each in self._runners.items()
        }
        # Before the first wait: a command of a new share may come at the next.
        for each in (runner for runner, is_ours in ours.items() if is_ours):
            each.take(is_by_group=share.is_by_group)
        named = sorted(f"{each.organization_id}/{each.pbx_id}" for each, is_ours in ours.items() if is_ours)
        log.info("gateway.share", pbxs=named, of=len(ours))
        await asyncio.gather(*(each.let_go() for each, is_ours in ours.items() if not is_ours))

    async def hear(self, heard: Heard) -> None:
        """Read one fact, in the order of the log."""
        self._minutes.hear(heard)
        match heard.message:
            case OrganizationSaved() as saved:
                self._policies[saved.organization_id] = saved
                for (organization_id, _), each in self._runners.items():
                    if organization_id == saved.organization_id:
                        each.learn(saved)
            case PbxSaved() as saved if (runner := self._runner(heard, saved.pbx_id)) is not None:
                runner.begin_to_serve(self._policies.get(runner.organization_id))
                runner.learn(saved)
            case PbxFact() as fact if (runner := self._runner(heard, fact.pbx_id)) is not None:
                if heard.envelope.source == f"gateway/{fact.pbx_id}":
                    # Earlier facts of the PBX do as well, if the directory's fact is gone from the log.
                    runner.begin_to_serve(self._policies.get(runner.organization_id))
                    runner.hear(heard)
            case _:
                # Of other PBXs and other organizations.
                pass

    def _runner(self, heard: Heard, pbx_id: PbxId) -> PbxRunner | None:
        """The runner of this PBX of the organization that the record is of (O1), or None."""
        return self._runners.get((heard.envelope.organization_id, pbx_id))

    async def command(self, heard: Heard) -> None:
        """Carry out one command; returns when it is answered."""
        assert isinstance(heard.message, TelephonyCommand)
        runner = self._runner(heard, heard.message.pbx_id)
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
        """Whether every PBX of ours that the directory knows is claimed, and its reachability known."""
        return self._has_share and all(
            not runner.is_ours or runner.is_waiting or runner.is_working for runner in self._runners.values()
        )

    async def stop(self) -> None:
        """Stop every runner."""
        for runner in self._runners.values():
            await runner.stop()
