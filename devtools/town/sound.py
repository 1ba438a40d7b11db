"""The sound of calls: for each a socket that sends and hears RTP with A-law, every 20 ms, on one thread.

A phone whose person says nothing whispers: it sends a square wave of the smallest amplitude that A-law has,
which every detector and every ear takes for silence, and which other phones of the town know.
"""

import contextlib
import random
import socket
import struct
import threading
import time
from pathlib import Path
from typing import BinaryIO, Final

SAMPLES_PER_MS: Final = 8
FRAME_MS: Final = 20
FRAME_BYTES: Final = FRAME_MS * SAMPLES_PER_MS
SILENCE: Final = b"\xd5"
WHISPER: Final = (b"\xd5" * 8 + b"\x55" * 8) * (FRAME_BYTES // 16)
"""One frame of 500 Hz, eight units of 32,768 high."""
A_LAW, MU_LAW = 8, 0
"""Payload types (RFC 3551)."""
HEADER: Final = struct.Struct("!BBHII")
VERSION: Final = 0x80
MARK: Final = 0x80
EXTENDED: Final = 0x10
PACKET_BYTES_MAX: Final = 2_048
LATE_FRAMES_MAX: Final = 50
"""What a busy machine has kept us from sending is sent late, but no more than a second of it."""
GAP_MS_MAX: Final = 60
"""A pause in what is heard that is longer than this was silence, and is filled in."""
KEPT_MS: Final = 10_000
"""How much of what was heard stays in memory, for those who wait for something."""
WRITTEN_BYTES: Final = 800
"""What is heard is written to disk in pieces, since 200 phones would write 10,000 times a second."""


class Line:
    """The sound of one call: what its phone hears, also on disk, and what its person says."""

    def __init__(self, address: str, file: Path) -> None:
        """Open a socket on a loopback address; `file` gets what is heard."""
        self.address = address
        self.file = file
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self._peer: tuple[str, int] | None = None
        self._lock = threading.Lock()
        self._said = bytearray()
        self._sequence = random.getrandbits(15)
        self._stamp = random.getrandbits(31)
        self._source = random.getrandbits(32)
        self._started_at = time.monotonic()
        self._sent = 0
        self._tail = bytearray()
        self._dropped = 0
        self._unwritten = bytearray()
        self._output: BinaryIO | None = None
        self.spoken: list[tuple[float, float]] = []
        """From when until when the person said something, as `time.monotonic` counts."""
        self.is_dead = False

    def talk_to(self, host: str, port: int) -> None:
        """Begin to send there."""
        self._peer = (host, port)
        self._started_at, self._sent = time.monotonic(), 0

    @property
    def started_at(self) -> float:
        """When the first byte of what is heard was heard, as `time.monotonic` counts."""
        return self._started_at

    def say(self, sound: bytes) -> float:
        """Say something after what is being said; returns how many seconds all of it takes."""
        with self._lock:
            self._said += sound
            return len(self._said) / SAMPLES_PER_MS / 1_000

    @property
    def heard_bytes(self) -> int:
        """How much was heard so far, silence included."""
        return self._dropped + len(self._tail)

    def heard_since(self, byte: int) -> bytes:
        """What was heard from a byte on, as far as it is still kept."""
        with self._lock:
            return bytes(self._tail[max(0, byte - self._dropped) :])

    def exchange(self, packet: bytearray) -> None:
        """Hear what has come, and send what is due; `packet` is a buffer to receive into."""
        while True:
            try:
                size, sender = self._socket.recvfrom_into(packet)
            except (BlockingIOError, ConnectionRefusedError):
                break
            if self._peer is not None and sender == self._peer:
                self._hear(packet, size)
        due = int((time.monotonic() - self._started_at) * 1_000) // FRAME_MS - self._sent
        for _ in range(min(due, LATE_FRAMES_MAX)):
            self._send()

    def close(self) -> None:
        """End the line; what was heard is complete on disk."""
        with self._lock:
            if self.heard_bytes:
                self._fill()
                self._write()
            if self._output is not None:
                self._output.close()
            self._socket.close()

    def _send(self) -> None:
        with self._lock:
            frame = bytes(self._said[:FRAME_BYTES])
            del self._said[:FRAME_BYTES]
        if frame and not self.is_dead:
            self._note_spoken()
        frame += WHISPER[len(frame) :]
        mark = MARK if self._sent == 0 else 0
        header = HEADER.pack(VERSION, A_LAW | mark, self._sequence, self._stamp, self._source)
        self._sent += 1
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._stamp = (self._stamp + FRAME_BYTES) & 0xFFFFFFFF
        if self._peer is not None and not self.is_dead:
            # Asterisk's socket is gone just before we know that the call is.
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._socket.sendto(header + frame, self._peer)

    def _note_spoken(self) -> None:
        now, frame_s = time.monotonic(), FRAME_MS / 1_000
        if self.spoken and now - self.spoken[-1][1] < LATE_FRAMES_MAX * frame_s:
            self.spoken[-1] = (self.spoken[-1][0], now + frame_s)
        else:
            self.spoken.append((now, now + frame_s))

    def _hear(self, packet: bytearray, size: int) -> None:
        begin = HEADER.size + 4 * (packet[0] & 0x0F)
        if packet[1] & ~MARK != A_LAW or packet[0] & EXTENDED or size <= begin:
            return
        with self._lock:
            self._fill(size - begin)
            self._add(packet[begin:size])

    def _fill(self, coming_bytes: int = 0) -> None:
        """Where nothing came there was silence."""
        elapsed = int((time.monotonic() - self._started_at) * 1_000) * SAMPLES_PER_MS
        missing = elapsed - coming_bytes - self.heard_bytes
        if missing > GAP_MS_MAX * SAMPLES_PER_MS:
            self._add(SILENCE * missing)

    def _add(self, sound: bytes | bytearray) -> None:
        self._tail += sound
        self._unwritten += sound
        surplus = len(self._tail) - KEPT_MS * SAMPLES_PER_MS
        if surplus > KEPT_MS * SAMPLES_PER_MS:
            del self._tail[:surplus]
            self._dropped += surplus
        if len(self._unwritten) >= WRITTEN_BYTES:
            self._write()

    def _write(self) -> None:
        if self._output is None:
            # Most calls that ring are never answered: those have no file.
            self._output = self.file.open("wb", buffering=0)
        self._output.write(self._unwritten)
        self._unwritten.clear()


class SoundThread:
    """Serves all lines."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Close all lines, and wait for the thread."""
        self._stopped.set()
        self._thread.join()
        for line in self._lines:
            line.close()
        self._lines.clear()

    def add(self, line: Line) -> None:
        """Serve a line from now on."""
        with self._lock:
            self._lines.append(line)

    def close(self, line: Line) -> None:
        """Serve a line no longer."""
        with self._lock:
            if line in self._lines:
                self._lines.remove(line)
                line.close()

    def _run(self) -> None:
        packet = bytearray(PACKET_BYTES_MAX)
        due_at = time.monotonic()
        while not self._stopped.is_set():
            with self._lock:
                for line in self._lines:
                    line.exchange(packet)
            due_at = max(due_at + FRAME_MS / 1_000, time.monotonic() - FRAME_MS / 1_000)
            time.sleep(max(0.001, due_at - time.monotonic()))
