"""Sentences that code makes and a page says: in the reader's language, with what stands in them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.console.rules import formats


class At(NamedTuple):
    """An instant (ms), said as the time of day."""

    at: int


class Lasting(NamedTuple):
    """A duration (ms), said as people say it."""

    ms: int


class Phrase(NamedTuple):
    """A marked text, and the values of its placeholders; a value that is a phrase is translated, too."""

    text: str
    values: "Mapping[str, str | Phrase | At | Lasting]" = {}


class Speaker(NamedTuple):
    """A reader's language: `translate` looks a text up in the catalogue, the zone is the organization's."""

    translate: Callable[[str], str]
    language: str
    zone: str

    def say(self, phrase: Phrase) -> str:
        """The sentence, not yet escaped."""
        text = self.translate(phrase.text)
        if not phrase.values:
            return text
        return text % {name: self._value(value) for name, value in phrase.values.items()}

    def _value(self, value: str | Phrase | At | Lasting) -> str:
        match value:
            case Phrase():
                return self.say(value)
            case At():
                return formats.clock(value.at, self.language, self.zone, seconds=True)
            case Lasting():
                return formats.spoken(value.ms, self.language)
            case _:
                return value
