"""Settings that nobody reads because they are misspelt, found before they are missed.

The environment is shared with other programs, so a strange name is no mistake by itself: only one
that is nearly ours is told, and nothing is refused for it.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from shared.config.env import SettingsError
from shared.config.settings import load_emitter, load_panel, load_reconciler, load_webhook
from shared.config.traces import OF_THE_LIBRARY

LOADERS: Final[Sequence[Callable[[Mapping[str, str]], object]]] = (
    load_webhook,
    load_panel,
    load_reconciler,
    load_emitter,
)
# Read beside the services' settings: by `make up`, its embedded servers, and commands.
OTHERS: Final = OF_THE_LIBRARY | {
    *("NOTAPONTE_HOME", "NOTAPONTE_BACKUPS", "INTERNAL_URL", "NOTAPONTE_COMMIT"),
    *("SERVICES_PASSWORD", "PANEL_PASSWORD"),
}
NEARLY: Final = 0.84  # as difflib measures: one letter of ten, two of fourteen


class _Asked(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@cache
def known_names() -> frozenset[str]:
    """Every setting that some part of us reads."""
    asked = _Asked()
    for load in LOADERS:
        with suppress(SettingsError):  # it is only wanted what is looked for
            load(asked)
    return frozenset(asked.names) | OTHERS


def misspelt(env: Mapping[str, str]) -> list[str]:
    """A sentence for each name that is nearly one of ours, while that one is not given."""
    known = known_names()
    nearly = {
        name: get_close_matches(name.upper(), sorted(known), n=1, cutoff=NEARLY)
        for name in sorted(set(env) - known)
    }
    return [
        f"{name} is no setting and is not read; did you mean {near[0]}?"
        for name, near in nearly.items()
        if near and not env.get(near[0])
    ]


def tell_misspelt(env: Mapping[str, str]) -> None:
    """Say so on stderr, once, at the start."""
    sys.stderr.writelines(f"{sentence}\n" for sentence in misspelt(env))
    sys.stderr.flush()
