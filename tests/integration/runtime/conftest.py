"""Listeners run on the event loop of services: its TLS is its own."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of this folder's tests."""
    return {"uvloop": uvloop.new_event_loop}
