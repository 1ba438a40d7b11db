"""Shared by tests of speech: commands as they are heard, and the answers."""

from collections.abc import Sequence

from contracts.codec import Envelope
from contracts.directory import Language
from contracts.ids import Instant, MediaKey, NoticeId, OrganizationId
from contracts.message import Fact
from contracts.tts import RenderNotice
from runtime.edge import Heard, Said


class Answers:
    """The log as an edge sees it: keeps each fact with what it answers."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.causes: list[str] = []

    async def __call__(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """Keep them."""
        assert (organization_id, source, seq) == ("acme", "tts", 0)
        self.facts += facts
        self.causes += [cause] * len(facts) if isinstance(cause, str) else cause
        return tuple(Said(partition=0, offset=at) for at, _ in enumerate(facts))


def asked(
    text: str = "",
    *,
    notice: str = "welcome",
    version: int = 1,
    key: str | None = None,
    values: dict[str, str] | None = None,
    language: Language = Language.RUSSIAN,
) -> Heard:
    """`speech.render_notice` of the organization acme, as the edge hears it."""
    return Heard(
        message=RenderNotice(
            notice_id=NoticeId(notice),
            version=version,
            language=language,
            text=text,
            key=None if key is None else MediaKey(key),
            values=values or {},
        ),
        envelope=Envelope(
            id=f"{notice}.{version}",
            type="speech.render_notice",
            source="directory",
            organization_id=OrganizationId("acme"),
        ),
        partition=0,
        offset=version,
        at=Instant(0),
    )
