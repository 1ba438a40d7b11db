"""Verbs that begin an office, open it to its administrator, or say it again."""

import argparse

from ringback.apply.values import ungrouped
from ringback.operator.installation import Installation, assets, fit, tell
from services.directory.activities import bootstrap
from services.directory.activities.employees import Employees
from services.directory.activities.passwords import ONE_TIME_MS
from services.directory.state.limits import Email, Id, Login, Name, Number, Region


async def create(installation: Installation, options: argparse.Namespace) -> None:
    """A new organization with a PBX, a number, an administrator and a department."""
    # No letter goes out: the password is printed here.
    employees = Employees(installation.repository, installation.passwords, None)
    new = _new_organization(options)
    begun = await bootstrap.create(installation.repository, employees, installation.passwords, new)
    tell(f"organization: {options.organization}")
    tell(f"login: {begun.login}")
    _tell_password(begun.password)


def _tell_password(password: str) -> None:
    tell(f"one-time password: {password}")
    tell(f"valid for {ONE_TIME_MS // 3_600_000} hours; after that, reset-administrator gives another one")


def _new_organization(options: argparse.Namespace) -> bootstrap.NewOrganization:
    said = {
        "organization_id": ("organization", options.organization, Id),
        "name": ("--name", options.name, Name),
        "pbx_name": ("--pbx", options.pbx, Name),
        "number": ("--number", ungrouped(options.number), Number),
        "administrator": ("--administrator", options.administrator, Name),
        "region": ("--region", options.region, Region),
        "email": ("--email", options.email, Email | None),
    }
    values = {name: fit(option, value, type_) for name, (option, value, type_) in said.items()}
    return bootstrap.NewOrganization(language=options.language, timezone=options.timezone, **values)


async def admit(installation: Installation, options: argparse.Namespace) -> None:
    """A token for office files, for an organization that exists or begins with its first office."""
    signed = await bootstrap.admit(
        installation.repository,
        fit("organization", options.organization, Id),
        fit("--name", options.name, Name | None),
        installation.settings.signing_keys(),
        **assets(options),
        is_dry_run=options.dry_run,
    )
    tell(f"token: {signed}")


async def reset_administrator(installation: Installation, options: argparse.Namespace) -> None:
    """A one-time password for an administrator who can't sign in any more."""
    found = await bootstrap.reset_administrator(
        installation.repository,
        installation.passwords,
        options.organization,
        fit("--login", options.login, Login | None),
        takes_second_factor=options.second_factor,
    )
    tell(f"login: {found.login}")
    _tell_password(found.password)


async def republish(installation: Installation, options: argparse.Namespace) -> None:
    """Put every newest fact into the outbox again."""
    count = await bootstrap.republish(installation.repository, options.organization)
    tell(f"{count} messages are in the outbox; the running service sends them")
