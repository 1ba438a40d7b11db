"""Reads whole WebSocket messages (RFC 6455) and keeps their bytes, so that a proxy passes them on unchanged.

A library's connection would answer pings itself, and so hide that the machine behind the proxy is frozen.
"""

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

FIN: Final = 0x80
OPCODE: Final = 0x0F
MASKED: Final = 0x80
LENGTH: Final = 0x7F
TWO_BYTES: Final = 126
"""A length of this says that the real one is in the next two bytes."""
EIGHT_BYTES: Final = 127
MESSAGE_BYTES_MAX: Final = 64 << 20
"""A list of a thousand channels is 2 MB; longer is no message of ARI."""


class Opcode(IntEnum):
    """The kinds of frames of which the proxy knows."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class NotAFrame(OSError):
    """The bytes are no frame that a WebSocket may send; the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, or one control frame: its bytes on the wire, and what it says."""

    opcode: int
    raw: bytes
    payload: bytes

    @property
    def is_control(self) -> bool:
        """Whether it is a ping, pong or close."""
        return self.opcode >= Opcode.CLOSE


async def read_message(reader: asyncio.StreamReader, parts: list[Message]) -> Message:
    """The next message, joined from its frames. Control frames come between them and are returned at once.

    `parts` keeps the frames of a message that has begun; give the same list for the whole connection.
    """
    while True:
        is_last, frame = await _read_frame(reader)
        if frame.is_control:
            return frame
        parts.append(frame)
        if sum(len(each.raw) for each in parts) > MESSAGE_BYTES_MAX:
            raise NotAFrame("a message without an end")
        if is_last:
            whole = Message(
                parts[0].opcode,
                b"".join(each.raw for each in parts),
                b"".join(each.payload for each in parts),
            )
            parts.clear()
            return whole


async def _read_frame(reader: asyncio.StreamReader) -> tuple[bool, Message]:
    head = await reader.readexactly(2)
    length, raw = head[1] & LENGTH, head
    if length in (TWO_BYTES, EIGHT_BYTES):
        extended = await reader.readexactly(2 if length == TWO_BYTES else 8)
        length, raw = int.from_bytes(extended, "big"), raw + extended
    if length > MESSAGE_BYTES_MAX:
        raise NotAFrame(f"a frame of {length} bytes")
    mask = await reader.readexactly(4) if head[1] & MASKED else b""
    body = await reader.readexactly(length)
    payload = body if not mask else _unmasked(body, mask)
    return bool(head[0] & FIN), Message(head[0] & OPCODE, raw + mask + body, payload)


def _unmasked(body: bytes, mask: bytes) -> bytes:
    if not body:
        return body
    key = (mask * (len(body) // len(mask) + 1))[: len(body)]
    plain = int.from_bytes(body, "big") ^ int.from_bytes(key, "big")
    return plain.to_bytes(len(body), "big")
