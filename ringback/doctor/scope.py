"""What is looked at: all that the settings name, or what some services need."""

import importlib
from collections.abc import Sequence
from typing import Final

import msgspec

from ringback.stack.services import startable_names
from runtime.decision import Decider
from runtime.edge import Edge
from runtime.web_process import WebService
from services.console.settings import Settings as OfConsole
from services.directory.settings import Settings as OfDirectory
from services.gateway.settings import Settings as OfGateway
from services.history.settings import Settings as OfHistory
from services.tts.settings import Settings as OfTts
from services.voicemail.settings import Settings as OfVoicemail

PBXS: Final = "RINGBACK_PBXS"
OUTSIDE: Final = {"gateway": PBXS}
"""What a service touches beside the parts that it declares."""


class Settings(OfDirectory, OfHistory, OfGateway, OfTts, OfVoicemail, OfConsole):
    """The settings of all services at once: each is empty where its service is not configured here."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """`services` are those whose rights in the log are asked for; `needed` are parts that must be there."""

    services: tuple[str, ...]
    deciders: tuple[str, ...]
    webs: tuple[WebService, ...]
    """Those that serve people, and have their own things in the store."""
    needed: frozenset[str]
    is_whole: bool
    """All services, as far as the settings go."""

    def looks_at(self, part: str) -> bool:
        """Whether a part concerns any of the services."""
        return self.is_whole or part in self.needed


def scope(named: Sequence[str]) -> Scope:
    """The scope of some services, or of all of them if none is named."""
    services = tuple(named) or startable_names()
    deciders: list[str] = []
    webs: list[WebService] = []
    needed: set[str] = set()
    for name in services:
        module = importlib.import_module(f"services.{name}.service")
        service = getattr(module, "SERVICE", None)
        if isinstance(service, WebService):
            webs.append(service)
            needed.add("redis")
            continue
        needed.add("kafka")
        if isinstance(service, Decider):
            deciders.append(name)
            needed |= {"redis", "s3"}
        edge = getattr(module, "EDGE", None)
        if isinstance(edge, Edge):
            needed |= {*edge.parts, *edge.own_parts}
        if name in OUTSIDE:
            needed.add(OUTSIDE[name])
    return Scope(
        services=tuple(name for name in services if name not in {each.name for each in webs}),
        deciders=tuple(deciders),
        webs=tuple(webs),
        needed=frozenset(needed) if named else frozenset(),
        is_whole=not named,
    )
