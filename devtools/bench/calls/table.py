"""The figures of real calls, ours beside those of Asterisk's `app_queue` in the same run."""

from functools import partial

import uvloop

from devtools.bench.bench import Bench
from devtools.bench.calls import measures, restarts
from devtools.bench.calls.floor import Floor
from devtools.bench.calls.measures import Measured, Sizes
from devtools.bench.calls.pbx import OWN_LINE, QUEUE_LINE, SETTINGS, BenchPbx
from devtools.bench.calls.processes import PBX_PART, shares
from devtools.bench.calls.product import Product
from devtools.bench.calls.restarts import Kept
from devtools.bench.figures import Figure, Goal, Of, at_most, mean, percentile
from ringback.stack import kafka

AGENTS = 10
HAND_OVER_MS_MAX = 50
TIMES_QUICKER = 5
KILLED = ("queue", "gateway", "routing")
AGAINST = "Asterisk's app_queue on the same Asterisk, the same phones, the same run"


def measure(bench: Bench) -> list[Figure]:
    """Measure `app_queue` alone on the machine, then ours, then what a kill loses on each."""
    sizes = Sizes(
        hand_overs=bench.size(25, 8),
        waiting=bench.size(1_000, 100),
        calls=bench.size(120, 30),
        burst=bench.size(200, 20),
    )
    theirs, their_kept = _theirs(bench, sizes)
    ours, our_kept, broker = _ours(bench, sizes)
    return [
        *_hand_overs(ours, theirs, broker),
        *_cost(ours, theirs, broker),
        *_burst(ours, theirs, broker),
        _memory(ours, theirs),
        *_restarts(our_kept, their_kept),
    ]


def _theirs(bench: Bench, sizes: Sizes) -> tuple[Measured, Kept]:
    bench.say("app_queue on an Asterisk of its own")
    with BenchPbx(bench.run / "app-queue", AGENTS) as pbx:

        def anew() -> None:
            pbx.instance.kill()
            pbx.start()

        async def run() -> tuple[Measured, Kept]:
            async with Floor(pbx, QUEUE_LINE) as floor:
                found = await measures.measured(floor, {PBX_PART: pbx.instance.pid}, sizes)
                bench.say("app_queue: Asterisk is killed while callers wait")
                return found, await restarts.killed(floor, anew)

        return uvloop.run(run())


def _ours(bench: Bench, sizes: Sizes) -> tuple[Measured, dict[str, Kept], str]:
    reason = "a quick run" if bench.is_quick else kafka.reason_missing()
    bench.say("ours starts" + (f", without Apache Kafka: {reason}" if reason else ", on Apache Kafka"))
    with (
        BenchPbx(bench.run / "ours", AGENTS) as pbx,
        Product(bench.run / "product", pbx, on_apache=reason is None) as product,
    ):
        bench.say("ours")

        def anew() -> None:
            pbx.instance.kill()
            pbx.start()

        async def run() -> tuple[Measured, dict[str, Kept]]:
            async with Floor(pbx, OWN_LINE) as floor:
                found = await measures.measured(floor, product.pids, sizes)
                kept = {}
                for name in KILLED:
                    bench.say(f"ours: {name} is killed while callers wait")
                    kept[name] = await restarts.killed(floor, partial(product.anew, name))
                bench.say("ours: Asterisk is killed while callers wait")
                kept[PBX_PART] = await restarts.killed(floor, anew)
                return found, kept

        found, kept = uvloop.run(run())
        return found, kept, product.broker


