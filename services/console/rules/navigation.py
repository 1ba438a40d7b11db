"""The menu: what exists now, by rights. The table of rights decides here what is shown, and in the APIs what
is answered."""

from collections.abc import Mapping
from typing import Final, NamedTuple


def marked(text: str) -> str:
    """Mark a text for the catalogues, which have its words; it is translated where it is shown."""
    return text


OWN: Final = "own"
"""The reach of a right that goes no further than what is one's own."""


class Screen(NamedTuple):
    """One screen of the menu. `rights`: any of them opens it; none: everybody has it.

    `group` divides the menu: `live` is what happens, `company` what is set up, `own` what is one's own.
    `own_word`: what it is called by whoever sees no more in it than what is one's own. Without `is_for_own`
    they do not have it: their own page has that. Without `is_first` nobody's day begins there.
    """

    name: str
    word: str
    path: str
    key: str
    group: str
    rights: tuple[str, ...] = ()
    own_word: str = ""
    is_for_own: bool = True
    is_first: bool = True

    def called(self, rights: Mapping[str, str]) -> str:
        """Its name for somebody with these rights."""
        return self.own_word if self.own_word and self.is_own(rights) else self.word

    def is_own(self, rights: Mapping[str, str]) -> bool:
        """Whether these rights reach no further in it than what is one's own."""
        return {rights[each] for each in self.rights if each in rights} == {OWN}


SCREENS: Final = (
    Screen("wallboard", marked("Wallboard"), "wallboard", "t", "live", ("live.read",)),
    Screen("callbacks", marked("Callbacks of customers"), "callbacks", "c", "live", ("live.read",)),
    Screen(
        "history",
        marked("History"),
        "history",
        "h",
        "live",
        rights=("history.read",),
        own_word=marked("My calls"),
        is_first=False,
    ),
    Screen(
        "voicemail",
        marked("Voicemail inbox"),
        "voicemail",
        "v",
        "live",
        rights=("message.hear",),
        is_for_own=False,
        is_first=False,
    ),
    Screen(
        "statistics",
        marked("Statistics"),
        "statistics",
        "s",
        "live",
        rights=("statistics.read",),
        is_first=False,
    ),
    Screen("me", marked("My page"), "me", "m", "own"),
)
"""In the order of the menu."""


def menu(rights: Mapping[str, str]) -> tuple[Screen, ...]:
    """The screens that somebody with these rights may see, each by its name for them."""
    return tuple(each._replace(word=each.called(rights)) for each in SCREENS if _may_see(each, rights))


def first(rights: Mapping[str, str]) -> Screen:
    """The page after signing in."""
    return next(each for each in menu(rights) if each.is_first)


def may_see(name: str, rights: Mapping[str, str]) -> bool:
    """Whether somebody with these rights may see a screen; its address answers 403 otherwise."""
    return any(each.name == name for each in menu(rights))


def _may_see(screen: Screen, rights: Mapping[str, str]) -> bool:
    if not screen.rights:
        return True
    is_reached = any(each in rights for each in screen.rights)
    return is_reached and (screen.is_for_own or not screen.is_own(rights))
