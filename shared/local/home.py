"""The folder of one copy of Notaponte: data of embedded servers, generated secrets, logs."""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.local.files import write_private

DEFAULT: Final = ".notaponte"


class HomeBusyError(Exception):
    """Another copy runs in this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Paths inside NOTAPONTE_HOME; the folder and everything in it is the owner's alone."""

    folder: Path

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def database_url(self) -> Path:
        """Where `up` writes the address of its database, for commands beside it."""
        return self.run / "database-url"

    def internal_token(self) -> str:
        """The token of the internal API, made on first use."""
        return _kept(self.folder / "internal-token", lambda: secrets.token_urlsafe(32))

    def secret_keys(self) -> str:
        """The keys that seal tenants' secrets, made on first use. Losing them loses those."""
        return _kept(self.folder / "secret-keys", new_secret_key)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only copy here; HomeBusyError when there is one already.

        The system lets go of the lock when the process ends, however it ends.
        """
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeBusyError(f"Notaponte already runs in {self.folder}.") from None
            yield


def open_home(env: Mapping[str, str]) -> Home:
    """The home the environment names, made if it is not there."""
    folder = Path(env.get("NOTAPONTE_HOME") or DEFAULT).expanduser().resolve()
    home = Home(folder=folder)
    for path in (home.folder, home.logs, home.run):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def new_secret_key() -> str:
    """A key for SECRET_KEYS: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        write_private(path, make() + "\n")
    return path.read_text(encoding="utf-8").strip()
