"""A program that has started others ends them whoever asks it to end: Ctrl-C, SIGTERM, a closed terminal."""

import signal
import threading
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
def signals_held() -> Iterator[None]:
    """A handler is called when this is over, not within; where no handler can be called, nothing is held.

    Not by a mask: that is of one thread, and a signal for the process goes to any other that there is.
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
