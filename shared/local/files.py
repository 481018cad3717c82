"""Private files, free ports and the unprivileged user that embedded servers need."""

import os
import pwd
import secrets
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from shared.local.passage import let_pass

LOOPBACK: Final = "127.0.0.1"
SERVER_PORTS: Final = range(20_000, 32_000)
# Accounts made for a database or for nobody; the first that exists is taken.
SERVER_ACCOUNTS: Final = ("postgres", "nobody")
# What a server needs of our environment: where things are, how texts are written, what is loaded.
PLAIN_NAMES: Final = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR"})
PLAIN_PREFIXES: Final = ("LC_", "LD_", "PYTHON", "FAKETIME")


def bare_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What of an environment others' servers are started with: no secret of ours is among it.

    Whoever may run a program inside PostgreSQL reads what PostgreSQL was started with.
    """
    return {
        name: value
        for name, value in env.items()
        if name in PLAIN_NAMES or name.startswith(PLAIN_PREFIXES)
    }


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; it appears whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def free_port() -> int:
    """A port of the loopback address nobody listens on at this moment.

    Below the ranges systems take for outgoing connections (from 32768 or 49152): a server that
    dies there could find its port gone when it is started again.
    """
    while not is_free(port := secrets.choice(SERVER_PORTS)):
        pass
    return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def server_account() -> pwd.struct_passwd | None:
    """The account PostgreSQL runs under when we are root, which it refuses to be; else None."""
    if os.geteuid() != 0:
        return None
    for name in SERVER_ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"Running as root needs one of the accounts {SERVER_ACCOUNTS}.")


def let_through(path: Path) -> None:
    """Let the server's account, and it alone, pass the folders above `path` when we are root.

    No mode is widened. Raises SettingsError where a folder cannot be passed.
    """
    if account := server_account():
        let_pass(path, account.pw_uid)


def let_read(tree: Path) -> None:
    """Let other accounts read and run what lies under `tree`, as a strict umask may forbid."""
    if tree.stat().st_mode & 0o005 == 0o005:
        return
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o004 | (0o001 if mode & 0o100 else 0))


def wheel_folder(package: str) -> Path:
    """Where a package lies, without running it: theirs look around and warn when imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"The package {package} is not installed; run make setup.")
    return Path(spec.submodule_search_locations[0])
