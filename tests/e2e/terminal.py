"""What a terminal gives the programs that it starts."""

import signal

from ringback.stack.signals import SIGNALS


def heed_signals() -> None:
    """In the child: whoever runs the tests in the background has SIGINT ignored, which children inherit."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
