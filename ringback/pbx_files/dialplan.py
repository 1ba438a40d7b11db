"""extensions.conf's part: who may dial what, and what becomes of a call while no gateway listens.

Calls from outside and to departments are offered to the application. While nobody listens to it they ring,
are offered again every second, and after a while go where the operator chose. Phones reach each other, the
public network and emergency numbers without the application, so that they do whatever becomes of ours.
"""

from collections.abc import Iterator
from typing import Final

from ringback.pbx_files.plan import OutsideRule, PbxPlan

RING_S: Final = 60
"""How long a phone rings that a colleague dials."""
OUTSIDE_RING_S: Final = 120
NO_ANSWER: Final = 19
"""Q.850: nobody answered, though the phone rang; the trunk hears 480."""
NO_ROUTE: Final = 1
"""Q.850: there is no such number; whoever dialled hears 404."""
NO_FORWARDING: Final = "i"
"""Of Dial: who answers «moved to another number» (302) does not choose whom the company calls. Asterisk would
dial that number in the context of whoever answered so, and a network's one would come to us as a new call."""

_OFFER: Final = "ringback-offer"
_COLLEAGUES, _OUTSIDE, _EMERGENCY = "ringback-colleagues", "ringback-outside", "ringback-emergency"
_DEPARTMENTS, _PEERS = "ringback-departments", "ringback-peers"

# A trunk may send any letters, of which commas, ampersands and at signs mean something to applications.
_DIALLED: Final = "${FILTER(+0-9,${EXTEN})}"

# Whoever has moved leaves no cause, which would be told as 603, a person's word.
_CAUSE: Final = f"$[0${{HANGUPCAUSE}} + {NO_ANSWER} * (0${{HANGUPCAUSE}} = 0)]"

_NOT_REACHED: Final = '"${DIALSTATUS}" = "CHANUNAVAIL" | "${DIALSTATUS}" = "CONGESTION"'


def extensions_conf(plan: PbxPlan) -> str:
    """Render what extensions.conf includes."""
    return "\n".join("\n".join(lines) + "\n" for lines in _contexts(plan))


def _contexts(plan: PbxPlan) -> Iterator[list[str]]:
    yield [f"; Dialplan of {plan.pbx_id}. Written by a program: changes get lost."]
    yield ["[from-trunk]", *_offered("_[+0-9].", "arrived")]
    yield [
        "[from-phones]",
        f"include => {_EMERGENCY}",
        f"include => {_DEPARTMENTS}",
        f"include => {_COLLEAGUES}",
        f"include => {_PEERS}",
        f"include => {_OUTSIDE}",
    ]
    # Another PBX reaches people and departments here, never the trunk, since it has one of its own, and no
    # third PBX: two that send a call on to each other would do so until the last hop.
    yield ["[from-peers]", f"include => {_DEPARTMENTS}", f"include => {_COLLEAGUES}"]
    yield [f"[{_DEPARTMENTS}]", *_departments(plan)]
    yield [f"[{_COLLEAGUES}]", *_colleagues(plan)]
    yield [f"[{_PEERS}]", *_peers(plan)]
    yield [f"[{_EMERGENCY}]", *_emergency(plan)]
    yield [f"[{_OUTSIDE}]", *_outside(plan)]
    yield [f"[{_OFFER}]", *_offer(plan)]


def _offered(extension: str, kind: str) -> Iterator[str]:
    yield f"exten => {extension},1,Set(RINGBACK_KIND={kind})"
    yield f" same => n,Set(RINGBACK_DIALLED={_DIALLED})"
    yield f" same => n,Goto({_OFFER},s,1)"


def _departments(plan: PbxPlan) -> Iterator[str]:
    for extension in plan.department_extensions:
        yield from _offered(extension, "internal")


def _colleagues(plan: PbxPlan) -> Iterator[str]:
    for extension in plan.own_extensions:
        yield from _dialled(extension, f"PJSIP/{extension}", RING_S)


