"""The speech service's table of contents: what it hears and says, and the parts it is made of."""

from typing import Final

from contracts.message import Message
from contracts.topics import SPEECH
from contracts.tts import NoticeFailed, NoticeRendered, RenderNotice
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from services.tts.activities import voices
from services.tts.activities.engine import EspeakNg
from services.tts.activities.notice_handler import NoticeHandler
from services.tts.activities.renderer import Renderer
from services.tts.activities.standard_prompts import StandardPrompts
from services.tts.settings import Settings

SERVICE: Final = "tts"
HEARS: Final[tuple[type[Message], ...]] = (RenderNotice,)
SAYS: Final[tuple[type[Message], ...]] = (NoticeRendered, NoticeFailed)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together."""
    engine = EspeakNg(settings.tts_engine)
    renderer = Renderer(
        blobs=ports.blobs,
        engine=engine,
        voices=settings.voices(engine.name),
        formats=settings.tts_forms,
        programs_max=settings.tts_programs_max,
    )
    standard = StandardPrompts(renderer, ports.clock)
    notices = NoticeHandler(renderer=renderer, say=ports.say, clock=ports.clock)
    return EdgeWork(
        subscriptions=(
            Subscription(
                topic=SPEECH,
                hears=HEARS,
                handle=notices.render,
                concurrency_max=settings.tts_notices_max,
                # Those that wait for an engine or a store to come back leave room for the others'.
                per_organization_max=max(1, settings.tts_notices_max // 4),
            ),
        ),
        background=(standard.make_all,),
        is_ready=lambda: standard.is_ready,
    )


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3",), own_parts={voices.ENGINE: voices.lack})
