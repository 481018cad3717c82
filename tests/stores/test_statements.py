"""Two rules for every statement: it says whose it is, and whether it crosses tenants.

The name shows in `pg_stat_activity` and in the log of slow queries; what crosses tenants has to be
thought about when tenants are spread over nodes, so whoever calls it reads that it does.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.db.distribution import DISTRIBUTED_TABLES

ROOT = Path(__file__).parents[2]
STATEMENT = re.compile(
    r"\s*(--[^\n]*\n\s*)*\(?(WITH|SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|LOCK|SET)\s",
    re.IGNORECASE,
)
NAME = re.compile(r"\s*-- (\w+)\.(\w+)( \w+)*\n")
COMMENT = re.compile(r"--.*")
OF_TENANTS = re.compile(rf"\b({'|'.join(DISTRIBUTED_TABLES)})\b")
# A tenant is named, or tenants are brought along as data.
NAMED = re.compile(
    r"tenant_id\s*=\s*(ANY\s*\(\s*)?\$\d"
    r"|\(tenant_id, \w+\) = \(\$1"
    r"|AS\s+\w+\s*\(\s*tenant_id\b"
    r"|INSERT INTO \w+\s*\(\s*tenant_id\b[^)]*\)\s*"
    r"(VALUES\s*\(|SELECT\s+|SELECT \* FROM unnest\()\$1",
    re.IGNORECASE,
)
CATALOG = re.compile(r"FROM pg_(inherits|dist_partition)\b")
CALLS = frozenset({"execute", "executemany", "fetch", "fetchrow", "fetchval"})
# Statements whose identifiers are made, which cannot be parameters, and settings of a transaction.
MADE = {
    ("shared/db/migrate.py", "migrate"),
    ("shared/db/migrate.py", "bring"),
    ("shared/db/vindi/event_days_store.py", "make"),
    ("shared/db/vindi/event_days_store.py", "_move"),
    ("shared/db/vindi/event_days_store.py", "drop"),
    ("shared/local/postgres.py", "ensure_database"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    module: str
    constant: str
    text: str
    functions: frozenset[str]  # of its module that run it

    def __str__(self) -> str:
        return f"{self.module}: {self.constant}"


def test_every_statement_opens_with_the_name_of_its_store_and_function() -> None:
    assert not [str(one) for one in statements() if not well_named(one)]


def test_a_statement_that_crosses_tenants_is_run_by_functions_that_say_so() -> None:
    assert not [
        f"{one} is run by {function}"
        for one in statements()
        if crosses_tenants(one.text)
        for function in one.functions
        if not function.endswith("_any_tenant")
    ]


def test_a_statement_is_a_constant_and_not_hidden_in_a_call() -> None:
    assert not [
        f"{place}: {function.name}"
        for place, tree in modules()
        for function in functions_of(tree)
        if place.startswith("shared/")
        and (place, function.name) not in MADE
        and hides_a_statement(function)
    ]


def test_these_rules_know_a_crossing_when_they_see_one() -> None:
    assert crosses_tenants("SELECT bill_id FROM outbox WHERE due_at <= $1")
    assert crosses_tenants("UPDATE sales s SET x = 1 FROM bills b WHERE s.tenant_id = b.tenant_id")
    assert not crosses_tenants("SELECT 1 FROM sales WHERE tenant_id = $1")
    assert not crosses_tenants("INSERT INTO events (tenant_id, body) SELECT * FROM unnest($1, $2)")
    assert not crosses_tenants("SELECT now()")
    assert len(list(statements())) > 150


def well_named(statement: Statement) -> bool:
    found = NAME.match(statement.text)
    own = statement.constant.lower()
    return (
        found is not None
        and found[1] == Path(statement.module).stem
        and found[2] in statement.functions | {own, f"{own}_any_tenant"}
    )


def crosses_tenants(text: str) -> bool:
    bare = COMMENT.sub("", text)
    if CATALOG.search(bare) or not OF_TENANTS.search(bare):
        return False
    return NAMED.search(bare) is None


@cache
def statements() -> tuple[Statement, ...]:
    return tuple(
        Statement(
            module=place,
            constant=name,
            text=text,
            functions=frozenset(
                function.name for function in functions_of(tree) if mentions(function, name)
            ),
        )
        for place, tree in modules()
        for name in constants_of(tree)
        for text in texts(place, name)
        if STATEMENT.match(text)
    )


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of ours, but for the sandbox, which has no database."""
    for root in ("shared", "services"):
        for file in sorted((ROOT / root).rglob("*.py")):
            if not {"sandbox", "migrations"} & set(file.parts):
                yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def constants_of(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        yield from (one.id for one in targets if isinstance(one, ast.Name) and one.id.isupper())


def texts(place: str, name: str) -> list[str]:
    """What a constant holds, with what it was put together from in its place."""
    module = importlib.import_module(place.removesuffix(".py").replace("/", "."))
    value = getattr(module, name)
    values = list(value.values()) if isinstance(value, dict) else [value]
    return [one for one in values if isinstance(one, str)]


def functions_of(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    found = ast.walk(tree)
    return [node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def mentions(function: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(function))


def hides_a_statement(function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
        and node.args
        and STATEMENT.match(literal(node.args[0]))
        for node in ast.walk(function)
    )


def literal(node: ast.expr) -> str:
    """The text a call is given in its place; of one that is put together, how it begins."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) else node
    return str(first.value) if isinstance(first, ast.Constant) else ""
