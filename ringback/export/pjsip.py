"""Writes what an Asterisk PBX includes: phones with their passwords, trunks, other PBXs, and the dialplan.

FOLDER gets ringback-pjsip.conf, ringback-extensions.conf and ringback-modules.conf, for their owner alone or,
with --group, for Asterisk's group, too. They are written whole or not at all, and only when they change. It
reads the directory's database, so it needs the settings of `ringback operator`.
"""

import argparse
import asyncio
import contextlib
import getpass
import logging
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from ringback import connect
from ringback.export import office_plan, operator_file, placed_files
from ringback.export import reload as reloading
from ringback.operator.installation import Installation, fit
from ringback.pbx_files.dialplan import extensions_conf
from ringback.pbx_files.modules import modules_conf
from ringback.pbx_files.pjsip import pjsip_conf
from ringback.pbx_files.plan import PbxPlan, PlanRefused
from ringback.stack.signals import interrupted_by_signals
from runtime import telemetry
from runtime.security_events import SecurityEvent
from runtime.system_clock import SystemClock
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.organizations import NotDone
from services.directory.rules.errors import RequestRefused, shown
from services.directory.settings import Settings
from services.directory.state.limits import Id

EXIT_NOT_DONE: Final = 3
FOLLOW_S: Final = 5.0
"""How soon a new phone can register: the welcome letter takes longer to be read."""

_NOT_PLANNED: Final = (NotDone, RequestRefused, PlanRefused, operator_file.OperatorFileRefused)
_NOT_REACHED: Final = (SQLAlchemyError, OSError, LookupError)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line says."""
    parser.add_argument("--organization", required=True)
    parser.add_argument("--pbx", required=True, help="one of its PBXs, as the operator assigned it")
    parser.add_argument("--folder", required=True, type=Path, help="which Asterisk's files include from")
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="YAML: trunks, peers, numbers outside (docs/asterisk.md)",
    )
    parser.add_argument("--group", default="", help="Asterisk's group, which may read the files: mode 640")
    parser.add_argument(
        "--reload", default="", metavar="HOW", help="when they changed: `ari` (RINGBACK_PBXS), or a command"
    )
    parser.add_argument("--follow", action="store_true", help="keep them fresh until stopped")
    parser.add_argument("--every", type=float, default=FOLLOW_S, metavar="SECONDS", help="with --follow")


def run(options: argparse.Namespace) -> int:
    """Write the files once, or until a signal; 3 with the reason when they can't be written."""
    connect.complete_environment("RINGBACK_DIRECTORY_DATABASE")
    try:
        with interrupted_by_signals() if options.follow else contextlib.nullcontext():
            asyncio.run(_export(options))
    except KeyboardInterrupt:
        return 0
    except (*_NOT_PLANNED, *_NOT_REACHED, reloading.NotReloaded, ValueError) as error:
        _fail(_reason(error))
        return EXIT_NOT_DONE
    return 0


async def _export(options: argparse.Namespace) -> None:
    for option, given in (("--organization", options.organization), ("--pbx", options.pbx)):
        fit(option, given, Id)
    try:
        settings = Settings()
    except ValidationError as error:
        raise NotDone(f"the settings can't be used: {error}") from error
    async with Installation.open(settings) as installation:
        export = _Export(installation=installation, options=options, is_stale=bool(options.reload))
        await export.round()
        await export.note()
        while options.follow:
            await asyncio.sleep(options.every)
            await export.next_round()


class _Export(Struct, kw_only=True):
    """The files of one PBX, and whether Asterisk has read them."""

    installation: Installation
    options: argparse.Namespace
    is_stale: bool
    """Whether Asterisk may have an older version: a killed program wrote files and did not say so."""
    chosen: operator_file.OperatorFile = operator_file.OperatorFile()
    """As the file was read last: it is read again each time."""
    missing: set[str] = set()
    trouble: str = ""
    """What was said last of why nothing is written: once is enough."""

    async def next_round(self) -> None:
        """A round that says its trouble and leaves the files as they are."""
        try:
            await self.round()
        except (*_NOT_PLANNED, *_NOT_REACHED, reloading.NotReloaded) as error:
            if str(error) != self.trouble:
                _fail(f"{_reason(error)}; trying again")
            self.trouble = str(error)
            return
        if self.trouble:
            _tell("well again")
        self.trouble = ""

    async def round(self) -> None:
        """Write what changed, and let Asterisk read it."""
        plan = await self._plan()
        texts = {
            placed_files.MODULES: modules_conf(),
            placed_files.PJSIP: pjsip_conf(plan),
            placed_files.EXTENSIONS: extensions_conf(plan),
        }
        changed = placed_files.place(self.options.folder, texts, self.options.group)
        for line in changed:
            _tell(line)
        self._warn(plan)
        self.is_stale = self.is_stale or bool(changed)
        if self.is_stale and self.options.reload:
            reloading.reload(self.options.reload, self.options.organization, self.options.pbx)
            _tell("Asterisk reloads")
        elif changed:
            _tell("Asterisk reads it at its next reload")
        elif not self.options.follow:
            _tell("nothing has changed")
        self.is_stale = False

    def _warn(self, plan: PbxPlan) -> None:
        """Say once which phones calls should fall back to and are not there."""
        missing = set(self.chosen.fallback.extensions) - set(plan.fallback.extensions)
        for extension in sorted(missing - self.missing):
            _fail(f"calls can't fall back to {extension}: no phone of {plan.pbx_id} has it")
        self.missing = missing

    async def _plan(self) -> PbxPlan:
        if self.options.settings is not None:
            self.chosen = operator_file.read(self.options.settings)
        organization_id, pbx_id = self.options.organization, self.options.pbx
        try:
            return await office_plan.planned(self.installation, organization_id, pbx_id, self.chosen)
        except office_plan.NotAssigned:
            if not (self.options.folder / placed_files.PJSIP).exists():
                raise
            # It was this organization's, and is no more: its phones must not stay.
            return office_plan.emptied(pbx_id, self.chosen)

    async def note(self) -> None:
        """Note in the organization's trail that its phone passwords were read."""
        if not logging.getLogger().handlers:
            telemetry.set_up_logs("export", self.installation.settings.log_format)
        trail = AuditTrail(self.installation.repository.database, SystemClock())
        act = {"act": f"export pjsip {self.options.pbx}"}
        noted = Noted(event=SecurityEvent.OPERATOR_ACTED, actor=f"operator/{getpass.getuser()}", details=act)
        await trail.note(self.options.organization, noted)


def _reason(error: Exception) -> str:
    if isinstance(error, RequestRefused):
        first = shown(error.problems[0])
        return f"{first.field}: {first.cause.en} {first.remedy.en}"
    if isinstance(error, SQLAlchemyError):
        return f"the database does not do it: {error}; see RINGBACK_DIRECTORY_DATABASE"
    return str(error)


def _tell(text: str) -> None:
    print(f"export: {text}", flush=True)


def _fail(text: str) -> None:
    print(f"export: {text}", file=sys.stderr, flush=True)
