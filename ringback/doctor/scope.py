"""What is looked at: all that the settings name, or what some services need."""

import importlib
from collections.abc import Sequence
from typing import Final

import msgspec

from ringback.stack.services import service_names
from runtime.decision import Decider
from runtime.edge import Edge
from services.directory.settings import Settings as OfDirectory
from services.gateway.settings import Settings as OfGateway
from services.history.settings import Settings as OfHistory
from services.tts.settings import Settings as OfTts
from services.voicemail.settings import Settings as OfVoicemail

PBXS: Final = "RINGBACK_PBXS"
OUTSIDE: Final = {"gateway": PBXS}
"""What a service touches beside the parts that it declares."""


class Settings(OfDirectory, OfHistory, OfGateway, OfTts, OfVoicemail):
    """The settings of all services at once: each is empty where its service is not configured here."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """`services` are those whose rights are asked for; `needed` are parts that must be configured."""

    services: tuple[str, ...]
    deciders: tuple[str, ...]
    needed: frozenset[str]
    is_whole: bool
    """All services, as far as the settings go."""

    def looks_at(self, part: str) -> bool:
        """Whether a part concerns any of the services."""
        return self.is_whole or part in self.needed


def scope(named: Sequence[str]) -> Scope:
    """The scope of some services, or of all of them if none is named."""
    services = tuple(named) or service_names()
    deciders: list[str] = []
    needed: set[str] = {"kafka"}
    for name in services:
        module = importlib.import_module(f"services.{name}.service")
        if isinstance(getattr(module, "SERVICE", None), Decider):
            deciders.append(name)
            needed |= {"redis", "s3"}
        edge = getattr(module, "EDGE", None)
        if isinstance(edge, Edge):
            needed |= {*edge.parts, *edge.own_parts}
        if name in OUTSIDE:
            needed.add(OUTSIDE[name])
    return Scope(
        services=services,
        deciders=tuple(deciders),
        needed=frozenset(needed) if named else frozenset(),
        is_whole=not named,
    )
