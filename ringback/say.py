"""Speaks a notice's text into a WAV file as callers would hear it, so that its author can listen first.

It stores nothing and needs no service. Placeholders get examples: the third position, five minutes, a made-up
number.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from contracts.directory import Language
from contracts.prompts import number_prompts, position_prompt, wait_prompt
from runtime import programs
from services.tts.activities import audio
from services.tts.activities.engine import EngineUnavailable, EspeakNg
from services.tts.rules import notice_text, prompt_texts
from services.tts.rules.notice_text import NoticeRefused, Refusal
from services.tts.rules.text_normalization import as_spoken
from services.tts.settings import Settings

EXAMPLE_NUMBER = "+79123450708"
EXAMPLE_POSITION = 3
EXAMPLE_WAIT_MS = 5 * 60_000


def examples(language: Language, placeholder: str) -> tuple[str, ...]:
    """Examples for placeholders: texts of standard prompts."""
    prompts: dict[str, tuple[str, ...]] = {
        "position": (position_prompt(EXAMPLE_POSITION),),
        "wait_minutes": (wait_prompt(EXAMPLE_WAIT_MS),),
        "number": number_prompts(language, EXAMPLE_NUMBER),
    }
    return tuple(as_spoken(language, prompt_texts.text(language, prompt)) for prompt in prompts[placeholder])


async def spoken(language: Language, text: str, values: dict[str, str]) -> bytes:
    """The text as one canonical WAV. Raises NoticeRefused, EngineUnavailable."""
    engine = EspeakNg(Settings().tts_engine)
    voice = Settings().voices(engine.name)[language]
    said: list[str] = []
    for part in notice_text.parts(language, text, values):
        said += (
            (part.text,) if isinstance(part, notice_text.SpokenPart) else examples(language, part.placeholder)
        )
    sounds = [await engine.speak(each, voice) for each in said]
    try:
        return audio.wav(b"".join(await audio.canonical(sounds)))
    except audio.SoundSilent as error:
        raise NoticeRefused(Refusal.SPEECH_SILENT) from error


def main(argv: list[str]) -> int:
    """Parse the command line, speak, and print the result."""
    parser = argparse.ArgumentParser(prog="python -m ringback say", description=__doc__)
    parser.add_argument("text", help="the text; - reads it from stdin")
    parser.add_argument("--language", choices=[language.value for language in Language], default="ru")
    parser.add_argument("--out", type=Path, required=True, help="the WAV file to write")
    for name in notice_text.CARD_PLACEHOLDERS:
        parser.add_argument(f"--{name.replace('_', '-')}", default="", help=f"what {{{name}}} stands for")
    options = parser.parse_args(argv)
    language = Language(options.language)
    missing = programs.missing(Settings().tts_engine, "sox", "prlimit")
    if missing:
        print(f"say: not installed: {', '.join(missing)}; apt-get install espeak-ng sox", file=sys.stderr)
        return 1
    text = sys.stdin.read() if options.text == "-" else options.text
    values = {name: getattr(options, name) for name in notice_text.CARD_PLACEHOLDERS}
    try:
        wav = asyncio.run(spoken(language, text, values))
    except NoticeRefused as refused:
        print(f"say: {refused.reason(language)}", file=sys.stderr)
        return 1
    except EngineUnavailable as error:
        print(f"say: {notice_text.DELAYED[language]} ({error})", file=sys.stderr)
        return 1
    options.out.write_bytes(wav)
    for part in notice_text.parts(language, text, values):
        print(part.text if isinstance(part, notice_text.SpokenPart) else part)
    print(f"{options.out}: {audio.duration_ms_of_wav(len(wav)) / 1_000:.1f} s")
    return 0
