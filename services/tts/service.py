"""The table of contents: what the speech service hears and says, and what it is made of."""

from typing import Final

from contracts.message import Message
from contracts.topics import SPEECH
from contracts.tts import NoticeFailed, NoticeRendered, RenderNotice
from runtime import programs
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from services.tts.activities.engine import EspeakNg
from services.tts.activities.notices import Notices
from services.tts.activities.standard import StandardPrompts
from services.tts.activities.studio import Studio
from services.tts.settings import Settings

SERVICE: Final = "tts"
HEARS: Final[tuple[type[Message], ...]] = (RenderNotice,)
SAYS: Final[tuple[type[Message], ...]] = (NoticeRendered, NoticeFailed)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together; says which programs are missing, since without them nothing is ever made."""
    missing = programs.missing(settings.tts_engine, "sox", "ffmpeg", "prlimit")
    if missing:
        raise SystemExit(
            f"{SERVICE}: these programs are missing: {', '.join(missing)}. "
            "On Debian and Ubuntu: apt-get install espeak-ng sox ffmpeg util-linux"
        )
    engine = EspeakNg(settings.tts_engine)
    studio = Studio(
        blobs=ports.blobs,
        engine=engine,
        voices=settings.voices(engine.name),
        forms=settings.tts_forms,
        programs_max=settings.tts_programs_max,
    )
    standard = StandardPrompts(studio, ports.clock)
    notices = Notices(studio=studio, say=ports.say, clock=ports.clock)
    return EdgeWork(
        subscriptions=(
            Subscription(
                topic=SPEECH,
                hears=HEARS,
                handle=notices.render,
                concurrency_max=settings.tts_notices_max,
            ),
        ),
        background=(standard.make_all,),
        is_ready=lambda: standard.is_ready,
    )


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3",))
