"""What a page showed when its form was made: a form of an older page is told what changed since.

The facts travel in the form itself, so a page that was open for a week knows them too. They are
shown to whoever sent them and decide nothing but whether a form is asked for again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

FIELD: Final = "visto"
_LONGEST: Final = 20_000


class PageFacts(msgspec.Struct, frozen=True, array_like=True):
    """What a page is about, as it says it; `mark` is another one after every change."""

    mark: str
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def word(self) -> str:
        """As a form carries it."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown:
    """One thing that is not as it was; an empty side had nothing there."""

    what: str
    before: str
    after: str


def changes_since(typed: str, now: PageFacts) -> Sequence[ChangeShown] | None:
    """What differs from the page that a form stands on; None where nothing was changed.

    A form without facts, or with ones that nobody can read, stands on no page.
    """
    if not typed or len(typed) > _LONGEST:
        return None
    try:
        before = msgspec.json.decode(typed, type=PageFacts)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return None
    if before.mark == now.mark:
        return None
    old, new = dict(before.facts), dict(now.facts)
    return [
        ChangeShown(what=name, before=old.get(name, ""), after=new.get(name, ""))
        for name in dict.fromkeys([*new, *old])
        if old.get(name, "") != new.get(name, "")
    ]


def facts_of(facts: Sequence[tuple[str, str]]) -> PageFacts:
    """Facts that are their own mark."""
    kept = tuple(facts)
    told = msgspec.json.encode(kept)
    return PageFacts(hashlib.sha256(told).hexdigest()[:16], kept)
