"""Answers `speech.render_notice` with `tts.notice_rendered`, or with `tts.notice_failed` and the reason.

A command counts as answered only after a final answer is on the log, so a process that dies while retrying
hears it again. If a notice can't be made now, that is said once (`is_final` False, so that people see it).
It is retried with growing pauses while other commands go on; the earlier rendering stays (T5, EC-110).
"""

import itertools
from collections import OrderedDict
from typing import Final

import stamina
import structlog

from contracts.audio_keys import is_own_upload
from contracts.directory import Language
from contracts.ids import NoticeId, OrganizationId
from contracts.message import Fact
from contracts.tts import NoticeFailed, NoticeRendered, RenderNotice
from runtime import metrics
from runtime.edge import Heard, Say
from runtime.ports import BlobsUnavailable, Clock
from services.tts.activities.engine import EngineUnavailable
from services.tts.activities.renderer import Renderer, Rendering
from services.tts.rules import notice_text
from services.tts.rules.notice_text import NoticeRefused, OpenPlaceholder, Part, Refusal

_PASSING: Final = (EngineUnavailable, BlobsUnavailable)
_QUICK_TRIES: Final = 3
"""A short disturbance ends within a second, and needs no answer."""
_PAUSES_S: Final = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
_VERSIONS_MAX: Final = 50_000
"""Newest versions remembered, some 100 bytes each; a forgotten one costs a needless rendering."""

_log = structlog.get_logger()


class NoticeHandler:
    """Renders the notices of organizations."""

    def __init__(self, *, renderer: Renderer, say: Say, clock: Clock) -> None:
        self._renderer = renderer
        self._say = say
        self._clock = clock
        self._newest: OrderedDict[tuple[OrganizationId, NoticeId], int] = OrderedDict()

    async def render(self, heard: Heard) -> None:
        """Answer one command."""
        command = heard.message
        assert isinstance(command, RenderNotice)
        self._note(heard.envelope.organization_id, command)
        try:
            answer: Fact = await self._rendered(heard, command)
            metrics.RENDERINGS.labels("done").inc()
        except NoticeRefused as refused:
            answer = _failed(command, {each: refused.reason(each) for each in Language}, is_final=True)
            metrics.RENDERINGS.labels("refused").inc()
        await self._answer(heard, answer)

    async def _rendered(self, heard: Heard, command: RenderNotice) -> NoticeRendered:
        parts: tuple[Part, ...] = ()
        if command.key and not is_own_upload(heard.envelope.organization_id, command.key):
            raise NoticeRefused(Refusal.UPLOAD_MISSING)
        if not command.key:
            parts = notice_text.parts(command.language, command.text, command.values, command.region)
        for pause in itertools.chain((0.0,), _PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
            if pause:
                await self._clock.sleep(pause)
            # Not at the first try: a command that is heard again after a restart gets the same answer.
            if pause and self._is_superseded(heard.envelope.organization_id, command):
                raise NoticeRefused(Refusal.SUPERSEDED)
            try:
                return await self._with_quick_tries(heard.envelope.organization_id, command, parts)
            except _PASSING as error:
                _log.warning(
                    "a notice could not be rendered, and is tried again",
                    notice_id=command.notice_id,
                    error=str(error),
                )
                if not pause:
                    metrics.RENDERINGS.labels("delayed").inc()
                    await self._answer(heard, _failed(command, notice_text.DELAYED, is_final=False))
        raise AssertionError("the pauses have no end")

    async def _with_quick_tries(
        self, organization_id: OrganizationId, command: RenderNotice, parts: tuple[Part, ...]
    ) -> NoticeRendered:
        async for attempt in stamina.retry_context(
            on=_PASSING, attempts=_QUICK_TRIES, wait_initial=0.1, wait_max=1.0
        ):
            with attempt:
                return await self._make(organization_id, command, parts)
        raise AssertionError("stamina returns or raises")

    async def _make(
        self, organization_id: OrganizationId, command: RenderNotice, parts: tuple[Part, ...]
    ) -> NoticeRendered:
        made: list[Rendering | OpenPlaceholder] = []
        if command.key:
            made.append(await self._renderer.upload(command.key, organization_id=organization_id))
        made += [
            part
            if isinstance(part, OpenPlaceholder)
            else await self._renderer.speech(command.language, part.text, organization_id=organization_id)
            for part in parts
        ]
        return NoticeRendered(
            notice_id=command.notice_id,
            version=command.version,
            language=command.language,
            parts=tuple(str(each) if isinstance(each, OpenPlaceholder) else each.key for each in made),
            duration_ms=sum(0 if isinstance(each, OpenPlaceholder) else each.duration_ms for each in made),
        )

    def _note(self, organization_id: OrganizationId, command: RenderNotice) -> None:
        about = (organization_id, command.notice_id)
        self._newest[about] = max(command.version, self._newest.get(about, 0))
        self._newest.move_to_end(about)
        while len(self._newest) > _VERSIONS_MAX:
            self._newest.popitem(last=False)

    def _is_superseded(self, organization_id: OrganizationId, command: RenderNotice) -> bool:
        return self._newest.get((organization_id, command.notice_id), 0) > command.version

    async def _answer(self, heard: Heard, fact: Fact) -> None:
        await self._say(
            (fact,),
            organization_id=heard.envelope.organization_id,
            source="tts",
            cause=heard.envelope.id,
        )


def _failed(command: RenderNotice, reasons: dict[Language, str], *, is_final: bool) -> NoticeFailed:
    return NoticeFailed(
        notice_id=command.notice_id,
        version=command.version,
        reason=reasons[command.language],
        is_final=is_final,
        reasons={str(language): said for language, said in reasons.items()},
    )
