"""An edge whose end never comes: a coroutine waits at it for a thread that waits for ever."""

import asyncio
import threading

from runtime import app
from runtime.edge import Edge, EdgePorts, EdgeWork
from runtime.settings import RuntimeSettings


def wait_for_ever() -> None:
    threading.Event().wait()


async def end_never() -> None:
    await asyncio.to_thread(wait_for_ever)


def build(ports: EdgePorts, settings: RuntimeSettings) -> EdgeWork:
    return EdgeWork(subscriptions=(), on_stop=(end_never,))


if __name__ == "__main__":
    vars(app)["END_S_MAX"] = 2.0
    app.run_edge(Edge(name="unending", build=build), RuntimeSettings)
