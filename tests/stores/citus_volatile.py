"""What Citus refuses of a statement because nodes could evaluate it differently.

Which operators are meant depends on types, and only PostgreSQL knows those: an instant less an
interval is `STABLE` (the session's zone has a say), the difference of two instants is not. So it is
asked for the tree it makes of a statement, as it logs it with `debug_print_parse`.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from shared.db.connection import Connection

Node = Mapping[str, Any]

TOKEN: Final = re.compile(r'[(){}]|"(?:\\.|[^"\\])*"|(?:\\.|[^\s(){}\\])+')
FUNCTIONS: Final = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
TYPES: Final = ("vartype", "consttype", "paramtype", "funcresulttype", "opresulttype", "resulttype")
LAZY: Final = {"CASEEXPR": "CASE", "COALESCEEXPR": "COALESCE"}
UPDATE, INSERT, DELETE = "2", "3", "4"

INSTANT: Final = "1184"  # timestamptz
# A node's own zone is nobody's business: what asks the session's zone for a day, a month or a text
# is refused. Of an instant and an interval it has a say only where a day has 23 or 25 hours.
ZONED: Final = """
    SELECT oid::text FROM pg_proc
     WHERE provolatile = 's' AND 1184 IN (SELECT unnest(proargtypes::oid[]) UNION SELECT prorettype)
       AND pronargs > 0 AND prokind = 'f' AND 2281 <> ALL (proargtypes::oid[])
       AND proname !~ '^(timestamptz_(pl|mi)_interval|interval_pl_timestamptz)$'
       AND proname NOT IN ('timestamptz_in', 'timestamptz_out')
"""
ALL_FUNCTIONS: Final = "SELECT oid, proname::text AS name, provolatile::text AS kind FROM pg_proc"
ALL_TYPES: Final = "SELECT oid, typinput::oid AS reads, typoutput::oid AS writes FROM pg_type"


class Functions(Struct, frozen=True, kw_only=True):
    """The functions of a database that are not immutable, and what reads and writes its types."""

    names: Mapping[str, str]  # by number
    chance: frozenset[str]  # the names of those that are not even stable
    text: Mapping[str, tuple[str, str]]
    zoned: frozenset[str]  # the numbers of those that ask the session's zone

    def of(self, node: Node) -> list[str]:
        """What a node itself calls that is not immutable."""
        called = [str(node[key][0]) for key in FUNCTIONS if key in node]
        if node["@"] == "COERCEVIAIO":
            argument = node["arg"][0]
            come_from = next((argument[key][0] for key in TYPES if key in argument), "0")
            called.append(self.text[node["resulttype"][0]][0])
            called += self.text.get(come_from, ("", ""))[1:]
        clock = ["a clock"] if node["@"] == "SQLVALUEFUNCTION" else []
        return clock + [self.names[one] for one in called if one in self.names]

    def within(self, part: object) -> list[str]:
        """What is called anywhere inside that is not immutable."""
        return [name for node in nodes(part) for name in self.of(node)]

    def undecided(self, part: object) -> list[str]:
        """What one node cannot evaluate for all: lazily, or of the columns of a row."""
        if isinstance(part, list):
            return [fault for one in part for fault in self.undecided(one)]
        if not isinstance(part, dict):
            return []
        if part["@"] in LAZY:
            return [f"{name} in {LAZY[part['@']]}" for name in self.within(part)]
        own = self.of(part)
        if own and any(node["@"] == "VAR" for node in nodes(part)):
            return [f"{name} of a column" for name in own]
        return [fault for value in part.values() for fault in self.undecided(value)]


async def functions(conn: Connection) -> Functions:
    """The functions of this database."""
    rows = await conn.fetch(ALL_FUNCTIONS)
    types = await conn.fetch(ALL_TYPES)
    return Functions(
        names={str(row["oid"]): row["name"] for row in rows if row["kind"] != "i"},
        chance=frozenset(row["name"] for row in rows if row["kind"] == "v"),
        zoned=frozenset(row["oid"] for row in await conn.fetch(ZONED)),
        text={str(row["oid"]): (str(row["reads"]), str(row["writes"])) for row in types},
    )


async def undecided(conn: Connection, known: Functions, sql: str) -> list[str]:
    """What nodes could evaluate differently of a statement, where Citus refuses that."""
    return [
        fault
        for tree in await trees(conn, sql)
        for node in nodes(tree)
        if node["@"] == "QUERY"
        for fault in _of_query(known, node)
    ]


async def zoned(conn: Connection, known: Functions, sql: str) -> list[str]:
    """What a statement asks the session's zone for, which is another one on each node."""
    return [
        f"{known.names[number]} in the session's zone"
        for tree in await trees(conn, sql)
        for node in nodes(tree)
        for number in _asking_the_zone(node)
        if number in known.zoned
    ]


def _asking_the_zone(node: Node) -> Iterator[str]:
    yield from (str(node[key][0]) for key in FUNCTIONS if key in node)


def _of_query(known: Functions, query: Node) -> Iterator[str]:
    kind = query["commandType"][0]
    if kind not in {UPDATE, INSERT, DELETE}:
        return
    if kind != INSERT:  # anywhere in it: `SingleShardUpdateDeleteSupported`
        yield from (f"{name} is chance" for name in known.within(query) if name in known.chance)
    yield from (f"{name} in RETURNING" for name in known.within(query["returningList"]))
    yield from (f"{name} in ON CONFLICT" for name in known.within(query["onConflict"]))
    changed = [query["targetList"]] if kind == UPDATE else []
    for part in [*changed, query["jointree"]]:
        yield from known.undecided(part)


async def trees(conn: Connection, sql: str) -> list[Any]:
    """PostgreSQL's own trees of a statement, its types resolved."""
    told: list[str] = []

    def listen(_: object, message: Any) -> None:
        if message.message.startswith("parse tree"):
            told.append(message.detail or message.message.partition(":")[2])

    conn.add_log_listener(listen)
    try:
        async with conn.transaction():
            await conn.execute("SET LOCAL debug_pretty_print = off")
            await conn.execute("SET LOCAL client_min_messages = log")
            await conn.execute("SET LOCAL debug_print_parse = on")
            told.clear()
            await conn.prepare(sql)
            await asyncio.sleep(0)  # listeners are called by the event loop
            logged = list(told)
    finally:
        conn.remove_log_listener(listen)
    return [tree for text in logged for tree in _until(None, iter(TOKEN.findall(text)))]


def nodes(tree: object) -> Iterator[Node]:
    """Every node of a tree, the tree itself among them."""
    if isinstance(tree, dict):
        yield tree
    if isinstance(tree, dict | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from nodes(part)


def _read(token: str, tokens: Iterator[str]) -> Any:
    """One node, list or word; `@` is the kind of a node, and all its fields are lists."""
    if token == "(":
        return _until(")", tokens)
    if token != "{":
        return token
    node: dict[str, Any] = {"@": next(tokens)}
    field: list[Any] = []
    for part in _until("}", tokens):
        if isinstance(part, str) and part.startswith(":"):
            field = node.setdefault(part[1:], [])
        else:
            field.append(part)
    return node


def _until(end: str | None, tokens: Iterator[str]) -> list[Any]:
    found: list[Any] = []
    while (token := next(tokens, None)) not in {end, None}:
        found.append(_read(str(token), tokens))
    return found