def _peers(plan: PbxPlan) -> Iterator[str]:
    """Extensions of the other PBXs; the first of two that have the same one gets the call."""
    taken = {*plan.own_extensions, *plan.department_extensions, *plan.emergency_numbers}
    for peer in plan.peers:
        for extension in peer.extensions:
            if extension not in taken:
                taken.add(extension)
                yield from _dialled(extension, f"PJSIP/{extension}@{peer.pbx_id}", RING_S)


def _dialled(extension: str, address: str, ring_s: int) -> Iterator[str]:
    yield f"exten => {extension},1,Dial({address},{ring_s},{NO_FORWARDING})"
    yield f" same => n,Hangup({_CAUSE})"


def _emergency(plan: PbxPlan) -> Iterator[str]:
    """By each trunk in turn until one takes the call; without a trunk the dialler hears so at once."""
    for number in plan.emergency_numbers:
        yield f"exten => {number},1,NoOp(emergency)"
        yield from _shown(plan)
        for trunk in plan.trunks:
            yield f" same => n,Dial(PJSIP/{number}@{trunk.name},{OUTSIDE_RING_S},{NO_FORWARDING})"
            # Busy and unanswered are answers of the network; only what never got there is tried elsewhere.
            yield f" same => n,GotoIf($[{_NOT_REACHED}]?:done)"
        yield f" same => n(done),Hangup({_CAUSE if plan.trunks else NO_ROUTE})"


def _outside(plan: PbxPlan) -> Iterator[str]:
    for rule in plan.outside:
        yield f"exten => {'' if _is_plain(rule) else '_'}{rule.pattern},1,Set(RINGBACK_DIALLED={_DIALLED})"
        yield from _shown(plan)
        number = f"{rule.prepend}${{RINGBACK_DIALLED:{rule.strip}}}"
        yield f" same => n,Dial(PJSIP/{number}@{plan.trunks[0].name},{OUTSIDE_RING_S},{NO_FORWARDING})"
        yield f" same => n,Hangup({_CAUSE})"


def _is_plain(rule: OutsideRule) -> bool:
    return not set(rule.pattern) & set("XZN.")


def _shown(plan: PbxPlan) -> Iterator[str]:
    """A phone's extension means nothing outside (G5)."""
    if plan.outside_number:
        yield f" same => n,Set(CALLERID(all)=<{plan.outside_number}>)"


def _offer(plan: PbxPlan) -> Iterator[str]:
    """Ring, and offer the call again each second: a gateway that is back has it within one."""
    fallback, elsewhere = plan.fallback, _elsewhere(plan)
    yield "exten => s,1,Set(RINGBACK_OFFERS=0)"
    yield f" same => n(again),Stasis({plan.app},${{RINGBACK_KIND}},${{RINGBACK_DIALLED}},${{CALLERID(pres)}})"
    yield ' same => n,GotoIf($["${STASISSTATUS}" != "FAILED"]?done)'
    yield " same => n,Ringing()"
    yield " same => n,Wait(1)"
    yield " same => n,Set(RINGBACK_OFFERS=$[${RINGBACK_OFFERS} + 1])"
    if elsewhere:
        yield f" same => n,GotoIf($[${{RINGBACK_OFFERS}} % {fallback.after_s} != 0]?next)"
        yield f" same => n,{elsewhere}"
    yield f" same => n(next),GotoIf($[${{RINGBACK_OFFERS}} < {fallback.rings_on_s}]?again)"
    yield f" same => n,Hangup({NO_ANSWER})"
    yield " same => n(done),Hangup()"


def _elsewhere(plan: PbxPlan) -> str:
    """The application that rings what the operator chose, or nothing."""
    fallback = plan.fallback
    if fallback.extensions:
        places = "&".join(f"PJSIP/{each}" for each in fallback.extensions)
        return f"Dial({places},{fallback.ring_s},{NO_FORWARDING})"
    if fallback.number:
        return f"Dial(PJSIP/{fallback.number}@{plan.trunks[0].name},{fallback.ring_s},{NO_FORWARDING})"
    return ""
