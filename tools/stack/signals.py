"""A program that has started others ends them whoever asks it to end: Ctrl-C, SIGTERM, a closed terminal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """The first of `SIGNALS` raises KeyboardInterrupt; those after it are ignored, so that the end is whole.

    One that was ignored from the beginning stays so: it is how `nohup` says that a terminal may close.
    """
    former = {each: signal.getsignal(each) for each in SIGNALS}

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each, handler in former.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


@contextmanager
def signals_held() -> Iterator[set[signal.Signals]]:
    """They wait until this is over; the mask as it was, which a child must set before it runs its program."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield {signal.Signals(each) for each in former}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
