"""Lets a program end its child processes on Ctrl-C, SIGTERM and a closed terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """The first of `SIGNALS` raises KeyboardInterrupt; later ones are ignored, so that cleaning up completes.

    A signal that was ignored from the beginning stays ignored, as with `nohup`.
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
def signals_held() -> Iterator[None]:
    """Delay signal handlers until the end of the block; outside the main thread this does nothing.

    A signal mask would not do: it belongs to one thread, and the signal would go to another one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {each: handler for each in SIGNALS if callable(handler := signal.getsignal(each))}
    came: list[int] = []
    for each in former:
        signal.signal(each, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)
