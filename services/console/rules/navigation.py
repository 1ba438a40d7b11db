"""The menu: what exists now, by rights. The table of rights decides here what is shown, and in the APIs what
is answered."""

from collections.abc import Mapping
from typing import Final, NamedTuple


def marked(text: str) -> str:
    """Mark a text for the catalogues, which have its words; it is translated where it is shown."""
    return text


class Screen(NamedTuple):
    """One screen of the menu. `rights`: any of them opens it; none: everybody has it.

    `group` divides the menu: `live` is what happens, `company` what is set up, `own` what is one's own.
    """

    name: str
    word: str
    path: str
    key: str
    group: str
    rights: tuple[str, ...] = ()


SCREENS: Final = (Screen("me", marked("My page"), "me", "m", "own"),)
"""In the order of the menu; the first one that a person may see is the first page."""


def menu(rights: Mapping[str, str]) -> tuple[Screen, ...]:
    """The screens that somebody with these rights may see."""
    return tuple(each for each in SCREENS if _may_see(each, rights))


def first(rights: Mapping[str, str]) -> Screen:
    """The page after signing in."""
    return menu(rights)[0]


def may_see(name: str, rights: Mapping[str, str]) -> bool:
    """Whether somebody with these rights may see a screen; its address answers 403 otherwise."""
    return any(each.name == name for each in menu(rights))


def _may_see(screen: Screen, rights: Mapping[str, str]) -> bool:
    return not screen.rights or any(each in rights for each in screen.rights)
