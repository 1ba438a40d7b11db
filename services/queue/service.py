"""The queue's table of contents: what it consumes, what it publishes, and the functions that decide."""

from typing import Final

from contracts import queue, telephony
from runtime.decision import Decider
from services.queue.decider import HEARD, apply, decide, owed, settle
from services.queue.state import QueueState


def gauges(state: QueueState) -> dict[str, float]:
    """What one organization adds to the gauges of waiting places."""
    orders = [order for order in state.order.values() if order]
    return {
        "places_waiting": float(sum(len(order) for order in orders)),
        "departments_waiting": float(len(orders)),
        "place_oldest_at": min((order[0][1] / 1000 for order in orders), default=0.0),
    }


def is_urgent(state: QueueState) -> bool:
    """Whether somebody waits for an agent: the record that frees one is answered soon."""
    return any(state.open.values())


SERVICE: Final = Decider(
    name="queue",
    hears=HEARD,
    says=(
        queue.PlaceTaken,
        queue.AnnouncementMade,
        queue.CallbackRequested,
        queue.CallbackTakenOver,
        queue.CallbackJoined,
        queue.CustomerOnLine,
        queue.CustomerTalked,
        queue.ApologyGranted,
        queue.OfferMade,
        queue.OfferLegDialled,
        queue.KeyWanted,
        queue.OfferAccepted,
        queue.OfferDeclined,
        queue.OfferMissed,
        queue.OfferUnreachable,
        queue.OfferWithdrawn,
        queue.OfferReopened,
        queue.AgentReady,
        queue.PlaceConnected,
        queue.PlaceAbandoned,
        queue.PlaceDiverted,
        queue.FallbackRung,
        queue.NoAnswerReached,
        queue.DeadlinePassed,
        queue.PlaceClosed,
        queue.AgentBusy,
        queue.AgentFreed,
        queue.WrapUpStarted,
        queue.AgentPaused,
        queue.AgentResumed,
        queue.PbxAway,
        queue.PbxBack,
        queue.NumberErased,
        telephony.AnswerLeg,
        telephony.Play,
        telephony.StopPlay,
        telephony.Record,
        telephony.StartHoldMusic,
        telephony.DialLeg,
        telephony.CancelLeg,
        telephony.Bridge,
        telephony.HangUp,
    ),
    new_state=QueueState,
    apply=apply,
    decide=decide,
    owed=owed,
    # Where nobody waits for an agent: a phone rings, or two who talk hear each other, so much later.
    linger_ms=100,
    is_urgent=is_urgent,
    # A hand-over waits it out while calls come: it stays under 20 ms.
    urgent_linger_ms=15,
    settle=settle,
    counts={
        "queue.offer_accepted": ("offers", "accepted"),
        "queue.offer_declined": ("offers", "declined"),
        "queue.offer_missed": ("offers", "missed"),
        "queue.offer_unreachable": ("offers", "unreachable"),
        "queue.offer_withdrawn": ("offers", "withdrawn"),
        "queue.place_connected": ("places", "connected"),
        "queue.place_abandoned": ("places", "abandoned"),
        "queue.place_diverted": ("places", "@action"),
        "queue.place_closed": ("places", "@outcome"),
        "telephony.dial_leg": ("dials", "agent"),
    },
    measures={
        "queue.place_connected": ("place_waited", "connected", "waited_ms"),
        "queue.place_abandoned": ("place_waited", "abandoned", "waited_ms"),
        "queue.place_diverted": ("place_waited", "diverted", "waited_ms"),
    },
    gauges=gauges,
)
