"""Rows on their way into a statement: one JSON array instead of an array for each column.

`json_to_recordset($2::text::json) AS r (bill_id bigint, …)` takes the columns it names and leaves
the rest. The driver looks at each element of an array twice to see whether it is an array itself,
which cost an emitter more than the statements did. Fields that say no more than their default are
best left out (`omit_defaults`); they arrive as NULL. Long sealed values go beside the rows, as an
array of their own.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.json import Encoder

_ENCODER: Final = Encoder()


def rows_json(rows: Sequence[Struct]) -> str:
    """Rows as the text of a JSON array; bytes become base64, times RFC 3339."""
    return _ENCODER.encode(rows).decode()


def columns_of(rows: Sequence[object], *names: str) -> list[list[Any]]:
    """Some fields of many rows, each field as one array: for `unnest`, where rows hold bytes."""
    return [[getattr(row, name) for row in rows] for name in names]
