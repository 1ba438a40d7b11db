"""What keeps a process from its work, as an operator reads it."""

import msgspec


class Lack(msgspec.Struct, frozen=True):
    """One line with its remedy.

    `may_pass`: it may end by itself, since a part is only away, or is not set up yet. Otherwise somebody must
    change a setting or a right, and waiting is of no use.
    """

    words: str
    may_pass: bool = False

    def __str__(self) -> str:
        return self.words
