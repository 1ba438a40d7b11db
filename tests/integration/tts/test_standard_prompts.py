"""Every standard prompt is in the bucket before the service is ready, and is made once."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.prompts import (
    PROMPTS,
    Prompt,
    attempt_prompt,
    number_prompts,
    position_prompt,
    prompt_key,
    wait_prompt,
)
from ringback.stack.parts import S3
from runtime.memory import MemoryBlobs, MemoryClock
from runtime.ports import BlobInfo
from runtime.s3_blobs import S3Blobs
from runtime.system_clock import SystemClock
from services.tts.activities.engine import EspeakNg
from services.tts.activities.renderer import Renderer
from services.tts.activities.standard_prompts import StandardPrompts
from services.tts.rules.content_address import Voice
from tests.integration.tts.sounds import VOICES, measured


class Counted(MemoryBlobs):
    """A store that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def get(self, key: str) -> bytes | None:
        self.asked += 1
        return await super().get(key)

    async def info(self, key: str) -> BlobInfo | None:
        self.asked += 1
        return await super().info(key)


def standard(blobs: MemoryBlobs, voices: dict[Language, Voice] | None = None) -> StandardPrompts:
    """The standard prompts of a process that has just started."""
    return StandardPrompts(Renderer(blobs=blobs, engine=EspeakNg(), voices=voices or VOICES), MemoryClock())


def is_ready_after(prompts: StandardPrompts) -> bool:
    """Make what is missing."""
    asyncio.run(prompts.make_all())
    return prompts.is_ready


@pytest.fixture(scope="module")
def made() -> Counted:
    """A bucket after a first start."""
    blobs = Counted()
    first = standard(blobs)
    assert not first.is_ready
    assert is_ready_after(first)
    return blobs


@pytest.mark.rule("T1", "T2")
@pytest.mark.parametrize("language", Language)
async def test_every_standard_prompt_can_be_heard(made: Counted, language: Language) -> None:
    """All of the closed list is there, canonical, evenly loud, neither silent nor endless."""
    for prompt in PROMPTS:
        found = measured(made.objects[prompt_key(language, prompt)][0])
        assert (found.rate, found.channels, found.sample_bytes) == (8_000, 1, 2), prompt
        assert found.peak > 2_000, prompt
        if prompt == Prompt.RINGING_TONE:
            continue
        assert 1_900 < found.level < 2_700, prompt
        assert 200 < found.duration_ms < 20_000, prompt


@pytest.mark.rule("T1", "T5")
async def test_what_a_call_needs_is_a_list_of_files(made: Counted) -> None:
    """EC-111: position, wait and number are played from prompts that lie there; no engine is asked."""
    for language in Language:
        needed = [*number_prompts(language, "+79123450708"), *number_prompts(language, "+442079460958")]
        needed += [position_prompt(n) for n in (1, 30, 31, 999)]
        needed += [wait_prompt(ms) for ms in (None, 0, 61_000, 3_600_000, 9_999_999)]
        for prompt in needed:
            assert prompt_key(language, prompt) in made.objects


@pytest.mark.rule("C6")
@pytest.mark.parametrize("language", Language)
async def test_m2_an_agent_is_told_within_a_second_and_a_half(made: Counted, language: Language) -> None:
    """Why nobody is there, in at most 1.5 s: the agent is free within 2 s; after a hang-up within 1 s."""
    told = {attempt_prompt(outcome) for outcome in Outcome}
    for prompt in (*told, Prompt.CALLBACK_CANCELLED):
        found = measured(made.objects[prompt_key(language, prompt)][0])
        assert found.duration_ms <= (1_000 if prompt == Prompt.CALLER_GONE else 1_500), prompt


@pytest.mark.rule("Q7")
@pytest.mark.parametrize("language", Language)
async def test_m2_an_agent_who_answers_too_late_hears_so_within_a_second(
    made: Counted, language: Language
) -> None:
    """A quarter of the second in which the agent is free again is for the PBX and the log."""
    found = measured(made.objects[prompt_key(language, Prompt.CALLER_GONE)][0])
    assert found.duration_ms <= 750


async def test_a_second_start_asks_once_a_language_and_makes_nothing(made: Counted) -> None:
    """A restart in the morning's traffic is ready at once."""
    before = dict(made.objects)
    made.asked = 0
    again = standard(made)
    await again.make_all()
    assert again.is_ready
    assert made.asked == len(Language)
    assert made.objects == before


async def test_a_new_installation_has_every_prompt_in_a_real_store(s3_server: S3) -> None:
    """The first start on an empty bucket ends ready, and the second one at once, on a real S3, too."""
    client = s3_server.client()
    blobs = S3Blobs(client, s3_server.bucket, encryption=False)
    for _ in range(2):
        prompts = StandardPrompts(
            Renderer(blobs=blobs, engine=EspeakNg(), voices=VOICES),
            SystemClock(),
            languages=(Language.ENGLISH,),
        )
        await prompts.make_all()
        assert prompts.is_ready
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=s3_server.bucket, Prefix="standard/en/")
    keys = {found["Key"] for page in pages for found in page.get("Contents", ())}
    assert {prompt_key(Language.ENGLISH, prompt) for prompt in PROMPTS} <= keys


@pytest.mark.rule("T5")
async def test_another_voice_is_put_over_the_old_one(made: Counted) -> None:
    """A changed voice reaches every prompt of its language, and the other language stays as it was."""
    blobs = MemoryBlobs()
    blobs.objects = dict(made.objects)
    voices = {**VOICES, Language.ENGLISH: Voice("espeak-ng", "en-us", 150)}
    await standard(blobs, voices).make_all()
    for prompt in (Prompt.QUEUE_WELCOME, "pair_99"):
        russian, english = (prompt_key(language, prompt) for language in Language)
        assert blobs.objects[russian] == made.objects[russian]
        assert blobs.objects[english] != made.objects[english]


@pytest.mark.rule("T5")
async def test_a_start_without_an_engine_keeps_trying_and_is_not_ready(made: Counted, tmp_path: Path) -> None:
    """Prompts of an earlier start stay and play; the service becomes ready when the engine is back."""
    program = tmp_path / "engine"
    blobs = MemoryBlobs()
    lost = (Prompt.APOLOGY, "pair_99")
    key = f"standard/{Language.RUSSIAN}/made.json"
    found = msgspec.json.decode(made.objects[key][0], type=dict[str, str])
    rest = msgspec.json.encode({prompt: at for prompt, at in found.items() if prompt not in lost})
    blobs.objects = {**made.objects, key: (rest, "application/json")}
    seen = []

    class Patient(MemoryClock):
        async def sleep(self, seconds: float) -> None:
            seen.append((prompts.is_ready, blobs.objects[prompt_key(Language.RUSSIAN, Prompt.APOLOGY)]))
            program.symlink_to("/usr/bin/espeak-ng")

    prompts = StandardPrompts(Renderer(blobs=blobs, engine=EspeakNg(str(program)), voices=VOICES), Patient())
    await prompts.make_all()
    assert prompts.is_ready
    assert seen == [(False, made.objects[prompt_key(Language.RUSSIAN, Prompt.APOLOGY)])]
    assert blobs.objects[key] == made.objects[key]
