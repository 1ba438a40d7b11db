"""What keeps a process from its work, as an operator reads it."""

import msgspec


class Lack(msgspec.Struct, frozen=True):
    """One line with its remedy.

    `may_pass`: it may end by itself, since a part is only away, or is not set up yet. Otherwise somebody must
    change a setting or a right, and waiting is of no use.
    `is_needed`: nothing can be done without it. Otherwise a process works, and repeats what needs the part.
    """

    words: str
    may_pass: bool = False
    is_needed: bool = True

    def __str__(self) -> str:
        return self.words
