"""Rows of one kind, indexed so that a list call over 100,000 of them stays quick."""

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from services.sandbox.vindi.query import (
    EVERYTHING,
    And,
    Field,
    Not,
    Or,
    Term,
    Tree,
    predicate,
    span_of,
)
from services.sandbox.vindi.records import Row

KEPT_RESULTS = 16


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to the rows: how many it visits, which, and whether all of them match."""

    count: int
    ids: Callable[[], Iterable[int]]
    exact: bool


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """The rows of one kind of one account.

    `hashed` names the fields whose `=` is answered from a dictionary; id,
    created_at and updated_at are always indexed.
    """

    def __init__(self, fields: Mapping[str, Field], hashed: tuple[str, ...] = ()) -> None:
        self.fields = fields
        self.rows: dict[int, R] = {}
        self._hashed: dict[str, dict[str, set[int]]] = {name: defaultdict(set) for name in hashed}
        self._ordered: dict[str, list[tuple[int, int]]] = {"created_at": [], "updated_at": []}
        self._ids: list[int] = []
        self._version = 0
        self._results: OrderedDict[tuple[Any, ...], tuple[int, list[int]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, row: R) -> None:
        """Take a new row, or put one in the place of the row with its id."""
        if row.id in self.rows:
            self.remove(row.id)
        self.rows[row.id] = row
        _insert(self._ids, row.id)
        _insert(self._ordered["created_at"], (row.created_ms // 1000, row.id))
        _insert(self._ordered["updated_at"], (row.updated_ms // 1000, row.id))
        for name, index in self._hashed.items():
            index[str(self.fields[name].get(row))].add(row.id)
        self._version += 1

    def remove(self, row_id: int) -> None:
        """Forget a row."""
        row = self.rows.pop(row_id)
        del self._ids[bisect_left(self._ids, row_id)]
        for name, instant in (("created_at", row.created_ms), ("updated_at", row.updated_ms)):
            index = self._ordered[name]
            del index[bisect_left(index, (instant // 1000, row_id))]
        for name, keys in self._hashed.items():
            keys[str(self.fields[name].get(row))].discard(row_id)
        self._version += 1

    def touch(self, row: R, updated_ms: int) -> None:
        """Note that a row changed. Fields under `hashed` never change after `add`."""
        index = self._ordered["updated_at"]
        del index[bisect_left(index, (row.updated_ms // 1000, row.id))]
        row.updated_ms = updated_ms
        _insert(index, (updated_ms // 1000, row.id))
        self._version += 1

    def select(self, tree: Tree, zone: ZoneInfo, *, sort_by: str, descending: bool) -> list[int]:
        """Give the ids of the matching rows, sorted; equal ones by id.

        Raises QueryRefusedError. The latest results are kept while nothing changes,
        so that reading a long list page by page does not search again.
        """
        asked = (tree, str(zone), sort_by, descending)
        kept = self._results.get(asked)
        if kept is None or kept[0] != self._version:
            kept = (self._version, self._search(tree, zone, sort_by, descending))
            self._results[asked] = kept
            if len(self._results) > KEPT_RESULTS:
                self._results.popitem(last=False)
        return kept[1]

    def _search(self, tree: Tree, zone: ZoneInfo, sort_by: str, descending: bool) -> list[int]:
        matches = predicate(tree, self.fields, zone)
        way = self._way(tree, zone) or _Way(len(self._ids), lambda: self._ids, tree == EVERYTHING)
        found = list(way.ids())
        if not way.exact:
            found = [i for i in found if matches(self.rows[i])]
        if sort_by == "id":
            return sorted(found, reverse=descending)
        if sort_by in self._ordered and len(found) > len(self._ids) // 8:
            wanted, index = set(found), self._ordered[sort_by]
            return [i for _, i in (reversed(index) if descending else index) if i in wanted]
        get = self.fields[sort_by].get
        keyed = [(value is None, value, i) for i in found for value in (get(self.rows[i]),)]
        if any(none for none, _, _ in keyed):
            keyed = [(none, 0 if none else value, i) for none, value, i in keyed]
        return [i for _, _, i in sorted(keyed, reverse=descending)]

    def _way(self, tree: Tree, zone: ZoneInfo) -> _Way | None:
        match tree:
            case Term():
                return self._way_of_term(tree, zone)
            case Not():
                return None
            case And():
                ways = [w for part in tree.parts if (w := self._way(part, zone))]
                if not ways:
                    return None
                best = min(ways, key=lambda w: w.count)
                return _Way(best.count, best.ids, best.exact and len(tree.parts) == 1)
            case Or():
                either = [self._way(part, zone) for part in tree.parts]
                known = [w for w in either if w is not None]
                if len(known) < len(either):
                    return None
                return _Way(
                    sum(w.count for w in known),
                    lambda: set(chain.from_iterable(w.ids() for w in known)),
                    all(w.exact for w in known),
                )

    def _way_of_term(self, term: Term, zone: ZoneInfo) -> _Way | None:
        if term.field in self._ordered:
            index = self._ordered[term.field]
            first, last = span_of(term, zone)
            low, high = bisect_left(index, (first, -1)), bisect_right(index, (last, 2**63))
            return _Way(max(0, high - low), lambda: (i for _, i in index[low:high]), exact=True)
        if term.op != "=":
            return None
        if term.field == "id" and term.value.isascii() and term.value.isdigit():
            wanted = int(term.value)
            ids = [wanted] if wanted in self.rows else []
            return _Way(len(ids), lambda: ids, exact=True)
        if term.field in self._hashed:
            hit = self._hashed[term.field].get(term.value, set())
            return _Way(len(hit), lambda: hit, exact=False)
        return None


def _insert(index: list[Any], entry: Any) -> None:
    if not index or index[-1] < entry:
        index.append(entry)
    else:
        insort(index, entry)
