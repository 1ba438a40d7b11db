"""A real Asterisk as a part of the stack: fetched once, run as any user on a loopback address of its own."""

from ringback.stack.asterisk.instance import Instance, Options, free_address
from ringback.stack.asterisk.packages import NoAsterisk, Root, fetched, fetched_beside, known

__all__ = ["Instance", "NoAsterisk", "Options", "Root", "fetched", "fetched_beside", "free_address", "known"]
