"""What a look at one thing found."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from runtime.lack import Lack


class Mark(StrEnum):
    """What is to be done about it: something (red), or nothing."""

    GREEN = "green"
    RED = "red"
    NOT_CONFIGURED = "not configured"
    NOT_TRIED = "not tried"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list. `words` of a red one end with the remedy; no secret is ever in them."""

    section: str
    what: str
    mark: Mark
    words: str


class Section:
    """Collects the findings about one part."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []

    def _add(self, what: str, mark: Mark, words: str) -> None:
        self.findings.append(Finding(section=self.name, what=what, mark=mark, words=words))

    def green(self, what: str, words: str) -> None:
        """This is as it should be."""
        self._add(what, Mark.GREEN, words)

    def red(self, what: str, words: str) -> None:
        """Somebody must do what the words end with."""
        self._add(what, Mark.RED, words)

    def lacks(self, what: str, lack: Lack | None, otherwise: str) -> bool:
        """A check of the services' start; whether something is lacking."""
        if lack is None:
            self.green(what, otherwise)
        else:
            self.red(what, lack.words)
        return lack is not None

    def not_tried(self, what: str, words: str) -> None:
        """This can't be tried here, or need not be."""
        self._add(what, Mark.NOT_TRIED, words)

    def not_configured(self, setting: str, *, is_needed: bool) -> None:
        """There is nothing to look at; red where a service that was named needs it."""
        if is_needed:
            self._add("setting", Mark.RED, f"{setting} is not set, and a service that you named needs it")
        else:
            self._add("setting", Mark.NOT_CONFIGURED, f"{setting} is not set")


def is_green(findings: Sequence[Finding]) -> bool:
    """Whether nothing is to be done."""
    return all(each.mark is not Mark.RED for each in findings)
