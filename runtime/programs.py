"""Runs another program without a shell and within limits: engines and converters are not trusted.

Text and uploads of a user go in by stdin or as a file's content, never as an argument. Time, memory,
processor time and the size of the answer are limited; a program that exceeds a limit is killed.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Final

_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
_STDERR_BYTES_MAX: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_PIPE_BYTES: Final = 256 * 1024
"""Four times Linux's default: a program can write five seconds of speech before it waits for us to read.
Sixty-four programs (`tts_programs_max`) stay below the 64 MiB that a user may have in pipes."""


def missing(*programs: str) -> list[str]:
    """Which of these programs `run` can't find."""
    return [program for program in programs if shutil.which(program, path=_ENVIRONMENT["PATH"]) is None]


class ProgramMissing(Exception):
    """The program, or `prlimit` that limits it, is not installed or can't be started now."""


class ProgramFailed(Exception):
    """The program ended with an error; the message has its last output."""


class ProgramOverran(Exception):
    """The program took too long, printed too much, or was killed."""


async def run(
    argv: Sequence[str],
    stdin: bytes = b"",
    *,
    seconds_max: float,
    output_bytes_max: int,
    memory_bytes_max: int,
) -> bytes:
    """Run a program to its end and return what it printed."""
    bounded = ("prlimit", f"--as={memory_bytes_max}", f"--cpu={max(1, round(seconds_max))}", "--core=0", "--")
    try:
        # The event loop's own way is slower: uvloop forks, and copying this process's page tables costs
        # 12 ms of processor time. subprocess uses vfork, which copies none.
        process = subprocess.Popen(  # noqa: ASYNC220  # back within 2 ms, once the program is loaded
            (*bounded, *argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            pipesize=_PIPE_BYTES,
            # Its own process group: its children, which may hold our pipes, end with it.
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramMissing(f"{argv[0]} can't be started: {error}") from error
    kill = partial(_kill, process)
    try:
        async with asyncio.timeout(seconds_max):
            _, output, errors = await asyncio.gather(
                _feed(process, stdin),
                _collect(process.stdout, output_bytes_max, kill),
                _collect(process.stderr, _STDERR_BYTES_MAX, kill),
            )
            # Its pipes are closed: it has ended, or is about to.
            code = await asyncio.to_thread(process.wait)
    except TimeoutError as error:
        raise ProgramOverran(f"{argv[0]} took longer than {seconds_max} s") from error
    finally:
        kill()
        process.wait()
    _judge(argv[0], code, errors)
    return output


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and its children; its process id stays reserved until we wait for it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _judge(program: str, code: int, errors: bytes) -> None:
    last = errors.decode(errors="replace").strip()[-300:]
    if code < 0:
        raise ProgramOverran(f"{program} was killed by signal {-code}")
    # 126 and 127: prlimit could not run it.
    if code in (126, 127):
        raise ProgramMissing(f"{program} is not installed: {last}")
    if code:
        raise ProgramFailed(f"{program} ended with {code}: {last}")


async def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, process.stdin)
    stdin = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        # A program that has read enough closes its stdin; only its answer counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(data)
            await stdin.drain()
    finally:
        stdin.close()


async def _collect(pipe: IO[bytes] | None, bytes_max: int, kill: Callable[[], None]) -> bytes:
    """Read all output; a program that prints more than allowed is killed and its remaining output dropped."""
    stream = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    chunks = []
    size = 0
    try:
        while chunk := await stream.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > bytes_max:
                kill()
            else:
                chunks.append(chunk)
    finally:
        transport.close()
    return b"".join(chunks)
