"""Stories as cues: each customer calls, and each agent becomes free, when the log shows a reason."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.directory import NoticeSaved
from contracts.message import Message
from tests.e2e.cluster import Cluster, Cue
from tests.e2e.company import CUSTOMERS, Company, Outcome
from tests.e2e.letters import Letter

KILLED: Final = ("queue", "callback", "voicemail", "tts", "gateway")


@dataclass(frozen=True, slots=True)
class Morning:
    """A company after its morning: its facts, the phones' counts, and the mail server's letters."""

    company: Company = field(repr=False)
    outcomes: dict[str, Outcome]
    letters: list[Letter] = field(repr=False)
    cluster: Cluster

    def about(self, customer: str) -> list[Letter]:
        """The letters that tell of one customer."""
        return [letter for letter in self.letters if letter.is_about(self.company.phone(customer))]


def after(cluster: Cluster, company: Company) -> Morning:
    """The company after a morning that has ended."""
    return Morning(company, cluster.outcomes(company, CUSTOMERS), cluster.letters(company), cluster)


def alisas_morning(cluster: Cluster, company: Company, begin: Callable[[], bool]) -> list[Cue]:
    """Alisa calls, orders and hangs up; only then Anna becomes free."""
    return [
        Cue(
            f"{company.name}: alisa calls",
            lambda: company.is_open() and begin(),
            lambda: cluster.call(company, "alisa"),
        ),
        Cue(
            f"{company.name}: alisa has ordered and hung up, and anna comes free",
            lambda: company.has_ordered("alisa") and company.has_left("alisa"),
            lambda: cluster.agent(company, "anna", is_there=True),
        ),
    ]


def whole_morning(cluster: Cluster, company: Company, begin: Callable[[], bool]) -> list[Cue]:
    """All five: while Anna talks to Alisa, Boris becomes free for Bella; Cyril has given up before."""
    alisa_calls, anna_comes = alisas_morning(cluster, company, begin)
    return [
        alisa_calls,
        Cue(
            f"{company.name}: bella calls after alisa",
            lambda: company.waits("alisa"),
            lambda: cluster.call(company, "bella"),
        ),
        Cue(
            f"{company.name}: cyril calls after bella",
            lambda: company.waits("bella"),
            lambda: cluster.call(company, "cyril"),
        ),
        *(
            Cue(
                f"{company.name}: {customer} calls",
                lambda: company.waits("alisa"),
                lambda customer=customer: cluster.call(company, customer),  # type: ignore[misc]
            )
            for customer in ("denis", "elena")
        ),
        Cue(
            anna_comes.what,
            lambda: company.has_left("cyril") and anna_comes.when(),
            anna_comes.do,
        ),
        Cue(
            f"{company.name}: anna is ready for alisa, and boris comes free",
            lambda: company.has(q.AgentReady),
            lambda: cluster.agent(company, "boris", is_there=True),
        ),
    ]


def kills(cluster: Cluster, company: Company, service: str) -> list[Cue]:
    """The moments at which a service is killed while this company's customers wait, ring, talk and speak."""
    return [
        Cue(f"{company.name}: kill -9 of {service} when {what}", when, lambda: cluster.kill(service))
        for what, when in _moments(company)[service].items()
    ]


def _moments(company: Company) -> dict[str, dict[str, Callable[[], bool]]]:
    """The most dangerous moment for each service's death: just before its next action."""

    def is_there(kind: type[Message]) -> Callable[[], bool]:
        return lambda: company.has(kind)

    return {
        "queue": {
            "a callback is being ordered": is_there(q.CallbackRequested),
            "an agent's phone rings": is_there(q.OfferMade),
            "an agent has accepted": is_there(q.OfferAccepted),
        },
        "callback": {
            "an order has not been answered yet": is_there(q.CallbackRequested),
            "the customer's phone rings": is_there(c.CustomerDialled),
            "the apology is being dialled": is_there(c.ApologyDialled),
        },
        "voicemail": {
            "a customer speaks": is_there(g.RecordingRequested),
            "a recording is being stored": is_there(v.MessageTaken),
            "letters are being sent": is_there(v.LetterDue),
        },
        "tts": {
            "its notices are being spoken": is_there(NoticeSaved),
            "customers call": lambda: company.waits("bella"),
        },
        # Keys pressed without a gateway are lost, as on a real PBX: kill it when no customer presses one.
        "gateway": {
            "the first customer's call arrives": is_there(g.CallArrived),
            "the customer's phone rings": is_there(c.CustomerDialled),
            "two customers speak": lambda: len(company.all(g.RecordingRequested)) > 1,
        },
    }
