"""Redis: whether it answers, keeps what it is given, takes writes, and lets us do what the store does."""

from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import RedisError

from ringback.doctor import clock
from ringback.doctor.clock import Reading
from ringback.doctor.findings import Section
from ringback.doctor.scope import Scope, Settings
from runtime import checks, redis_client

PART: Final = "redis"


async def examine(settings: Settings, scope: Scope, readings: list[Reading]) -> Section:
    """Look at the store of each service that has one; what its clock shows goes into `readings`."""
    section = Section("Redis")
    if not settings.redis:
        section.not_configured("RINGBACK_REDIS", is_needed=PART in scope.needed)
        return section
    lacks = await _examine_rights(section, settings, scope)
    try:
        clients = redis_client.from_settings(settings, redis_client.tls_from_settings(settings))
    except ValueError:
        # It has been told above.
        return section
    try:
        for each in await clients.all():
            before_ms = clock.now_ms()
            server = await each.info()
            after_ms = clock.now_ms()
            _examine_server(section, server)
            if shown_us := server.get("server_time_usec"):
                readings.append(
                    Reading(
                        whose="Redis",
                        before_ms=before_ms,
                        shown_ms=int(shown_us) // 1000,
                        after_ms=after_ms,
                    )
                )
    except (RedisError, OSError, TimeoutError) as error:
        if not lacks:
            section.red("answers", f"{type(error).__name__}: {error}; it answered a moment ago: look again")
    finally:
        await clients.aclose()
    return section


async def _examine_rights(section: Section, settings: Settings, scope: Scope) -> bool:
    """Whether any of the services lacks something: an answer, a right, or a server that is fit."""
    asked = [checks.redis(settings, name) for name in scope.deciders]
    asked += [checks.redis(settings, each.name, each.store_rights) for each in scope.webs]
    found = {lack.words for lack in [await each for each in asked] if lack is not None}
    for words in sorted(found):
        section.red("answers", words)
    if not found:
        where = redis_client.read_address(settings.redis.get_secret_value()).shown
        section.green("answers", where)
        section.green("rights", f"of {', '.join((*scope.deciders, *(each.name for each in scope.webs)))}")
    return bool(found)


def _examine_server(section: Section, server: Mapping[str, Any]) -> None:
    version, policy = server.get("redis_version"), server.get("maxmemory_policy", "noeviction")
    section.green("policy", f"{policy}, version {version}")
    if server.get("role") == "master":
        section.green("role", f"master, {server.get('connected_slaves', 0)} replicas")
    else:
        section.red(
            "role",
            f"{server.get('role')}, which takes no writes: let RINGBACK_REDIS lead to the master, or name "
            "Sentinels in it (redis+sentinel://)",
        )
    if not server.get("aof_enabled"):
        section.red(
            "persistence",
            "places are lost with the process: set appendonly yes, in its file and by CONFIG SET",
        )
    elif server.get("aof_last_write_status") != "ok" or server.get("aof_last_bgrewrite_status") != "ok":
        section.red("persistence", "the append-only file can't be written: look at its disk and its log")
    else:
        section.green("persistence", "append-only file")
