"""Which settings there are, who reads which, and those that nobody reads since they are misspelt.

The environment is shared with other programs, so a strange name is no mistake by itself: only one
that is nearly ours is told, and nothing is refused for it.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from shared.config.env import SettingsError
from shared.config.settings import load_emitter, load_panel, load_reconciler, load_webhook
from shared.config.traces import OF_THE_LIBRARY, OF_TRACES

Load = Callable[[Mapping[str, str]], object]
LOADERS: Final[Sequence[Load]] = (
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
# Whoever knows one of these may do something with it: each is given to who reads it alone.
SECRET_NAMES: Final = frozenset(
    {
        *("DATABASE_URL", "REDIS_URL", "SECRET_KEYS", "INTERNAL_API_TOKEN"),
        *("SERVICES_PASSWORD", "PANEL_PASSWORD", "SMTP_URL", "OIDC_CLIENT_SECRET"),
        *("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"),
    }
)
MARK: Final = "\ufeff"  # that some editors put before the first line of a file
BLANK: Final = " \t\r\n" + MARK
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


def names_read_by(load: Load) -> frozenset[str]:
    """The settings that a service looks for, those of traces that its library reads among them."""
    asked = _Asked()
    with suppress(SettingsError):  # it is only wanted what is looked for
        load(asked)
    return frozenset(asked.names) | OF_TRACES


@cache
def known_names() -> frozenset[str]:
    """Every setting that some part of us reads."""
    return OTHERS.union(*map(names_read_by, LOADERS))


def mend(env: MutableMapping[str, str]) -> None:
    """Take from our settings what an editor left there: blanks, a CR at the end, a mark before.

    Files of settings are read by others (systemd, an engine, kubectl), who take them as they are.
    """
    known = known_names()
    for name in [name for name in env if name.startswith(MARK) and name.lstrip(MARK) in known]:
        env.setdefault(name.lstrip(MARK), env.pop(name))
    for name in known & set(env):
        if (value := env[name].strip(BLANK)) != env[name]:
            env[name] = value


def quoted(env: Mapping[str, str]) -> list[str]:
    """A sentence for each of our settings that stands in quotes, which are part of it then."""
    return [
        f"{name} stands in quotes, which are part of it here: leave them out where it is set."
        for name in sorted(known_names() & set(env))
        if len(env[name]) > 1 and env[name][0] == env[name][-1] and env[name][0] in "\"'"
    ]


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


def begin_with(env: MutableMapping[str, str]) -> None:
    """Mend an environment, and say on stderr, once, at the start, what is not meant in it."""
    mend(env)
    sys.stderr.writelines(f"{sentence}\n" for sentence in (*misspelt(env), *quoted(env)))
    sys.stderr.flush()
