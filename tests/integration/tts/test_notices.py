"""Notices are rendered once, answered on the log, and never lost while an engine or a store is away."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.directory import Language
from contracts.ids import MediaKey
from contracts.tts import NoticeFailed, NoticeRendered
from runtime.memory import MemoryBlobs, MemoryClock
from runtime.ports import BlobInfo, Blobs, BlobsUnavailable
from services.tts.activities.engine import Engine, EspeakNg, Sound
from services.tts.activities.notice_handler import NoticeHandler
from services.tts.activities.renderer import Renderer
from services.tts.rules import content_address
from services.tts.rules.content_address import AudioFormat, Voice
from tests.audio_keys import foreign_uploads
from tests.integration.tts.sounds import VOICES, encoded, measured
from tests.unit.tts.stories import Answers, asked

pytestmark = pytest.mark.usefixtures("quick_retries")

UPLOAD = "uploads/acme/" + 64 * "a"


class CountedEngine:
    """espeak-ng, with a count of what it was asked to speak."""

    name = "espeak-ng"

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self._engine = EspeakNg()

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Count, and speak."""
        self.spoken.append(text)
        return await self._engine.speak(text, voice)

    async def speak_all(self, texts: Sequence[str], voice: Voice) -> list[Sound]:
        """Count them all, and speak."""
        self.spoken += texts
        return await self._engine.speak_all(texts, voice)


class World:
    """A speech service with what it says."""

    def __init__(
        self, blobs: Blobs, engine: Engine | None = None, formats: tuple[AudioFormat, ...] = ()
    ) -> None:
        self.engine = CountedEngine()
        self.renderer = Renderer(blobs=blobs, engine=engine or self.engine, voices=VOICES, formats=formats)
        self.answers = Answers()
        self.clock = MemoryClock()
        self.notices = NoticeHandler(renderer=self.renderer, say=self.answers, clock=self.clock)

    @property
    def rendered(self) -> NoticeRendered:
        """The last answer, which says that the notice can be played."""
        fact = self.answers.facts[-1]
        assert isinstance(fact, NoticeRendered)
        return fact

    @property
    def failed(self) -> NoticeFailed:
        """The last answer, which says that it can't."""
        fact = self.answers.facts[-1]
        assert isinstance(fact, NoticeFailed)
        return fact


@pytest.mark.rule("T1", "T2", "T3")
async def test_a_notice_is_rendered_in_parts_around_what_the_call_knows(blobs: Blobs) -> None:
    """A caller will hear the department's name, then the position as it is in that moment, then the rest."""
    world = World(blobs)
    await world.notices.render(
        asked("Это {department}. {position} Ждите.", values={"department": "Отдел продаж"})
    )
    first, gap, last = world.rendered.parts
    assert gap == "{position}"
    heard = [measured(await blobs.get(key) or b"") for key in (first, last)]
    assert sum(each.duration_ms for each in heard) == world.rendered.duration_ms
    assert all(each.rate == 8_000 and each.peak > 3_000 for each in heard)
    assert world.answers.causes == ["welcome.1"]


@pytest.mark.rule("T2")
async def test_the_same_text_is_rendered_once_for_everybody(blobs: Blobs) -> None:
    """Fifty requests at the same moment share one rendering; later ones, also of other processes, find it."""
    world = World(blobs)
    text = f"Спасибо за звонок. {id(world)}"
    await asyncio.gather(*(world.notices.render(asked(text, notice=f"n{n}")) for n in range(50)))
    await world.notices.render(asked(text, notice="later"))
    other = World(blobs)
    await other.notices.render(asked(text))
    assert len(world.engine.spoken) == 1
    assert other.engine.spoken == []
    assert len(world.answers.facts) == 51
    assert {fact.parts for fact in world.answers.facts if isinstance(fact, NoticeRendered)} == {
        other.rendered.parts
    }
    assert other.rendered.duration_ms == world.rendered.duration_ms


