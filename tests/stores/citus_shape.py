"""What Citus refuses of a statement by its shape, read from the statement's own tree.

Tenants are spread over nodes by `tenant_id`. So tables are joined, and looked into from one
another, by it; rows are locked and changed where it is named or brought along; and clocks are asked
where one node evaluates them for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from typing import Any, Final

import pglast

from shared.db.distribution import DISTRIBUTED_TABLES

Node = Mapping[str, Any]
Term = tuple[str, int]  # something that is a tenant's id: a table's column, a parameter, data

SPREAD: Final = frozenset({*DISTRIBUTED_TABLES, "events_default"})
CLOCKS: Final = frozenset(
    (
        *("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday"),
        *("random", "gen_random_uuid", "uuidv4", "uuidv7", "nextval", "currval", "txid_current"),
    )
)
STATEMENTS: Final = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"})
LAZY: Final = {"CaseExpr": "CASE", "CoalesceExpr": "COALESCE"}


def misplaced_clocks(sql: str) -> list[str]:
    """Where a clock, or chance, is asked although each node would answer for itself."""
    return [
        f"{name} in {place}"
        for tree in trees(sql)
        for node in nodes(tree)
        for place, parts in _evaluated_apart(node)
        for part in nodes(parts)
        if (name := _clock(part)) is not None
    ]


# Settings that a node needs to know: what row-level security asks, and as whom.
FOR_NODES: Final = ("role", "session_authorization", "notaponte.")


def unheard_settings(sql: str) -> list[str]:
    """Settings that only the coordinator would hear of, since a function makes them."""
    return [
        f"set_config of {name}"
        for tree in trees(sql)
        for node in nodes(tree)
        if node.get("@") == "FuncCall" and node["funcname"][-1]["sval"] == "set_config"
        for name in [_text(node["args"][0])]
        if name is None or name.startswith(FOR_NODES)
    ]


def _text(node: Node) -> str | None:
    value = node.get("val", {})
    return value.get("sval") if isinstance(value, Mapping) else None


def moved_tenants(sql: str) -> list[str]:
    """Updates of `tenant_id`, by which a row would have to go to another node."""
    return [
        f"moves rows of {node['relation']['relname']}"
        for tree in trees(sql)
        for node in nodes(tree)
        if node.get("@") == "UpdateStmt" or "onConflictClause" in node
        for target in (node.get("onConflictClause") or node).get("targetList", ())
        if target.get("name") == "tenant_id"
    ]


def misplaced_tenants(sql: str) -> list[str]:
    """Where tenants are joined, looked into, locked, changed or recursed over without their id."""
    reader = _Reader()
    for tree in trees(sql):
        reader.read(tree, None, {})
    return [fault for faults in reader.checks for fault in faults()]


def trees(sql: str) -> list[Node]:
    """The statements of a text as nested mappings, `@` naming the kind of each node."""
    return [raw(skip_none=True)["stmt"] for raw in pglast.parse_sql(sql)]


def nodes(tree: object) -> Iterator[Node]:
    """Every node of a tree, the tree itself among them."""
    if isinstance(tree, Mapping):
        yield tree
        yield from chain.from_iterable(nodes(part) for part in tree.values())
    elif isinstance(tree, list | tuple):
        yield from chain.from_iterable(nodes(part) for part in tree)


def _evaluated_apart(node: Node) -> Iterator[tuple[str, object]]:
    if node.get("@") in LAZY:
        yield LAZY[node["@"]], node
    if node.get("@") in STATEMENTS and "returningClause" in node:
        yield "RETURNING", node["returningClause"]
    if "onConflictClause" in node:
        yield "ON CONFLICT", node["onConflictClause"]


def _clock(node: Node) -> str | None:
    if node.get("@") == "SQLValueFunction":
        return "a clock"
    name = str(node["funcname"][-1]["sval"]) if node.get("@") == "FuncCall" else ""
    return name if name in CLOCKS else None


@dataclass(slots=True, kw_only=True)
class _Rows:
    """Something rows come from; `spread` says whether they lie on several nodes."""

    name: str
    term: Term
    spread: bool


@dataclass(slots=True, kw_only=True)
class _Level:
    """One SELECT, UPDATE or DELETE: what it reads, and what it is part of."""

    outer: "_Level | None"
    rows: dict[str, _Rows] = field(default_factory=dict)

    @property
    def spread(self) -> list[_Rows]:
        return [one for one in self.rows.values() if one.spread]

    def of(self, column: Sequence[Node]) -> _Rows | None:
        """Whose column `tenant_id` is."""
        if len(column) == 1:
            return next(chain(self.spread, self.rows.values()), None)
        name, level = column[0].get("sval"), self
        while name not in level.rows and level.outer is not None:
            level = level.outer
        return level.rows.get(str(name))


Ctes = Mapping[str, _Rows]


class _Reader:
    """Reads one statement, joins what is equal, and keeps what to ask once all was read."""

    def __init__(self) -> None:
        self.checks: list[Callable[[], list[str]]] = []
        self._same: dict[Term, Term] = {}
        self._brought: list[Term] = []
        self._numbers = count()

    def read(self, node: Node, outer: _Level | None, ctes: Ctes) -> _Rows:
        """Read a statement or a part of one; returns what its rows are."""
        ctes = self._with(node, outer, ctes)
        if "larg" in node:
            sides = [self.read(node[side], outer, ctes) for side in ("larg", "rarg")]
            self._equal(sides[0].term, sides[1].term)
            return next((side for side in sides if side.spread), sides[0])
        if node["@"] == "InsertStmt":
            return self._insert(node, outer, ctes)
        level = _Level(outer=outer)
        sources = [*([node["relation"]] if "relation" in node else []), *_from(node)]
        items = [item for source in sources for item in _flat(source)]
        for item in items:
            one = self._rows_of(item, ctes)
            level.rows[one.name] = one
        for item in items:
            if item["@"] == "RangeSubselect":
                self._below(item, level, ctes)
        for source in sources:
            self._joined(source, level)
        self._conditions(node.get("whereClause"), level)
        self._sublinks(node, level, ctes)
        self.checks += [partial(self._apart, level), partial(self._locked, node, level)]
        if node["@"] in {"UpdateStmt", "DeleteStmt"}:
            self.checks.append(partial(self._changed, node, level))
        return next(chain(level.spread, level.rows.values()), self._new("nothing", spread=False))

    def _with(self, node: Node, outer: _Level | None, ctes: Ctes) -> Ctes:
        known = dict(ctes)
        clause = node.get("withClause", {})
        for cte in clause.get("ctes", ()):
            name = cte["ctename"]
            itself = self._new(name, spread=False)
            body = self.read(cte["ctequery"], outer, {**known, name: itself})
            self._equal(itself.term, body.term)
            known[name] = _Rows(name=name, term=body.term, spread=body.spread)
            if clause.get("recursive") and body.spread:
                self.checks.append(partial(self._recursed, body))
        return known

    def _insert(self, node: Node, outer: _Level | None, ctes: Ctes) -> _Rows:
        target = self._rows_of(node["relation"], {})
        select = node.get("selectStmt", {})
        columns = [column["name"] for column in node.get("cols", ())]
        if select:
            self.read(select, outer, ctes)
        if target.spread and "tenant_id" not in columns:
            self.checks.append(lambda: [f"adds to {target.name} without a tenant_id"])
        elif target.spread and select:
            lists = select.get("valuesLists") or [select.get("targetList", ())]
            given = lists[0][min(columns.index("tenant_id"), len(lists[0]) - 1)]
            if (term := self._value(given.get("val", given))) is not None:
                self._equal(target.term, term)
        level = _Level(outer=outer, rows={target.name: target})
        rest = {key: part for key, part in node.items() if key not in {"selectStmt", "withClause"}}
        self._sublinks(rest, level, ctes)
        return target

    def _rows_of(self, item: Node, ctes: Ctes) -> _Rows:
        alias = item.get("alias", {}).get("aliasname")
        if item["@"] != "RangeVar":
            return self._new(alias or "data", spread=False, kind="data")
        table = item["relname"]
        if table in ctes:
            return _Rows(name=alias or table, term=ctes[table].term, spread=ctes[table].spread)
        return self._new(alias or table, spread=table in SPREAD)

    def _below(self, item: Node, level: _Level, ctes: Ctes) -> None:
        """A subquery that is read from: its rows are those of what it reads."""
        one = level.rows[item.get("alias", {}).get("aliasname") or "data"]
        below = self.read(item["subquery"], level, ctes)
        one.term, one.spread = below.term, below.spread
        self.checks.append(partial(self._over_data, item["subquery"], below, level))

    def _sublinks(self, node: Node, level: _Level, ctes: Ctes) -> None:
        for link in _links(node):
            below = self.read(link["subselect"], level, ctes)
            self.checks.append(partial(self._looked_into, below, level))
            self.checks.append(partial(self._over_data, link["subselect"], below, level))

    def _joined(self, source: Node, level: _Level) -> None:
        if source["@"] != "JoinExpr":
            return
        sides = [source["larg"], source["rarg"]]
        for side in sides:
            self._joined(side, level)
        self._conditions(source.get("quals"), level)
        if any(column["sval"] == "tenant_id" for column in source.get("usingClause", ())):
            left, right = (level.rows[_name(next(_flat(side)))] for side in sides)
            self._equal(left.term, right.term)

    def _conditions(self, node: Node | None, level: _Level) -> None:
        if node is None:
            return
        if node["@"] == "BoolExpr" and node["boolop"]["name"] == "AND_EXPR":
            for part in node["args"]:
                self._conditions(part, level)
        for left, right in _equals(node):
            pair = [self._tenant(side, level) for side in (left, right)]
            if pair[0] is None or pair[1] is None:
                continue
            if node["kind"]["name"] == "AEXPR_OP_ANY":  # one of several: equal to none of them
                self._brought.append(pair[0])
            else:
                self._equal(pair[0], pair[1])

    def _tenant(self, node: Node, level: _Level) -> Term | None:
        if node["@"] == "ColumnRef" and node["fields"][-1].get("sval") == "tenant_id":
            rows = level.of(node["fields"])
            return None if rows is None else rows.term
        return self._value(node)

    def _value(self, node: Node) -> Term | None:
        while node["@"] == "TypeCast":
            node = node["arg"]
        return ("parameter", node["number"]) if node["@"] == "ParamRef" else None

    def _new(self, name: str, *, spread: bool, kind: str = "rows") -> _Rows:
        return _Rows(name=name, term=(kind, next(self._numbers)), spread=spread)

    def _equal(self, left: Term, right: Term) -> None:
        self._same[self._root(left)] = self._root(right)

    def _root(self, term: Term) -> Term:
        while (above := self._same.get(term, term)) != term:
            term = above
        return term

    def _is_one(self, rows: _Rows, *kinds: str) -> bool:
        """Whether its tenant is the one of a parameter, or of data."""
        root = self._root(rows.term)
        terms = {*self._same, *self._same.values(), rows.term}
        return any(term[0] in kinds and self._root(term) == root for term in terms)

    def _apart(self, level: _Level) -> list[str]:
        return [
            f"joins {one.name} and {other.name} without tenant_id"
            for one, other in zip(level.spread, level.spread[1:], strict=False)
            if self._root(one.term) != self._root(other.term)
        ]

    def _looked_into(self, below: _Rows, level: _Level) -> list[str]:
        if not below.spread or not level.spread:
            return []
        same = self._root(below.term) == self._root(level.spread[0].term)
        return [] if same else [f"looks into {below.name} of other tenants"]

    def _over_data(self, below: Node, rows: _Rows, level: _Level) -> list[str]:
        """For each row of data, which lies on no node, Citus looks into no table."""
        if not rows.spread or level.spread or self._is_one(rows, "parameter"):
            return []
        named = {part["fields"][0].get("sval") for part in nodes(below) if _is_column(part)}
        return [f"looks into {rows.name} for each of {name}" for name in named & set(level.rows)]

    def _locked(self, node: Node, level: _Level) -> list[str]:
        clauses = node.get("lockingClause", ())
        if not clauses:
            return []
        named = {one["relname"] for clause in clauses for one in clause.get("lockedRels", ())}
        rows = [one for one in level.spread if not named or one.name in named]
        return [f"locks {one.name} of all" for one in rows if not self._is_one(one, "parameter")]

    def _changed(self, node: Node, level: _Level) -> list[str]:
        target = level.rows[_name(node["relation"])]
        brought = self._root(target.term) in map(self._root, self._brought)
        if not target.spread or brought or self._is_one(target, "parameter", "data"):
            return []
        return [f"changes {target.name} of all"]

    def _recursed(self, body: _Rows) -> list[str]:
        return [] if self._is_one(body, "parameter") else [f"recurses over {body.name} of all"]


def _from(node: Node) -> Sequence[Node]:
    found: Sequence[Node] = node.get("fromClause", ()) or node.get("usingClause", ())
    return found


def _flat(source: Node) -> Iterator[Node]:
    if source["@"] == "JoinExpr":
        yield from chain(_flat(source["larg"]), _flat(source["rarg"]))
    else:
        yield source


def _name(item: Node) -> str:
    return str(item.get("alias", {}).get("aliasname") or item.get("relname") or "data")


def _links(tree: object) -> Iterator[Node]:
    """The subqueries of a level's expressions; not those inside them, nor what it reads from."""
    if isinstance(tree, list | tuple):
        yield from chain.from_iterable(_links(part) for part in tree)
    elif isinstance(tree, Mapping):
        if tree.get("@") == "SubLink":
            yield tree
            yield from _links(tree.get("testexpr"))
            return
        below = {"withClause"} | ({"subquery"} if tree.get("@") == "RangeSubselect" else set())
        yield from chain.from_iterable(
            _links(part) for key, part in tree.items() if key not in below
        )


def _equals(node: Node) -> Iterator[tuple[Node, Node]]:
    if node["@"] != "A_Expr" or node["name"][-1]["sval"] != "=":
        return
    left, right = node.get("lexpr"), node["rexpr"]
    if left is None or node["kind"]["name"] not in {"AEXPR_OP", "AEXPR_OP_ANY"}:
        return
    if left["@"] == right["@"] == "RowExpr":
        yield from zip(left["args"], right["args"], strict=True)
    elif not isinstance(right, tuple):
        yield left, right


def _is_column(node: Node) -> bool:
    return node.get("@") == "ColumnRef" and len(node["fields"]) > 1
