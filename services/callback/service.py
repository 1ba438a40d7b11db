"""Callback's table of contents."""

from typing import Final

from contracts import telephony
from runtime.decision import Decider
from services.callback.decider import HEARS, SAYS, apply, decide, owed
from services.callback.state import CallbackState

SERVICE: Final = Decider[CallbackState](
    name="callback",
    hears=HEARS,
    says=(
        *SAYS,
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