@pytest.mark.rule("T2", "T5")
@pytest.mark.parametrize("copy", [b"", b"RIFF", b"half", b"other"])
async def test_m14_a_wrong_copy_of_a_rendering_is_no_hit_and_is_put_over(copy: bytes) -> None:
    """An object that was cut, or is something else, would stay silent for every caller."""
    blobs = MemoryBlobs()
    first = World(blobs)
    await first.notices.render(asked("Добрый вечер"))
    [key] = first.rendered.parts
    good = blobs.objects[key]
    blobs.objects[key] = (good[0][: len(good[0]) // 2] if copy == b"half" else copy, "audio/wav")
    later = World(blobs)
    await later.notices.render(asked("Добрый вечер"))
    assert later.engine.spoken == ["Добрый вечер"]
    assert later.rendered.duration_ms == first.rendered.duration_ms
    assert blobs.objects[key] == good


@pytest.mark.rule("T2")
async def test_two_processes_that_render_the_same_put_the_same_object(blobs: Blobs) -> None:
    """Two replicas that are asked at the same moment end with one object, whole."""
    one, other = World(blobs), World(blobs)
    text = f"Одну минуту. {id(one)}"
    await asyncio.gather(one.notices.render(asked(text)), other.notices.render(asked(text)))
    assert one.rendered.parts == other.rendered.parts
    assert measured(await blobs.get(one.rendered.parts[0]) or b"").duration_ms == one.rendered.duration_ms


@pytest.mark.rule("T3")
async def test_a_notice_whose_fact_changes_is_rendered_anew() -> None:
    """A new return date is another text, hence another object: the stale one can't play under its key."""
    world = World(MemoryBlobs())
    for version, day in ((1, "2026-11-21"), (2, "2026-11-28")):
        await world.notices.render(
            asked("Вернётся {return_date}.", version=version, values={"return_date": day})
        )
    first, second = world.answers.facts
    assert isinstance(first, NoticeRendered)
    assert isinstance(second, NoticeRendered)
    assert first.parts != second.parts
    assert second.version == 2


@pytest.mark.rule("T2")
async def test_other_forms_are_kept_beside_the_canonical_one() -> None:
    """A PBX that wants A-law finds it, also when it was configured after the notice was made."""
    blobs = MemoryBlobs()
    await World(blobs).notices.render(asked("Добрый день"))
    world = World(blobs, formats=(AudioFormat.ALAW, AudioFormat.WIDE))
    await world.notices.render(asked("Добрый день"))
    [key] = world.rendered.parts
    for form in (AudioFormat.ALAW, AudioFormat.WIDE):
        assert content_address.format_key(MediaKey(key), form) in blobs.objects


@pytest.mark.rule("T3", "T6")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("а" * 5_000, "text_too_long"),
        ("   ", "text_blank"),
        ("😀", "nothing_to_say"),
        ("Вы {place}", "placeholder_unknown"),
        ("{employee} вернётся", "value_missing"),
    ],
)
async def test_a_bad_text_is_refused_for_good_with_cause_and_remedy(text: str, code: str) -> None:
    """EC-112: the author learns at once what to change; nothing is tried again and nothing is stored."""
    world = World(MemoryBlobs())
    await world.notices.render(asked(text, language=Language.ENGLISH))
    assert world.failed.is_final
    assert world.failed.reason.startswith(f"{code}: ")
    assert world.engine.spoken == []


@pytest.mark.rule("T4")
async def test_an_upload_is_brought_to_the_canonical_form(blobs: Blobs, tmp_path: Path) -> None:
    """An MP3 under a name that says nothing plays on a phone; the original stays where it was put."""
    world = World(blobs)
    original = encoded(tmp_path, "-c:a", "libmp3lame", name="a.mp3")
    await blobs.put(UPLOAD, original)
    await world.notices.render(asked(key=UPLOAD))
    [part] = world.rendered.parts
    assert measured(await blobs.get(part) or b"").rate == 8_000
    assert await blobs.get(UPLOAD) == original


@pytest.mark.rule("T4")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "upload_missing"),
        (b"", "upload_not_audio"),
        (b"#EXTM3U\nhttp://example.org/a.mp3\n", "upload_not_audio"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, "upload_not_audio"),
        (b"RIFF\0\0\0\0WAVEfmt ", "upload_broken"),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * (10 * 1024 * 1024), "upload_too_large"),
    ],
)
async def test_an_upload_that_is_no_recording_is_refused(data: bytes | None, code: str) -> None:
    """A picture named .wav, a playlist, a torn or a huge file: each has its own clear answer."""
    world = World(MemoryBlobs())
    if data is not None:
        await world.renderer.blobs.put(UPLOAD, data)
    await world.notices.render(asked(key=UPLOAD))
    assert world.failed.is_final
    assert world.failed.reason.startswith(f"{code}: ")


