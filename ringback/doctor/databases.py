"""The databases of directory and history: whether they answer, and have the tables of this version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ringback.doctor.findings import Section
from ringback.doctor.scope import Scope, Settings
from runtime import plaintext, sql
from services.directory.activities import database as of_directory
from services.history.activities import database as of_history

SQLITE: Final = "sqlite:///"


async def examine_directory(settings: Settings, scope: Scope) -> Section:
    """Look at the directory's."""
    url, allowed_to = settings.directory_database.get_secret_value(), settings.allow_plaintext_to

    def make() -> AsyncEngine:
        return of_directory.engine(url, plaintext.allowed(allowed_to))

    section = Section("directory's database")
    return await _examine(
        section, url, make, of_directory.DATABASE, of_directory.MIGRATIONS, "alembic_version", scope
    )


async def examine_history(settings: Settings, scope: Scope) -> Section:
    """Look at history's."""
    url, allowed_to = settings.history_database.get_secret_value(), settings.allow_plaintext_to

    def make() -> AsyncEngine:
        return of_history.connected(url, plaintext.allowed(allowed_to))

    section = Section("history's database")
    return await _examine(
        section, url, make, of_history.DATABASE, of_history.MIGRATIONS, "history_version", scope
    )


async def _examine(
    section: Section,
    url: str,
    make: Callable[[], AsyncEngine],
    setting: str,
    migrations: Path,
    table: str,
    scope: Scope,
) -> Section:
    if not url:
        section.not_configured(setting, is_needed=setting in scope.needed)
        return section
    if _is_missing_file(url):
        # A connection would make the file, as ours, where the service's user may not write it.
        section.red("answers", f"{setting}: there is no such file yet: start the service, which makes it")
        return section
    if section.lacks("answers", await sql.lack(make, setting), url.partition(":")[0]):
        return section
    made = make()
    try:
        async with made.connect() as connection:
            found = await connection.run_sync(_revision, table)
    except (DBAPIError, OSError) as error:
        section.red("tables", f"{setting}: {error}; it answered a moment ago: look again")
        return section
    finally:
        await made.dispose()
    _examine_revision(section, found, migrations)
    return section


def _is_missing_file(url: str) -> bool:
    return url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists()


def _revision(connection: Connection, table: str) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": table}).get_current_revision()


def _examine_revision(section: Section, found: str | None, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    scripts: Any = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    known = {each.revision for each in scripts.walk_revisions()}
    if found == head:
        section.green("tables", f"migrated to {head}, this version's")
    elif found is None:
        section.red("tables", "no tables yet: start the service, which makes them")
    elif found in known:
        section.red(
            "tables", f"migrated to {found}, this version's are {head}: start the service of this version"
        )
    else:
        section.red(
            "tables",
            f"migrated to {found}, which a newer version made: deploy that version, or restore a backup",
        )
