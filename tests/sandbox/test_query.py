import dataclasses
from dataclasses import dataclass
from operator import attrgetter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.vindi.query import (
    And,
    Field,
    Not,
    Or,
    QueryRefusedError,
    Term,
    Tree,
    parse,
    predicate,
)
from services.sandbox.vindi.records import Row
from services.sandbox.vindi.table import Table
from services.sandbox.vindi.times import money, read_instant, read_money, text_of

BRASILIA = ZoneInfo("America/Sao_Paulo")


@dataclass(slots=True, kw_only=True)
class Thing(Row):
    name: str = ""
    cents: int = 0
    group: int = 0


FIELDS = {
    "id": Field("number", attrgetter("id")),
    "created_at": Field("time", attrgetter("created_ms")),
    "updated_at": Field("time", attrgetter("updated_ms")),
    "name": Field("text", attrgetter("name")),
    "code": Field("text", attrgetter("name")),
    "amount": Field("money", attrgetter("cents")),
    "group": Field("number", attrgetter("group")),
}


def thing(**values: object) -> Thing:
    row = Thing(id=7, created_ms=0, updated_ms=0, name="Maria da Luz", cents=10050, group=3)
    return dataclasses.replace(row, **values)  # type: ignore[arg-type] # by name, in tests only


def matches(query: str, row: Thing, zone: str = "America/Sao_Paulo") -> bool:
    return predicate(parse(query), FIELDS, ZoneInfo(zone))(row)


@pytest.mark.parametrize(
    "query",
    [
        "", "name:luz", "name:LÚZ", 'name="Maria da Luz"', "amount>100", "amount>=100.50",
        "amount<=100.50", "-amount<100", "NOT group=4", "group=3 id=7", "group=3 AND id=7",
        "group=9 or id=7", "(group=9 OR group=3) and id=7", "-(group=9 OR group=8)",
        "group=9 OR group=3 id=7", "not (group=9) id=7",
    ],
)  # fmt: skip
def test_a_query_finds_what_it_describes(query: str) -> None:
    assert matches(query, thing())


@pytest.mark.parametrize("query", ["group=3 id=8", "name:sol", "-id=7", "id>7", "(group=3) id=1"])
def test_a_query_finds_nothing_else(query: str) -> None:
    assert not matches(query, thing())


@pytest.mark.parametrize(
    "query",
    [
        "id", "id=", "(id=7", "id=7)", "AND id=7", "id=7 OR", "amount=caro", "cor=azul",
        "code:x", "created_at=ontem", 'created_at>="2026-04-10T10:00:00"', "created_at:2026",
    ],
)  # fmt: skip
def test_what_vindi_does_not_document_is_refused(query: str) -> None:
    with pytest.raises(QueryRefusedError):
        matches(query, thing())


@pytest.mark.parametrize(
    ("instant", "found"),
    [
        ("2026-04-10T00:00:00-03:00", True),
        ("2026-04-10T23:59:59.999-03:00", True),
        ("2026-04-09T23:59:59-03:00", False),
        ("2026-04-11T00:00:00-03:00", False),
    ],
)
def test_equal_on_a_date_means_the_whole_day_in_brasilia(instant: str, found: bool) -> None:
    row = thing(updated_ms=read_instant(instant))

    assert matches("updated_at=2026-04-10", row) is found


def test_the_zone_of_query_values_can_be_utc() -> None:
    row = thing(updated_ms=read_instant("2026-04-10T10:00:00-03:00"))

    assert matches('updated_at>="2026-04-10 10:00:00"', row)
    assert matches('updated_at>="2026-04-10 13:00:00"', row, zone="UTC")
    assert not matches('updated_at>="2026-04-10 13:00:01"', row, zone="UTC")


rows = st.builds(
    Thing,
    id=st.integers(1, 60),
    created_ms=st.integers(0, 9).map(lambda day: day * 86_400_000 + 5_000),
    updated_ms=st.integers(0, 9).map(lambda day: day * 86_400_000 + 7_000),
    group=st.integers(0, 3),
    name=st.just("x"),
)
terms = st.one_of(
    st.builds(lambda i: Term("id", "=", str(i)), st.integers(1, 60)),
    st.builds(lambda i: Term("group", "=", str(i)), st.integers(0, 3)),
    st.builds(
        lambda name, op, day: Term(name, op, f"1970-01-0{day}"),
        st.sampled_from(["created_at", "updated_at"]),
        st.sampled_from(["=", ">=", "<=", ">", "<"]),
        st.integers(1, 9),
    ),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: And(tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


@given(st.lists(rows, max_size=25, unique_by=lambda row: row.id), trees, st.booleans())
def test_the_indexes_find_what_a_look_at_every_row_finds(
    things: list[Thing], tree: Tree, descending: bool
) -> None:
    table: Table[Thing] = Table(FIELDS, hashed=("group",))
    for row in things:
        table.add(row)

    found = table.select(tree, BRASILIA, sort_by="created_at", descending=descending)

    test = predicate(tree, FIELDS, BRASILIA)
    wanted = sorted(
        (row for row in things if test(row)),
        key=lambda row: (row.created_ms, row.id),
        reverse=descending,
    )
    assert found == [row.id for row in wanted]


@given(st.lists(rows, min_size=1, max_size=10, unique_by=lambda row: row.id), st.data())
def test_a_touched_row_is_found_at_its_new_time_only(
    things: list[Thing], data: st.DataObject
) -> None:
    table: Table[Thing] = Table(FIELDS)
    for row in things:
        table.add(row)
    touched = data.draw(st.sampled_from(things))

    table.touch(touched, read_instant("2026-04-10T10:00:00-03:00"))

    tree = parse("updated_at=2026-04-10")
    assert table.select(tree, BRASILIA, sort_by="id", descending=False) == [touched.id]


@given(st.integers(-(10**9), 10**9))
def test_money_survives_being_written_and_read(cents: int) -> None:
    assert read_money(money(cents)) == cents


@pytest.mark.parametrize(
    ("cents", "text"),
    [(10000, "100.0"), (7990, "79.9"), (4988, "49.88"), (-120, "-1.2"), (0, "0.0")],
)
def test_money_has_no_zeros_beyond_one_decimal(cents: int, text: str) -> None:
    assert money(cents) == text


def test_an_instant_shows_its_milliseconds_only_while_fresh() -> None:
    instant = read_instant("2026-04-10T10:00:46.718-03:00")

    assert text_of(instant, fresh=True) == "2026-04-10T10:00:46.718-03:00"
    assert text_of(instant) == "2026-04-10T10:00:46.000-03:00"
    assert str(text_of(read_instant("2018-12-25"))).endswith("-02:00")
