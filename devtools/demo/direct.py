"""Promises about the morning's direct call, judged by the facts alone."""

from contracts import gateway as g
from contracts import routing as r
from contracts.directory import AgentSaved
from devtools.demo.promise import Promise
from devtools.demo.timeline import Timeline
from ringback.words import seconds


def forwarded(timeline: Timeline) -> Promise:
    """D2, D3: before another employee is rung, the caller has heard the whole notice of it."""
    finished = {
        each.fact.play_id: each.offset
        for each in timeline.all(g.PlayFinished)
        if isinstance(each.fact, g.PlayFinished) and each.fact.ok
    }
    shown = []
    for each in timeline.all(r.CallForwarded):
        forward = each.fact
        assert isinstance(forward, r.CallForwarded)
        rung = [
            heard.offset
            for heard in timeline.all(r.PersonRung)
            if isinstance(heard.fact, r.PersonRung) and heard.fact.leg_id == forward.leg_id
        ]
        heard_at = finished.get(forward.play_id) if forward.play_id is not None else None
        if heard_at is not None and rung and heard_at < rung[-1] and forward.from_agent_id is not None:
            shown.append(
                f"{timeline.words.caller(forward.leg_id)} from {timeline.words.agent(forward.from_agent_id)}"
            )
    return Promise("a direct call is forwarded after a spoken notice", bool(shown), ", ".join(shown))


def not_rung(timeline: Timeline) -> Promise:
    """D4: an absent employee is skipped, and none of the employee's phones is dialled."""
    absent = {
        each.fact.agent_id
        for each in timeline.all(r.PersonMissed)
        if isinstance(each.fact, r.PersonMissed) and each.fact.reason is r.MissReason.ABSENT
    }
    rung = {each.fact.agent_id for each in timeline.all(r.PersonRung) if isinstance(each.fact, r.PersonRung)}
    return Promise(
        "an absent employee is passed over, and no phone of theirs rings",
        bool(absent) and not absent & rung,
        ", ".join(timeline.words.agent(agent_id) for agent_id in sorted(absent)),
    )


def across(timeline: Timeline) -> Promise:
    """O2: an employee of another PBX takes the call; the PBX at which it came in dials."""
    homes = {
        f.fact.agent_id: f.fact.pbx_id for f in timeline.all(AgentSaved) if isinstance(f.fact, AgentSaved)
    }
    came = {
        f.fact.leg_id: f.fact.pbx_id for f in timeline.all(g.CallArrived) if isinstance(f.fact, g.CallArrived)
    }
    shown = []
    for each in timeline.all(r.CallConnected):
        call = each.fact
        assert isinstance(call, r.CallConnected)
        if call.agent_id is None or homes[call.agent_id] == came[call.leg_id]:
            continue
        name = f"{timeline.words.agent(call.agent_id)} ({timeline.words.pbx(homes[call.agent_id])})"
        shown.append(f"{name} after {seconds(call.waited_ms)}")
    return Promise("somebody of another PBX answers it", bool(shown), ", ".join(shown))
