"""What keeps a statement on the one node that has its tenant, and what one over all nodes may hold.

Citus sends a whole statement to one node, whatever is in it, where every table it reads is fixed to
one tenant by PostgreSQL's own planner: by `tenant_id = $1` beside it, or by a join in the same
FROM. What a LATERAL or a subquery has of the query around it is a value that is not known yet, so
one table of that kind makes it a statement over all nodes (`TargetShardIntervalsForRestrictInfo`,
multi_router_planner.c), and for those the rules of query_pushdown_planning.c and
recursive_planning.c hold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from shared.db.distribution import REFERENCE_TABLES
from tests.stores.citus_shape import SPREAD, Node, nodes, trees

# A part that has one of these has to be put together of what all nodes say (`limit`, or an
# aggregate of no group): `DeferErrorIfSubqueryRequiresMerge`.
MERGED: Final = ("limitCount", "limitOffset", "groupClause", "havingClause", "distinctClause")
AGGREGATES: Final = frozenset(
    ("count", "sum", "min", "max", "array_agg", "string_agg", "jsonb_agg", "bool_or", "bool_and")
)
# What only the server that is asked knows of itself, or of its transaction, which on a node, or on
# the coordinator, is another one.
OF_ONE_SERVER: Final = frozenset(
    (
        *("pg_current_xact_id", "pg_current_xact_id_if_assigned", "txid_current"),
        *("txid_current_if_assigned", "pg_current_snapshot", "txid_current_snapshot"),
        *("pg_backend_pid", "pg_current_wal_lsn", "inet_server_addr", "lastval", "currval"),
    )
)


def loose_tables(sql: str) -> list[str]:
    """Tables of a statement of one tenant that are tied to it by a query around them alone."""
    found = [level for tree in trees(sql) for level in _levels(tree)]
    if not any(level.names_one for level in found):
        return []
    return [f"{name} is not fixed to the tenant" for level in found for name in level.loose]


def unplanned_parts(sql: str) -> list[str]:
    """Parts of a statement over all nodes that Citus neither sends to nodes nor asks for first."""
    found = [level for tree in trees(sql) for level in _levels(tree)]
    if any(level.names_one for level in found):
        return []
    return [fault for level in found if level.reads_spread for fault in level.faults()]


def copied_rows(sql: str) -> list[str]:
    """Rows that the coordinator selects for a table of tenants, and would send by COPY.

    A COPY is refused where row-level security looks after the table, as it does for services
    (`DoCopy`, copy.c). What returns something, or minds a conflict, is sent as a result, and each
    node inserts it itself (`NonPushableInsertSelectExecScan`, insert_select_executor.c).
    """
    return [
        f"copies rows into {part['relation']['relname']}"
        for tree in trees(sql)
        for part in nodes(tree)
        if part.get("@") == "InsertStmt"
        and part["relation"]["relname"] in SPREAD
        and not part["selectStmt"].get("valuesLists")
        and not {"onConflictClause", "returningClause"} & set(part)
    ]


def asked_of_one_server(sql: str) -> list[str]:
    """Functions that tell of one server, in a statement that nodes have their part in."""
    parts = [part for tree in trees(sql) for part in nodes(tree)]
    if not any(part.get("relname") in {*SPREAD, *REFERENCE_TABLES} for part in parts):
        return []
    names = (str(part["funcname"][-1]["sval"]) for part in parts if part.get("@") == "FuncCall")
    return [f"asks one server {name}" for name in names if name in OF_ONE_SERVER]


def unnamed_subqueries(sql: str) -> list[str]:
    """Subqueries in a FROM that have no name, which PostgreSQL allows from version 16 on."""
    return [
        "a subquery without a name"
        for tree in trees(sql)
        for part in nodes(tree)
        if part.get("@") == "RangeSubselect" and "alias" not in part
    ]


@dataclass(slots=True, kw_only=True)
class _Level:
    """One SELECT, UPDATE or DELETE: its own FROM, and what of the query around it it knows."""

    node: Node
    outer: "_Level | None"
    lateral: bool = False
    tables: dict[str, str] = field(default_factory=dict)  # by the name they have here
    brought: set[str] = field(default_factory=set)  # data, small tables, CTEs, subqueries of those
    same: list[set[str]] = field(default_factory=list)  # whose tenant_id is the same

    @property
    def spread(self) -> set[str]:
        return {name for name, table in self.tables.items() if table in SPREAD}

    @property
    def reads_spread(self) -> bool:
        return any(part.get("relname") in SPREAD for part in nodes(self.node))

    @property
    def names_one(self) -> bool:
        """Whether one tenant is given as a parameter."""
        return any("$" in names and self.spread & names for names in self.same)

    @property
    def loose(self) -> list[str]:
        fixed = set[str]().union(*(names for names in self.same if "$" in names))
        return sorted(self.spread - fixed)

    def faults(self) -> Iterator[str]:
        if self.outer is None:
            return
        reached = _reached(self.node, set(self.tables) | self.brought)
        if not self.node.get("targetList") and not reached:
            yield "a part without columns, which cannot be asked for first"
        brought = {name for name in reached if self._is_brought(name)}
        if self.lateral and brought and _is_merged(self.node):
            yield f"a LIMIT or an aggregate for each row of {', '.join(sorted(brought))}"

    def _is_brought(self, name: str) -> bool:
        level = self.outer
        while level is not None and name not in {*level.tables, *level.brought}:
            level = level.outer
        return level is not None and name in level.brought


def _levels(tree: Node, outer: _Level | None = None, *, lateral: bool = False) -> Iterator[_Level]:
    """Every level of a statement, the outermost first."""
    for part in (tree["larg"], tree["rarg"]) if "larg" in tree else ():
        yield from _levels(part, outer)
    if "larg" in tree:
        return
    level = _Level(node=tree, outer=outer, lateral=lateral)
    insert = tree["@"] == "InsertStmt"
    target = [tree["relation"]] if "relation" in tree and not insert else []
    sources = [*target, *(tree.get("fromClause") or tree.get("usingClause") or ())]
    items = list(chain.from_iterable(_flat(source) for source in sources))
    for item in items:
        _enter(item, level)
    if not insert:
        for condition in [tree.get("whereClause"), *chain.from_iterable(map(_quals, sources))]:
            _equalities(condition, level)
    yield level
    yield from _below(tree, level, items)


def _enter(item: Node, level: _Level) -> None:
    name = str(item.get("alias", {}).get("aliasname") or item.get("relname") or "data")
    if item["@"] == "RangeVar" and item["relname"] in SPREAD:
        level.tables[name] = item["relname"]
    elif item["@"] != "RangeSubselect" or not _stays_on_nodes(item["subquery"]):
        level.brought.add(name)
    else:
        level.tables[name] = "a subquery"


def _stays_on_nodes(subquery: Node) -> bool:
    """Whether a subquery is not asked for first, as one that has to be put together would be."""
    if not any(part.get("relname") in SPREAD for part in nodes(subquery)):
        return False
    return not _is_merged(subquery) or bool(_reached(subquery, set()))


def _below(tree: Node, level: _Level, items: Sequence[Node]) -> Iterator[_Level]:
    for item in items:
        if item["@"] == "RangeSubselect":
            yield from _levels(item["subquery"], level, lateral=bool(item.get("lateral")))
    for cte in tree.get("withClause", {}).get("ctes", ()):
        yield from _levels(cte["ctequery"], level)
    if "selectStmt" in tree:
        yield from _levels(tree["selectStmt"], level.outer)
    for link in _links(tree):
        yield from _levels(link, level)


def _links(tree: object) -> Iterator[Node]:
    """The subqueries of a level's expressions; not those inside them, nor what it reads from."""
    if isinstance(tree, list | tuple):
        yield from chain.from_iterable(_links(part) for part in tree)
    elif isinstance(tree, Mapping):
        if tree.get("@") == "SubLink":
            yield tree["subselect"]
            yield from _links(tree.get("testexpr"))
            return
        if tree.get("@") == "RangeSubselect":
            return
        below = {"withClause", "selectStmt"}
        yield from chain.from_iterable(
            _links(part) for key, part in tree.items() if key not in below
        )


