"""What can be said of this machine: settings, clock, certificates, database, Redis."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from shared.config.doubts import doubts
from shared.config.env import Env, SettingsError
from shared.config.settings import read_database, read_vindi
from shared.config.spelling import misspelt, quoted
from shared.crypto.seal import Sealer
from shared.db.connection import BOUNDS_TRANSACTIONS, Connection, connect, is_pooled
from shared.db.one_tenant import PANEL_ROLE
from shared.db.revision import current_revision, head_revision
from shared.db.server_log import DISCREET, quotes_rows
from shared.db.unreachable import DatabaseAwayError
from shared.keys import WrongKeysError, prove_keys
from shared.local.redis import RedisAwayError, demand_redis, why_unfit
from shared.net.redis import redis_client
from shared.ops.doctor.report import HowItIs, Observation
from shared.ops.up.programs import SERVICES

ANSWER_SECONDS: Final = 10
CLOCK_OFF: Final = timedelta(seconds=2)
CLOCK_WRONG: Final = timedelta(minutes=1)  # logs, certificates and codes of people go wrong then
CERTIFICATE_LEFT: Final = timedelta(days=21)
TIMEOUTS: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# What no setting of it ends is ended by the reconciler, for services of its own login.
KEEPS_LOCKS: Final = (
    "PostgreSQL {version} has no transaction_timeout (17 has): a process that stands still, or"
    " whose machine is gone, between preparing a statement and asking for it keeps its locks. The"
    " reconciler ends such sessions of its own login after two minutes; of another login, or while"
    " no reconciler runs: docs/runbooks/at-night.md, 'Who waits for whom at the database'"
)

ABOUT_SERVER: Final = """
    -- machine.about_server
    SELECT clock_timestamp() AS now, current_setting('server_version') AS version,
           current_setting('max_connections')::int AS most, current_setting('fsync') AS fsync,
           (SELECT count(*) FROM pg_stat_activity) AS used,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
           (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname = 'alembic_version'
               AND pg_has_role(relowner, 'MEMBER')) > 0 AS owner,
           pg_is_in_recovery() AS replica,
           current_setting('transaction_read_only') = 'on' AS reads_only,
           current_setting('statement_timeout') AS statement_timeout,
           current_setting('lock_timeout') AS lock_timeout,
           current_setting('idle_in_transaction_session_timeout')
               AS idle_in_transaction_session_timeout,
           current_setting('server_version_num')::int / 10000 AS major,
           current_setting('transaction_timeout', true) AS transaction_timeout
"""
INVALID_INDEXES: Final = """
    -- machine.invalid_indexes
    SELECT c.relname AS name
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
     WHERE NOT i.indisvalid AND c.relnamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p
                        WHERE p.index_relid = i.indexrelid)
     ORDER BY c.relname
"""
ITS_NAME: Final = """
    -- machine.its_name
    SELECT quote_ident(current_database())
"""
TRY_ROLE: Final = """
    -- machine.try_role
    SELECT set_config('role', $1, true)
