"""Routing's table of contents: the messages it hears and says, and its decider."""

from typing import Final

from contracts import routing, telephony
from runtime.decision import Decider
from services.routing.decider import HEARD, apply, decide, owed
from services.routing.state import RoutingState

SERVICE: Final = Decider(
    name="routing",
    hears=HEARD,
    says=(
        routing.CallTaken,
        routing.ElementEntered,
        routing.PersonRung,
        routing.TryLegDialled,
        routing.TryLegSkipped,
        routing.TryKeyWanted,
        routing.PersonAnswered,
        routing.PersonMissed,
        routing.CallForwarded,
        routing.CallerTold,
        routing.ExternalDialled,
        routing.ExternalAnswered,
        routing.ExternalEnded,
        routing.CallConnected,
        routing.DepartmentReached,
        routing.VoicemailReached,
        routing.CallEnded,
        routing.NumberErased,
        telephony.AnswerLeg,
        telephony.RejectLeg,
        telephony.Play,
        telephony.StopPlay,
        telephony.CollectDigits,
        telephony.DialLeg,
        telephony.CancelLeg,
        telephony.Bridge,
        telephony.HangUp,
    ),
    new_state=RoutingState,
    apply=apply,
    decide=decide,
    owed=owed,
    # The caller hears it ring so much longer, and only while calls come.
    linger_ms=100,
    counts={
        "telephony.dial_leg": ("dials", "direct"),
    },
)
