"""The verb about an organization's provider of identities: named, shown or taken away."""

import argparse
from pathlib import Path

from contracts.directory import Role
from ringback.operator.installation import Installation, tell
from services.directory.activities import openid_providers
from services.directory.activities.openid_providers import NewProvider
from services.directory.activities.openid_roles import RoleMapping
from services.directory.activities.organizations import NotDone


def add_options(verb: argparse.ArgumentParser) -> None:
    """What `set` takes; `show` and `remove` take nothing."""
    verb.add_argument("act", choices=("set", "show", "remove"))
    verb.add_argument("--issuer", help="its address, as its document at /.well-known/… says it")
    verb.add_argument("--client-id", help="how it calls us")
    verb.add_argument("--client-secret-file", help="a file with the secret that it gave us")
    verb.add_argument(
        "--redirect", action="append", default=[], help="the console's address for answers; may be repeated"
    )
    verb.add_argument(
        "--only",
        metavar="LOGIN",
        dest="break_glass",
        help="passwords open no login any more, but this administrator's",
    )
    verb.add_argument("--role-claim", metavar="NAME", help="the claim of the ID token with people's roles")
    verb.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="VALUE=ROLE",
        dest="roles",
        help="whoever has this value has this role; may be repeated, the first one that fits counts",
    )
    verb.add_argument("--role-otherwise", metavar="ROLE", help="the role of whoever has none of the values")


async def identity_provider(installation: Installation, options: argparse.Namespace) -> None:
    """Name, show or take away an organization's provider."""
    repository, organization = installation.repository, options.organization
    match options.act:
        case "set":
            await openid_providers.save(repository, installation.secret_box, organization, _new(options))
            await _show(installation, organization)
        case "remove":
            await openid_providers.remove(repository, organization)
            tell(f"{organization} has no identity provider; its people sign in by their passwords")
        case _:
            await _show(installation, organization)


def _new(options: argparse.Namespace) -> NewProvider:
    missing = [
        option
        for option, value in (
            ("--issuer", options.issuer),
            ("--client-id", options.client_id),
            ("--client-secret-file", options.client_secret_file),
            ("--redirect", options.redirect),
        )
        if not value
    ]
    if missing:
        raise NotDone(f"set takes {', '.join(missing)} too")
    return NewProvider(
        issuer=options.issuer,
        client_id=options.client_id,
        client_secret=_secret(options.client_secret_file),
        redirects=tuple(options.redirect),
        break_glass=options.break_glass,
        role_mapping=_role_mapping(options),
    )


def _role_mapping(options: argparse.Namespace) -> RoleMapping | None:
    given = {
        "--role-claim": options.role_claim,
        "--role": options.roles or None,
        "--role-otherwise": options.role_otherwise,
    }
    missing = [option for option, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        raise NotDone(f"{', '.join(given)} belong together: {', '.join(missing)} is missing")
    return RoleMapping(
        claim=options.role_claim,
        roles=tuple(_valued(text) for text in options.roles),
        otherwise=_role(f"--role-otherwise {options.role_otherwise}", options.role_otherwise),
    )


def _valued(text: str) -> tuple[str, Role]:
    """A value, which may have a = of its own, and its role."""
    value, sign, role = text.rpartition("=")
    if not sign:
        raise NotDone(f"--role {text}: it must be VALUE=ROLE")
    return value, _role(f"--role {text}", role)


def _role(option: str, name: str) -> Role:
    try:
        return Role(name)
    except ValueError as error:
        raise NotDone(f"{option}: a role is one of {', '.join(Role)}") from error


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotDone(f"--client-secret-file {path}: it can't be read ({type(error).__name__})") from error


async def _show(installation: Installation, organization: str) -> None:
    shown = await openid_providers.shown(installation.repository, organization)
    provider = shown.provider
    tell(f"issuer: {provider.issuer}")
    tell(f"client id: {provider.client_id}")
    for redirect in provider.redirects:
        tell(f"redirect: {redirect}")
    tell(f"employees linked: {shown.linked} of {shown.employees}")
    if provider.is_only:
        tell(f"passwords: only that of {provider.break_glass_agent_id}")
    else:
        tell("passwords: everybody's, too")
    if provider.role_mapping is None:
        tell("roles: those on the cards")
    else:
        tell(f"roles: at each sign-in by the claim {provider.role_mapping.claim}")
        for value, role in provider.role_mapping.roles:
            tell(f"role: {value}={role}")
        tell(f"role otherwise: {provider.role_mapping.otherwise}")
