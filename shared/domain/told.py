"""A body as it was told (JSON), and what does not fit in it: where, and in which words."""

from collections.abc import Mapping
from typing import Any

Told = Mapping[str, Any]
Field = tuple[str | int, ...]
Misfit = tuple[Field, str]  # the field and what is wrong with it, in Portuguese


def part_of(told: Told, name: str) -> Told:
    """A part that is an object; an empty one where it is missing or something else."""
    part = told.get(name)
    return part if isinstance(part, Mapping) else {}
