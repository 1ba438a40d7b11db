"""`python -m ringback export pjsip` as its operator runs it, beside a company's directory."""

import asyncio
import contextlib
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback import export
from ringback.stack.services import ROOT
from tests.integration.directory.companies import KEY, ORGANIZATION, sqlite

DONE_S_MAX = 60


class Exporting:
    """The files of one PBX in a folder, and the program that writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def pjsip(self) -> str:
        return (self.folder / "ringback-pjsip.conf").read_text()

    @property
    def extensions(self) -> str:
        return (self.folder / "ringback-extensions.conf").read_text()

    async def once(
        self, *words: str, pbx: str = "moskva", organization: str = ORGANIZATION
    ) -> tuple[int, str]:
        """Export once: the exit code, and what it printed."""
        given = ["--organization", organization, "--pbx", pbx, "--folder", str(self.folder), *words]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = await asyncio.to_thread(export.main, ["pjsip", *given])
        return code, printed.getvalue()

    @contextlib.asynccontextmanager
    async def following(self, *words: str, pbx: str = "moskva") -> AsyncIterator[asyncio.StreamReader]:
        """The service mode; what it prints."""
        given = ["--organization", ORGANIZATION, "--pbx", pbx, "--folder", str(self.folder), *words]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ringback", "export", "pjsip", "--follow", "--every", "0.2", *given),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), DONE_S_MAX) == 0


async def said(output: asyncio.StreamReader, words: str) -> str:
    """The next line with these words; what came before it is of no interest."""
    while True:
        line = (await asyncio.wait_for(output.readline(), DONE_S_MAX)).decode()
        assert line, f"it ended before it said «{words}»"
        if words in line:
            return line


def beside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    """The export of the company whose database is in this folder."""
    monkeypatch.setenv("RINGBACK_DIRECTORY_DATABASE", sqlite(folder))
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", KEY)
    return Exporting(folder / "pbx")