@pytest.mark.rule("T5")
async def test_while_the_engine_is_down_a_new_text_waits_and_the_old_one_stays(tmp_path: Path) -> None:
    """EC-110: it is said once as not rendered, the earlier rendering stays, and a later try makes it."""
    program = tmp_path / "engine"
    world = World(blobs := MemoryBlobs(), EspeakNg(str(program)))
    before = World(blobs)
    await before.notices.render(asked("Старый текст"))
    kept = dict(blobs.objects)
    waiting = asyncio.create_task(world.notices.render(asked("Новый текст", version=2)))
    while not world.answers.facts:
        await asyncio.sleep(0.01)
    assert not world.failed.is_final
    assert world.failed.reason.startswith("not_rendered: ")
    assert set(world.failed.reasons) == {"ru", "en"}
    assert blobs.objects == kept
    program.symlink_to("/usr/bin/espeak-ng")
    await asyncio.wait_for(waiting, 30)
    assert world.rendered.version == 2
    assert [type(fact) for fact in world.answers.facts] == [NoticeFailed, NoticeRendered]


@pytest.mark.rule("T5")
async def test_other_notices_go_on_while_one_waits(tmp_path: Path) -> None:
    """One organization's upload that can't be read stops nobody else."""

    class CutOff(MemoryBlobs):
        is_cut = True

        async def info(self, key: str) -> BlobInfo | None:
            await asyncio.sleep(0)
            if key.startswith("uploads/") and self.is_cut:
                raise BlobsUnavailable("no answer")
            return await super().info(key)

    blobs = CutOff()
    world = World(blobs)
    await blobs.put(UPLOAD, encoded(tmp_path, "-c:a", "pcm_s16le", name="a.wav"))
    waiting = asyncio.create_task(world.notices.render(asked(key=UPLOAD, notice="uploaded")))
    while not world.answers.facts:
        await asyncio.sleep(0.01)
    await world.notices.render(asked("Добрый день", notice="spoken"))
    assert world.rendered.notice_id == "spoken"
    blobs.is_cut = False
    await asyncio.wait_for(waiting, 30)
    assert world.rendered.notice_id == "uploaded"


@pytest.mark.rule("T5")
async def test_a_version_that_was_saved_anew_is_not_waited_for(tmp_path: Path) -> None:
    """An author who saves twice while the engine is down gets the second text and never the first."""
    program = tmp_path / "engine"
    world = World(MemoryBlobs(), EspeakNg(str(program)))
    first = asyncio.create_task(world.notices.render(asked("Первый", version=1)))
    while not world.answers.facts:
        await asyncio.sleep(0.01)
    second = asyncio.create_task(world.notices.render(asked("Второй", version=2)))
    await asyncio.wait_for(first, 30)
    program.symlink_to("/usr/bin/espeak-ng")
    await asyncio.wait_for(second, 30)
    finals = {
        (fact.version, type(fact))
        for fact in world.answers.facts
        if isinstance(fact, NoticeRendered) or (isinstance(fact, NoticeFailed) and fact.is_final)
    }
    assert finals == {(1, NoticeFailed), (2, NoticeRendered)}


async def test_who_asks_first_may_be_stopped_and_the_others_are_served() -> None:
    """A handler that is cancelled at a stop takes nobody's rendering with it."""
    world = World(MemoryBlobs())
    first = asyncio.create_task(world.notices.render(asked("Добрый вечер", notice="a")))
    second = asyncio.create_task(world.notices.render(asked("Добрый вечер", notice="b")))
    await asyncio.sleep(0.005)
    first.cancel()
    await second
    assert world.rendered.notice_id == "b"
    assert len(world.engine.spoken) == 1


@pytest.mark.rule("O1", "T4")
@pytest.mark.parametrize("key", [each for each in foreign_uploads("acme", "yug") if each])
async def test_a_file_of_another_organization_is_not_rendered(key: str, tmp_path: Path) -> None:
    """Whatever the command says: the key must be one of the organization that it is for."""
    world = World(MemoryBlobs())
    await world.renderer.blobs.put(key, encoded(tmp_path, "-c:a", "pcm_s16le", name="a.wav"))
    await world.notices.render(asked(key=key))
    assert world.failed.is_final
    assert world.failed.reason.startswith("upload_missing: ")
