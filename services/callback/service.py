"""Callback's table of contents: what it hears and says, and the functions that decide."""

from typing import Final

from contracts import callback, telephony
from runtime.decision import Decider
from services.callback.decider import HEARD, apply, decide, owed
from services.callback.state import CallbackState


def gauges(state: CallbackState) -> dict[str, float]:
    """One organization's share of open callbacks and of due apologies, with their deadlines (C4)."""
    return {
        "callbacks_open": float(len(state.callbacks)),
        "callback_deadline_at": state.waiting.at_s,
        "apologies_waiting": float(len(state.apologies_due)),
        "apology_oldest_at": state.apologies_due.at_s,
    }


SERVICE: Final = Decider[CallbackState](
    name="callback",
    hears=HEARD,
    says=(
        callback.NumberWanted,
        callback.NumberTyped,
        callback.CallbackOrdered,
        callback.NumberChanged,
        callback.CallbackConfirmed,
        callback.CallbackRefused,
        callback.OrderAbandoned,
        callback.AttemptStarted,
        callback.CustomerDialled,
        callback.CustomerExpected,
        callback.CustomerJoined,
        callback.JoinRefused,
        callback.ConfirmationAsked,
        callback.CustomerAnswered,
        callback.AttemptFailed,
        callback.AgentLost,
        callback.CustomerHeld,
        callback.ApologyQueued,
        callback.ApologyDialled,
        callback.ApologyMade,
        callback.ApologyFailed,
        callback.MessageWanted,
        callback.CallbackConnected,
        callback.CallbackExpired,
        callback.CallbackUnreached,
        callback.CallbackCancelled,
        callback.CallbackBarred,
        callback.NumberErased,
        telephony.Play,
        telephony.Record,
        telephony.CollectDigits,
        telephony.StartHoldMusic,
        telephony.DialLeg,
        telephony.CancelLeg,
        telephony.Bridge,
        telephony.HangUp,
    ),
    new_state=CallbackState,
    apply=apply,
    decide=decide,
    owed=owed,
    # Between a free agent and a customer whose phone rings for seconds.
    linger_ms=250,
    measures={"callback.connected": ("callback_waited", "connected", "waited_ms")},
    gauges=gauges,
    counts={
        "callback.connected": ("callbacks", "connected"),
        "callback.expired": ("callbacks", "expired"),
        "callback.unreached": ("callbacks", "unreached"),
        "callback.cancelled": ("callbacks", "cancelled"),
        "callback.barred": ("callbacks", "barred"),
        "callback.refused": ("refusals", "@reason"),
        "callback.customer_dialled": ("dials", "callback"),
        "callback.apology_dialled": ("dials", "apology"),
    },
)