def _flat(source: Node) -> Iterator[Node]:
    if source["@"] == "JoinExpr":
        yield from chain(_flat(source["larg"]), _flat(source["rarg"]))
    else:
        yield source


def _quals(source: Node) -> Iterator[Node]:
    if source["@"] == "JoinExpr":
        if "quals" in source:
            yield source["quals"]
        yield from chain(_quals(source["larg"]), _quals(source["rarg"]))


def _equalities(node: Node | None, level: _Level) -> None:
    """Join the names of a level whose tenant is the same, `$` being a parameter's."""
    if node is None:
        return
    if node["@"] == "BoolExpr" and node["boolop"]["name"] == "AND_EXPR":
        for part in node["args"]:
            _equalities(part, level)
    if node["@"] != "A_Expr" or node["kind"]["name"] != "AEXPR_OP":
        return
    if node["name"][-1]["sval"] != "=" or "lexpr" not in node:
        return
    sides = {_tenant(node["lexpr"], level), _tenant(node["rexpr"], level)}
    if None not in sides:
        names = {str(side) for side in sides}
        joined = [one for one in level.same if one & names]
        level.same = [one for one in level.same if not one & names]
        level.same.append(names.union(*joined))


def _tenant(node: Node, level: _Level) -> str | None:
    while node["@"] == "TypeCast":
        node = node["arg"]
    if node["@"] == "ParamRef":
        return "$"
    if node["@"] != "ColumnRef" or node["fields"][-1].get("sval") != "tenant_id":
        return None
    if len(node["fields"]) > 1:
        name = str(node["fields"][0]["sval"])
        return name if name in {*level.tables, *level.brought} else None
    return next(iter(level.spread), None)


def _reached(tree: Node, own: set[str]) -> set[str]:
    """The names of the queries around it that a part speaks of."""
    known = own | {
        str(part.get("alias", {}).get("aliasname") or part.get("relname") or "")
        for part in nodes(tree)
        if part.get("@") in {"RangeVar", "RangeSubselect", "RangeFunction"}
    }
    said = {
        str(part["fields"][0].get("sval"))
        for part in nodes(tree)
        if part.get("@") == "ColumnRef" and len(part["fields"]) > 1
    }
    return said - known - {"excluded"}


def _is_merged(tree: Node) -> bool:
    if any(tree.get(key) for key in MERGED):
        return True
    calls = [
        part
        for target in tree.get("targetList", ())
        for part in nodes(target)
        if part.get("@") == "FuncCall"
    ]
    return any(
        not _is_within_tenants(call["over"])
        if "over" in call
        else str(call["funcname"][-1]["sval"]) in AGGREGATES
        for call in calls
    )


def _is_within_tenants(window: Node) -> bool:
    """Whether a window looks at the rows of one tenant, which are on one node."""
    return any(
        part["fields"][-1].get("sval") == "tenant_id"
        for part in window.get("partitionClause", ())
        if part["@"] == "ColumnRef"
    )
