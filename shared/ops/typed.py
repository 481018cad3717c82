"""What stood on make's command line, and whether the verb reads it.

make takes any name. `make backfill … DRYRUN=1` would import in earnest, `UNTILL=` to this day, and
`make restore At=…` go back to the latest copy: a name that nobody reads is refused instead, before
anything is done.
"""

from collections.abc import MutableMapping
from difflib import get_close_matches
from typing import Final

from typer import Context
from typer.core import TyperGroup

from shared.config.env import SettingsError
from shared.config.spelling import known_names

TYPED: Final = (
    "MAKE_TYPED"  # the Makefile gives their names here, and make the values by themselves
)
OF_THE_MAKEFILE: Final = frozenset({"PY", "PYTHON", "SHELL", "VENV"})
SAID_OTHERWISE: Final = {"citus": "DISTRIBUTED"}  # what an option is called before make


def refuse_slips(env: MutableMapping[str, str], context: Context) -> None:
    """SettingsError for a name that neither the command to come reads nor is a setting's.

    The names are taken out: what is started from here was not typed by anybody.
    """
    reads = _read_by(context)
    known = reads | OF_THE_MAKEFILE | known_names()
    unread = sorted(set(env.pop(TYPED, "").split()) - known)
    if unread:
        raise SettingsError(tuple(_told(name, reads) for name in unread))


def _read_by(context: Context) -> set[str]:
    """The variables of a verb are its options, in capitals."""
    group = context.command
    if not isinstance(group, TyperGroup) or context.invoked_subcommand is None:
        return set()
    names = [str(one.name) for one in group.commands[context.invoked_subcommand].params]
    return {SAID_OTHERWISE.get(name, name.upper()) for name in names}


def _told(name: str, reads: set[str]) -> str:
    near = get_close_matches(name.upper().replace("-", "_"), sorted(reads), n=1)
    if near:
        meant = f" Did you mean {near[0]}?"
    else:
        meant = f" It reads {', '.join(sorted(reads))}." if reads else " It reads no names."
    return f"{name}: this verb does not read that, so nothing was done.{meant}"
