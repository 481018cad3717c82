"""Tokens of the internal API from the command line: make one, list them, end one."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from shared.commands.tokens import MOST_DAYS, SCOPES, list_tokens, make_token, revoke_token
from shared.config.env import TOKEN_NAME, Env
from shared.config.settings import read_database
from shared.db.connection import Connection, open_pool
from shared.db.people.tokens_store import InternalToken, TokenScope
from shared.local.home import known_settings

SHOWN: Final = "%Y-%m-%d %H:%M UTC"


async def run_tokens(
    env: Mapping[str, str],
    console: Console,
    *,
    name: str,
    scope: str,
    days: str,
    revoke: bool,
    by: str,
) -> None:
    """Without a name list all; with one make it, or end it.

    Raises SettingsError with all that was said wrong, and TokenRefused.
    """
    known = known_settings(env)
    with Env(values=known) as var:
        database = read_database(var)
        if name:
            _check_name(var, name, env=known)
        kind = _scope(var, scope)
        number = _days(var, days)
    async with open_pool(database, application="token") as pool, pool.acquire() as conn:
        if not name:
            console.print(_table(await list_tokens(conn)))
        elif revoke:
            await revoke_token(conn, name, by=by)
            console.print(f"The token {name} is refused from now on.")
        else:
            await _make(conn, console, name, kind, number, by)


async def _make(
    conn: Connection, console: Console, name: str, scope: TokenScope, days: int, by: str
) -> None:
    token, until = await make_token(conn, name, scope, days=days, by=by)
    console.print(f"{name}, for {scope}, until {until:{SHOWN}}. It is shown this once:")
    console.print(token, soft_wrap=True, highlight=False, markup=False)


def _check_name(var: Env, name: str, *, env: Mapping[str, str]) -> None:
    if not TOKEN_NAME.fullmatch(name):
        var.problem("NAME", "must be 1 to 40 letters, digits, dots, dashes or underscores.")
    taken = env.get("INTERNAL_API_TOKEN", "")
    if taken and name in {token.name for token in Env(values=env).api_tokens("INTERNAL_API_TOKEN")}:
        var.problem("NAME", "is that of a token in INTERNAL_API_TOKEN; choose another.")


def _scope(var: Env, text: str) -> TokenScope:
    for scope in SCOPES:
        if text == scope:
            return scope
    var.problem("SCOPE", f"must be one of: {', '.join(SCOPES)}.")
    return "read"


def _days(var: Env, text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_DAYS:
        return int(text)
    var.problem("DAYS", f"must be a whole number from 1 to {MOST_DAYS}.")
    return 1


def _table(tokens: Sequence[InternalToken]) -> Table:
    table = Table("name", "scope", "made", "by", "until", "last used", "")
    for one in tokens:
        used = f"{one.used_at:{SHOWN}}" if one.used_at else "never"
        ended = f"revoked {one.revoked_at:{SHOWN}}" if one.revoked_at else ""
        made, until = f"{one.made_at:{SHOWN}}", f"{one.expires_at:{SHOWN}}"
        table.add_row(one.name, one.scope, made, one.made_by, until, used, ended)
    return table
