"""What each phone heard that morning, judged by its own recording: a table, and promises about it.

Only real phones have recordings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from contracts import callback as c
from contracts import queue as q
from contracts.directory import Language
from contracts.ids import MediaKey
from contracts.prompts import Prompt, position_prompt, prompt_key
from devtools import hearing
from devtools.demo.promise import Promise
from devtools.demo.timeline import Timeline
from devtools.hearing import share_heard, tone_ms
from ringback.phones import speak
from ringback.stack.asterisk import sounds
from runtime.masking import masked
from services.gateway.simulated.script import Script

KNOWN_MIN: Final = 0.7
"""The share of a sentence that was heard, an agent or a customer may hang up over its end."""
UNKNOWN_MAX: Final = 0.2
"""What is taken for a sentence that nobody said: a piece here and there."""
MUSIC_MS_MIN: Final = 3_000

Sound = Callable[[str], bytes]
"""The samples of a standard prompt by its name."""


@dataclass(frozen=True, slots=True)
class Morning:
    """The recordings of all phones, and the sounds that they may have."""

    recordings: Mapping[str, bytes]
    """A-law by phone (`sip:201`, `tel:+7…`), all its calls one after the other."""
    music: bytes
    voice: bytes
    """What every agent says, as samples."""
    prompt: Sound

    def of(self, number: str) -> bytes:
        """What a customer heard, as samples."""
        return hearing.pcm_of(self.recordings.get(f"tel:{number}", b""))


def listened(
    heard: Mapping[str, Sequence[Path]], *, script: Script, fetch: Callable[[MediaKey], bytes]
) -> Morning:
    """Read all recordings; what agents say is what the script lets them say."""
    said = {
        (step.say, step.language)
        for pbx in script.pbxs.values()
        for phone in pbx.phones.values()
        for behaviour in phone.behaviours
        for step in behaviour.then
        if step.say is not None
    }
    voice = b"".join(hearing.pcm_of(speak(text, language)) for text, language in sorted(said))
    return Morning(
        {phone: b"".join(file.read_bytes() for file in files) for phone, files in heard.items()},
        music=hearing.pcm_of(sounds.music()),
        voice=voice,
        prompt=lambda name: hearing.pcm_of_wav(fetch(prompt_key(Language.RUSSIAN, name))),
    )


def promises(timeline: Timeline, morning: Morning | None) -> list[Promise]:
    """What must have been heard, and what must not; which customer is which, the log says."""
    morning = morning or Morning({}, music=b"", voice=b"", prompt=lambda _: b"")
    return [
        _agent_heard(timeline, morning),
        _waiting_heard(timeline, morning),
        _apology_heard(timeline, morning),
        _strangers_heard_nothing(timeline, morning),
    ]


def _agent_heard(timeline: Timeline, morning: Morning) -> Promise:
    """C3: the two hear each other, which is more than being bridged."""
    called = _callers(timeline, c.CallbackConnected)
    shares = {number: share_heard(morning.voice, morning.of(number)) for number in called}
    return Promise(
        "the customer who is called back hears the agent's own words",
        bool(shares) and min(shares.values()) >= KNOWN_MIN,
        _percent(shares),
    )


def _waiting_heard(timeline: Timeline, morning: Morning) -> Promise:
    """Q4: whoever waits hears music, and each position that was told."""
    shown = []
    for place in timeline.places.values():
        number = _number(timeline, place.place_id)
        if not isinstance(place.end, q.PlaceConnected) or place.is_callback or number is None:
            continue
        heard = hearing.heard(morning.recordings.get(f"tel:{number}", b""), morning.music)
        told = [
            position
            for position in sorted(set(place.spoken))
            if share_heard(morning.prompt(position_prompt(position)), morning.of(number)) >= KNOWN_MIN
        ]
        if heard.music_ms >= MUSIC_MS_MIN and told == sorted(set(place.spoken)) and told:
            shown.append(f"{heard.music_ms / 1_000:.0f} s of music, positions {', '.join(map(str, told))}")
    return Promise(
        "the customer who stays on the line hears music and the positions", bool(shown), "; ".join(shown)
    )


def _apology_heard(timeline: Timeline, morning: Morning) -> Promise:
    """C4, V1: the apology, and the tone before the recording."""
    shown = []
    for number in _callers(timeline, c.CallbackExpired):
        sound = morning.of(number)
        share = share_heard(morning.prompt(Prompt.APOLOGY_AFTER_NAME), sound)
        beep_ms = tone_ms(sound, sounds.BEEP_HZ)
        if share >= KNOWN_MIN and beep_ms >= sounds.BEEP_MS / 2:
            shown.append(f"{100 * share:.0f} % of the words, and a tone of {beep_ms} ms")
    return Promise(
        "the customer with the voice message hears the apology and the tone", bool(shown), "; ".join(shown)
    )


def _strangers_heard_nothing(timeline: Timeline, morning: Morning) -> Promise:
    """Whoever was never connected hears no word of any agent."""
    met = {*_callers(timeline, c.CallbackConnected), *_callers(timeline, q.PlaceConnected)}
    others = {*_callers(timeline, c.CallbackExpired), *_callers(timeline, q.PlaceAbandoned)} - met
    shares = {number: share_heard(morning.voice, morning.of(number)) for number in sorted(others)}
    return Promise(
        "a customer who reached nobody hears nobody's talk",
        bool(shares) and all(map(morning.of, shares)) and max(shares.values()) <= UNKNOWN_MAX,
        _percent(shares),
    )


def _callers(timeline: Timeline, kind: type) -> list[str]:
    """The numbers of the customers whose place or callback ended like this."""
    numbers = (_number(timeline, getattr(each.fact, "place_id", "")) for each in timeline.all(kind))
    return [number for number in numbers if number is not None]


def _number(timeline: Timeline, place_id: str) -> str | None:
    for each in timeline.all(q.PlaceTaken):
        if isinstance(each.fact, q.PlaceTaken) and each.fact.place_id == place_id:
            return each.fact.caller
    return None


def _percent(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{masked(number)}: {100 * share:.0f} %" for number, share in shares.items())


def show(console: Console, morning: Morning) -> None:
    """The table of all phones, in seconds."""
    table = Table(title="heard on the phones, in seconds", title_justify="left", box=None, pad_edge=False)
    table.add_column("phone", no_wrap=True)
    for name in ("speech", "music", "tone", "silence"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, sound in sorted(morning.recordings.items()):
        heard = hearing.heard(sound, morning.music)
        times = (heard.speech_ms, heard.music_ms, heard.tone_ms, heard.silence_ms)
        who = masked(name.removeprefix("tel:")) if name.startswith("tel:") else name.removeprefix("sip:")
        table.add_row(who, *(f"{each / 1_000:.1f}" if each else "" for each in times))
    console.print()
    console.print(table)
