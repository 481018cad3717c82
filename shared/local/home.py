"""The folder of one copy of Notaponte: data of embedded servers, generated secrets, logs."""

import base64
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.config.env import SettingsError, is_secret_key
from shared.local.files import write_private

DEFAULT: Final = ".notaponte"
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


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
        """Where `up` writes the address of its database, for commands beside it: the owner's."""
        return self.run / "database-url"

    @property
    def services_database_url(self) -> Path:
        """Where `up` writes the address its services have, for looking at what they see."""
        return self.run / "services-database-url"

    @property
    def redis_url(self) -> Path:
        """Where `up` writes the address of its Redis, for commands beside it."""
        return self.run / "redis-url"

    def internal_token(self) -> str:
        """The token of the internal API, made on first use."""
        return _kept(
            self._internal_token, lambda: secrets.token_urlsafe(32), _TOKEN.fullmatch, "one token"
        )

    def secret_keys(self) -> str:
        """The keys that seal tenants' secrets, made on first use. Losing them loses those."""
        return _kept(self._secret_keys, new_secret_key, _are_keys, "keys with commas between")

    def known(self) -> dict[str, str]:
        """The settings that an `up` in this home made or wrote down; nothing is made here."""
        places = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "INTERNAL_API_TOKEN": self._internal_token,
            "SECRET_KEYS": self._secret_keys,
        }
        return {name: text for name, path in places.items() if (text := _read(path))}

    @property
    def _internal_token(self) -> Path:
        return self.folder / "internal-token"

    @property
    def _secret_keys(self) -> Path:
        return self.folder / "secret-keys"

    def _open_lock(self) -> int:
        """A descriptor of the lock, which nobody else may open: who may open it could hold it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            lock = os.open(self.folder / "lock", flags, 0o600)
            os.fchmod(lock, 0o600)
        except OSError as error:
            text = f"NOTAPONTE_HOME: the lock in {self.folder} is not ours ({error.strerror})."
            raise SettingsError((text,)) from error
        return lock

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only copy here; HomeBusyError when there is one already.

        The system lets go of the lock when the process ends, however it ends.
        """
        with os.fdopen(self._open_lock(), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeBusyError(f"Notaponte already runs in {self.folder}.") from None
            yield


def home_of(env: Mapping[str, str]) -> Home:
    """The home the environment names, which need not be there: containers have none."""
    return Home(folder=Path(env.get("NOTAPONTE_HOME") or DEFAULT).expanduser().resolve())


def open_home(env: Mapping[str, str]) -> Home:
    """The home the environment names, made if it is not there; SettingsError when it cannot be."""
    home = home_of(env)
    demand_plain("NOTAPONTE_HOME", home.folder)
    try:
        for path in (home.folder, home.logs, home.run):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            (f"NOTAPONTE_HOME: {error.filename} cannot be made here ({error.strerror}).",)
        ) from error
    return home


def demand_plain(setting: str, folder: Path) -> None:
    """SettingsError for a path that means something else in a file that names it to a server."""
    if re.search(r'[\x00-\x1f\x7f"%;]', str(folder)):
        words = "choose a folder with no quote, %, ; or line break in its path."
        raise SettingsError((f"{setting}: {words}",))


@contextmanager
def usable(home: Home) -> Iterator[None]:
    """Say in words, as SettingsError, what the system lets nobody do in the home."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or "")
        if error.errno != errno.ENOSPC and not where.startswith(str(home.folder)):
            raise
        raise SettingsError(
            (f"NOTAPONTE_HOME: {where or home.folder} cannot be used ({error.strerror}).",)
        ) from error


def resting(env: Mapping[str, str]) -> Path | None:
    """The home whose embedded database a command would need, while no `up` runs there."""
    home = home_of(env)
    if env.get("DATABASE_URL") or not (home.folder / "postgres").is_dir():
        return None
    try:
        with home.locked():
            return home.folder
    except (HomeBusyError, SettingsError, OSError):
        return None


def known_settings(env: Mapping[str, str]) -> dict[str, str]:
    """The environment, with what the `up` in its home knows where it names nothing itself."""
    return {**home_of(env).known(), **{name: value for name, value in env.items() if value}}


def settings_of_services(env: Mapping[str, str]) -> dict[str, str]:
    """The same as the services of that `up` have it: not the owner's address of the database."""
    known = known_settings(env)
    theirs = _read(home_of(env).services_database_url)
    return {**known, "DATABASE_URL": theirs} if theirs and not env.get("DATABASE_URL") else known


def new_secret_key() -> str:
    """A key for SECRET_KEYS: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _kept(path: Path, make: Callable[[], str], fits: Callable[[str], object], what: str) -> str:
    """What a file holds, made on first use; SettingsError where it holds something else."""
    if not path.exists():
        write_private(path, make() + "\n")
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if not fits(text):
        words = f"does not hold {what}; put back what it held, from where copies of it lie."
        raise SettingsError((f"NOTAPONTE_HOME: {path} {words}",))
    return text


def _are_keys(text: str) -> bool:
    keys = [key.strip() for key in text.split(",") if key.strip()]
    return bool(keys) and all(map(is_secret_key, keys))