"""


def settings(env: Mapping[str, str]) -> Iterator[Observation]:
    """What each service would say to its settings."""
    problems: list[str] = []
    for service in SERVICES:
        try:
            service.load(env)
        except SettingsError as error:
            problems += error.problems
    for problem in dict.fromkeys(problems):
        yield Observation(about="settings", state="wrong", words=problem)
    for sentence in (*misspelt(env), *quoted(env), *doubts(env)):
        yield Observation(about="settings", state="look", words=sentence)
    if not problems:
        yield Observation(about="settings", state="ok", words="every service would start with them")


async def database(env: Mapping[str, str]) -> AsyncIterator[Observation]:
    """Reached, at head, opened by our keys, and what its role may and may not."""
    with_url = Env(values=env)
    wanted = read_database(with_url)
    if with_url.problems:
        return  # told among the settings
    try:
        conn = await connect(wanted.url.reveal())
    except DatabaseAwayError as error:
        yield _database("wrong", str(error))
        return
    try:
        row = dict((await conn.fetch(ABOUT_SERVER))[0])
        yield clock(datetime.now(UTC), row["now"])
        yield await _revision(conn)
        async for finding in _indexes(conn):
            yield finding
        looked = (await _keys(conn, env, row), await _panel(conn), await _log(conn))
        for finding in (*_server(row), *looked):
            yield finding
        if row["major"] < BOUNDS_TRANSACTIONS:
            yield _database("look", KEEPS_LOCKS.format(version=row["version"]))
        yield _pooler(row, pooled=await is_pooled(conn), said=wanted.pooler)
    finally:
        await conn.close()


async def redis(env: Mapping[str, str]) -> AsyncIterator[Observation]:
    """Reached, and not one that throws our limits away."""
    var = Env(values=env)
    url = var.redis_url("REDIS_URL").reveal()
    if var.problems:
        return
    try:
        await demand_redis(url)
        async with redis_client(url) as client:
            told = await client.info()
    except RedisAwayError as error:
        yield Observation(about="redis", state="wrong", words=str(error))
        return
    except RedisError as error:
        yield Observation(about="redis", state="look", words=f"answers, but {type(error).__name__}")
        return
    policy = str(told.get("maxmemory_policy", "unknown"))
    name = "Valkey" if "valkey_version" in told else "Redis"
    version = told.get("valkey_version") or told.get("redis_version")
    state: HowItIs = "ok" if policy in {"noeviction", "unknown"} else "look"
    words = f"{name} {version}, role {told.get('role')}, maxmemory-policy {policy}"
    if state == "look":
        words += ": under pressure it forgets request budgets; take noeviction"
    if unfit := why_unfit(told):
        state = "wrong"
        words += f": {unfit}"
    yield Observation(about="redis", state=state, words=words)


async def certificates(env: Mapping[str, str]) -> AsyncIterator[Observation]:
    """How long the certificates of ours, Vindi's and eNotas' addresses are good for."""
    vindi = read_vindi(Env(values=env))
    urls = {
        "our webhook": env.get("PUBLIC_WEBHOOK_URL", ""),
        "our panel": env.get("PUBLIC_PANEL_URL", ""),
        "Vindi": vindi.url_production,
        "eNotas": env.get("ENOTAS_URL", "https://api.enotasgw.com.br"),
    }
    for whose, url in urls.items():
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            yield await _certificate(whose, parts.hostname, parts.port or 443)
        elif whose.startswith("our"):
            yield Observation(
                about=f"certificate of {whose}",
                state="look",
                words="no https address is set: nobody outside can send to it",
            )


async def _certificate(whose: str, host: str, port: int) -> Observation:
    about = f"certificate of {whose}"
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(
                host, port, ssl=ssl.create_default_context(), server_hostname=host
            )
    except (OSError, TimeoutError) as error:
        return Observation(about=about, state="wrong", words=unreached(error, host, port))
    held: dict[str, Any] = writer.get_extra_info("peercert")
    writer.close()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(held["notAfter"])), UTC)
    left = ends - datetime.now(UTC)
    state: HowItIs = "ok" if left > CERTIFICATE_LEFT else "look"
    return Observation(about=about, state=state, words=f"good for {left.days} more days")


def unreached(error: OSError, host: str, port: int) -> str:
    """Why nobody spoke to us under a certificate that we believe, and what to look at."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"refused: {error.verify_message}; renew it, or see who answers at {host}"
        case ssl.SSLError():
            return f"refused: {error}; does TLS end at {host}:{port}?"
        case socket.gaierror():
            return f"nobody knows a machine named {host} from here: see to DNS"
        case TimeoutError():
            return f"{host}:{port} does not answer: may this machine go out to it (firewall)?"
        case _:
            return f"{host}:{port} takes no connection ({error.strerror or type(error).__name__})"


def _database(state: HowItIs, words: str) -> Observation:
    return Observation(about="database", state=state, words=words)


def clock(ours: datetime, theirs: datetime) -> Observation:
    """How far this machine's clock is from the database's, by which all is due."""
    off = abs(ours - theirs)
    words = f"{off.total_seconds():.1f} s from the database's"
    if off < CLOCK_OFF:
        return Observation(about="clock", state="ok", words=words)
    state: HowItIs = "look" if off < CLOCK_WRONG else "wrong"
    mend = "keep both machines by NTP (here: timedatectl set-ntp true), and see which is right"
    return Observation(about="clock", state=state, words=f"{words}: {mend}")


