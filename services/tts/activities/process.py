"""Another program, run without a shell and within bounds: engines and converters are not trusted.

What an author wrote or uploaded goes in by stdin or as a file's content, never as an argument. Time, memory,
processor time and the size of the answer are bounded; what overruns is killed.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
_STDERR_BYTES_MAX: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024


def missing(*programs: str) -> list[str]:
    """Which of these programs can't be found where `run` looks."""
    return [program for program in programs if shutil.which(program, path=_ENVIRONMENT["PATH"]) is None]


class ProgramMissing(Exception):
    """The program, or `prlimit` that bounds it, is not installed or can't be started now."""


class ProgramFailed(Exception):
    """It answered with an error; says what it printed last."""


class ProgramOverran(Exception):
    """It took too long, answered too much, or was killed."""


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
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *bounded,
            *argv,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=_ENVIRONMENT,
            # A group of its own: what it started itself, and holds our pipes, ends with it.
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramMissing(f"{argv[0]} can't be started: {error}") from error
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    kill = partial(_kill, process)
    try:
        async with asyncio.timeout(seconds_max):
            _, output, errors = await asyncio.gather(
                _feed(process.stdin, stdin),
                _collect(process.stdout, output_bytes_max, kill),
                _collect(process.stderr, _STDERR_BYTES_MAX, kill),
            )
            code = await process.wait()
    except TimeoutError as error:
        raise ProgramOverran(f"{argv[0]} took longer than {seconds_max} s") from error
    finally:
        if process.returncode is None:
            kill()
            # asyncio sees the end of a process only once its pipes are read to theirs.
            await asyncio.gather(_collect(process.stdout, 0, kill), _collect(process.stderr, 0, kill))
            await process.wait()
    _judge(argv[0], code, errors)
    return output


def _kill(process: asyncio.subprocess.Process) -> None:
    """End a program and what it started, if it has not ended yet."""
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


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    # A program that has read enough closes its end; its answer is judged, not that.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _collect(stream: asyncio.StreamReader, bytes_max: int, kill: Callable[[], None]) -> bytes:
    """What is printed, to its end; whoever prints more than allowed is killed, and its rest thrown away."""
    chunks = []
    size = 0
    while chunk := await stream.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > bytes_max:
            kill()
        else:
            chunks.append(chunk)
    return b"".join(chunks)