def _hand_overs(ours: Measured, theirs: Measured, broker: str) -> list[Figure]:
    figures = []
    for waiting, own, other in (
        (1, ours.hand_overs_one, theirs.hand_overs_one),
        (ours.waiting, ours.hand_overs_many, theirs.hand_overs_many),
    ):
        name = f"phones: agent free → INVITE, {waiting:,} waiting"
        how = (
            f"{len(own)} times, ten agents, all talking: from one's BYE until the INVITE to a free agent is "
            f"read from the phones' socket; ours with every service a process, on {broker}; nobody hears "
            "music, which would cost either side more than a core at 1,000"
        )
        their_settings = ", ".join(f"{key}={value}" for key, value in SETTINGS)
        bound_by = (
            "the hang-up is a fact, the queue decides and says a command, the gateway says that it will dial "
            "and reads that back before it does: three ways through the broker"
        )
        figures += [
            Figure(
                name=f"{name}, mean",
                unit="ms",
                measured=1000 * mean(own),
                baseline=1000 * mean(other),
                against=f"{AGAINST}: {their_settings}",
                goal=at_most(HAND_OVER_MS_MAX),
                how=how,
                bound_by=bound_by,
            ),
            Figure(
                name=f"{name}, app_queue's mean over ours",
                unit="times",
                measured=mean(other) / mean(own),
                goal=Goal(Of.MEASURED, False, TIMES_QUICKER),
                how="the two means above, of one run",
                bound_by=bound_by,
            ),
        ]
    return figures


def _cost(ours: Measured, theirs: Measured, broker: str) -> list[Figure]:
    own, other = sum(ours.ms_per_call.values()), sum(theirs.ms_per_call.values())
    how = (
        f"{ours.calls} calls, each of which waited, {measures.TALK_S:.0f} s of talk, "
        f"{ours.calls / ours.busy_s:.1f} calls/s: Asterisk, our eight services, {broker}, Redis and S3, "
        "system calls included"
    )
    return [
        Figure(
            name="phones: processor time per queued call, Asterisk and all of ours",
            unit="ms",
            measured=own,
            baseline=other,
            against=f"{AGAINST}: all of its Asterisk, at {theirs.calls / theirs.busy_s:.1f} calls/s",
            how=f"{how}: {shares(ours.ms_per_call)}",
        ),
        Figure(
            name="phones: processor time per queued call, Asterisk alone",
            unit="ms",
            measured=ours.ms_per_call[PBX_PART],
            baseline=other,
            against=AGAINST,
            how="Asterisk's share of ours: what the adapter asks of it",
        ),
    ]


def _burst(ours: Measured, theirs: Measured, broker: str) -> list[Figure]:
    count = len(ours.burst_answers)
    return [
        Figure(
            name=f"phones: {count} calls at once, INVITE → answer, p95",
            unit="ms",
            measured=1000 * percentile(ours.burst_answers, 0.95),
            baseline=1000 * percentile(theirs.burst_answers, 0.95),
            against=f"{AGAINST}, whose dialplan answers",
            how=f"all in one moment, on {broker}; {ours.refused} calls of ours and {theirs.refused} of "
            "theirs were lost in the whole run",
        ),
        Figure(
            name=f"phones: {count} calls at once, until ten agents served all",
            unit="s",
            measured=ours.burst_s,
            baseline=theirs.burst_s,
            against=AGAINST,
            how=f"each talks for {measures.BURST_TALK_S:.0f} s, so no queue can do it in less than "
            f"{count / AGENTS * measures.BURST_TALK_S:.0f} s",
        ),
    ]


def _memory(ours: Measured, theirs: Measured) -> Figure:
    own = ours.bytes_per_caller
    kib = {name: each / 1024 for name, each in own.items()}
    return Figure(
        name="phones: memory of a waiting caller, Asterisk and all of ours",
        unit="KiB",
        measured=sum(kib.values()),
        baseline=sum(theirs.bytes_per_caller.values()) / 1024,
        against=AGAINST,
        how=f"growth of the resident memory of every process by {ours.waiting:,} callers: {shares(kib)}",
    )


def _restarts(ours: dict[str, Kept], theirs: Kept) -> list[Figure]:
    figures = []
    for name, kept in ours.items():
        back = f"an agent was called {kept.back_s:.1f} s after the kill" if kept.back_s else "nobody was left"
        order = ", in the order of their calls" if kept.in_order else ", not in order"
        figures.append(
            Figure(
                name=f"phones: places lost of {kept.waiting}, kill -9 of {name}",
                unit="places",
                measured=kept.lost,
                baseline=theirs.lost,
                against="kill -9 of the Asterisk whose app_queue has them",
                goal=None if name == PBX_PART else at_most(0),
                how=f"killed and started while they wait and all agents hang up; {kept.served} were served"
                f"{order if kept.served else ''}; {back}",
                bound_by="a call that Asterisk holds dies with it" if name == PBX_PART else "",
            )
        )
    return figures