async def _revision(conn: Connection) -> Observation:
    current, head = await current_revision(conn), head_revision()
    if current is None or current < head:
        return _database("wrong", f"at {current or 'nothing'}, not at {head}: run make migrate")
    if current > head:
        return _database(
            "look",
            f"at {current}, which is later than this version's {head}: a newer version has been"
            " here; fine while services are replaced, else deploy that version",
        )
    return _database("ok", f"at {current}")


async def _indexes(conn: Connection) -> AsyncIterator[Observation]:
    """One of which the building broke off is kept up by every write, and never read."""
    for row in await conn.fetch(INVALID_INDEXES):
        name = row["name"]
        if re.search(r"_cc(new|old)\d*$", name):
            mend = f"left by REINDEX: DROP INDEX CONCURRENTLY {name}"
        else:
            mend = f"REINDEX INDEX CONCURRENTLY {name}"
        yield _database("wrong", f"the index {name} is invalid, so that nothing reads it: {mend}")


def _server(row: Mapping[str, Any]) -> Iterator[Observation]:
    yield _database("ok", f"PostgreSQL {row['version']}, {row['used']} of {row['most']} sessions")
    if row["replica"]:
        yield _database("wrong", "this is a replica: nothing can be stored there; name the primary")
    elif row["reads_only"]:
        words = "default_transaction_read_only is on: nothing can be stored there; take it away"
        yield _database("wrong", words)
    if row["superuser"]:
        yield _database("look", "the role is a superuser, which we do not need")
    elif row["owner"]:
        yield _database(
            "look", "the role owns the tables: services need no more than notaponte_services"
        )
    if row["fsync"] != "on":
        yield _database("wrong", "fsync is off: a power cut loses notas that were issued")


async def _keys(conn: Connection, env: Mapping[str, str], row: Mapping[str, Any]) -> Observation:
    var = Env(values=env)
    keys = var.secret_keys("SECRET_KEYS")
    at_head = await current_revision(conn) == head_revision()
    if var.problems or not at_head or row["reads_only"]:
        return _database("not_asked", "whether SECRET_KEYS open what it holds")
    transaction = conn.transaction()
    await transaction.start()
    try:
        await prove_keys(conn, Sealer.from_text(key.reveal() for key in keys))
    except WrongKeysError as error:
        return _database("wrong", str(error))
    finally:
        await transaction.rollback()  # a look leaves no canary of its own
    return _database("ok", "SECRET_KEYS open what it holds")


async def _panel(conn: Connection) -> Observation:
    """The panel takes on a role of its own; where it may not, every page of it fails."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.fetchval(TRY_ROLE, PANEL_ROLE)
    except Exception as error:  # noqa: BLE001 - whatever it is, the panel meets it too
        return _database("wrong", f"the panel's role cannot be taken on: {type(error).__name__}")
    finally:
        await transaction.rollback()
    return _database("ok", "the panel's role can be taken on")


async def _log(conn: Connection) -> Observation:
    """What the server's own log shows of customers, when a statement fails or is slow."""
    if await quotes_rows(conn):
        return _database(
            "look",
            f"its log may quote rows, with names in them: as a superuser, {await _discreet(conn)}",
        )
    return _database("ok", "its log quotes no rows")


async def _discreet(conn: Connection) -> str:
    """What to type, for this database."""
    name = await conn.fetchval(ITS_NAME)
    return "; ".join(
        f"ALTER DATABASE {name} SET {one} = {value}" for one, value in DISCREET.items()
    )


def timeouts_of(major: int) -> tuple[str, ...]:
    """The settings that a login behind a pooler has to carry, by the server's version."""
    return TIMEOUTS if major < BOUNDS_TRANSACTIONS else (*TIMEOUTS, "transaction_timeout")


def _pooler(row: Mapping[str, Any], *, pooled: bool, said: str) -> Observation:
    if pooled != (said == "pgbouncer"):
        here = "a pooler stands before it" if pooled else "no pooler stands before it"
        return _database("wrong" if pooled else "look", f"{here}, DATABASE_POOLER is {said}")
    missing = [name for name in timeouts_of(row["major"]) if row[name] in {"0", ""}]
    if pooled and missing:
        return _database(
            "look",
            f"behind a pooler the role has to carry {', '.join(missing)}:"
            " docs/runbooks/database.md",
        )
    return _database("ok", "a pooler in front, as the settings say" if pooled else "no pooler")
