"""A direct call's facts: busy, forwarded with a notice, absent, answered on another PBX."""

from contracts import gateway as g
from contracts import routing as r
from contracts.ids import AgentId, Instant, LegId, PbxId, PlayId, TryId
from contracts.message import Message
from tests import offices

CLOUD, VOLGA = PbxId("cloud"), PbxId("volga")
ORLIKOV, POLOZOV, ZIMINA = AgentId("orlikov"), AgentId("polozov"), AgentId("zimina")
K5 = LegId("k5")
NOTICE = PlayId("k5.forward")


def forwarded(
    from_agent_id: AgentId, to: AgentId, rule: r.Rule, play_id: PlayId | None = None
) -> r.CallForwarded:
    """A forward from one employee to another."""
    hop = r.Hop(rule=rule, agent_id=to)
    return r.CallForwarded(leg_id=K5, from_agent_id=from_agent_id, to=hop, trail=(hop,), play_id=play_id)


def rung(agent_id: AgentId) -> r.PersonRung:
    """An employee's phones begin to ring."""
    return r.PersonRung(
        leg_id=K5,
        try_id=TryId(f"k5.{agent_id}"),
        agent_id=agent_id,
        rule=r.Rule.ABSENCE,
        legs=(),
        until_at=Instant(130_000),
        ring_ms_max=120_000,
    )


DIRECT_CALL: tuple[tuple[float, Message], ...] = (
    (-5, offices.agent(ZIMINA, VOLGA, "204", devices=())),
    (5, g.CallArrived(pbx_id=CLOUD, leg_id=K5, caller="+79000000105", line="+74950001003")),
    (5, r.PersonMissed(leg_id=K5, agent_id=ORLIKOV, reason=r.MissReason.BUSY)),
    (5, forwarded(ORLIKOV, POLOZOV, r.Rule.NO_ANSWER, NOTICE)),
    (9, g.PlayFinished(pbx_id=CLOUD, leg_id=K5, play_id=NOTICE, ok=True)),
    (9, r.PersonMissed(leg_id=K5, agent_id=POLOZOV, reason=r.MissReason.ABSENT)),
    (9, forwarded(POLOZOV, ZIMINA, r.Rule.ABSENCE)),
    (9, rung(ZIMINA)),
    (11, r.CallConnected(leg_id=K5, with_leg_id=LegId("k5.z"), waited_ms=6_000, agent_id=ZIMINA)),
)
