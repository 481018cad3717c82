"""A reader of environment variables that reports everything that is wrong at once."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from shared.config.secret import Secret

Choice = TypeVar("Choice", bound=str)

TOKEN_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
KEY_BYTES: Final = 32  # AES-256
SENTINELS: Final = re.compile(
    r"rediss?\+sentinel://([^:@/\s]*:[^@/\s]*@)?[\w.-]+(:\d{1,5})?(,[\w.-]+(:\d{1,5})?)*"
    r"/[\w.-]+(/\d{1,2})?"
)
SENTINEL_PORTS: Final = re.compile(r"(?<=:)\d{1,5}(?=[,/])")
MOST_PORT: Final = 65535


class SettingsError(Exception):
    """The environment is not usable; `problems` has one plain sentence for each finding."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A bearer token of the internal API; `name` is what the audit log writes down."""

    name: str
    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """Reads settings inside a `with`; leaving it raises SettingsError if anything was wrong.

    A reader that finds a problem notes it and returns a stand-in, so that reading goes on and
    the person who starts the service sees all problems, not the first. No message repeats a
    value, which might be a secret. An empty value counts as absent.
    """

    values: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self.problems:
            raise SettingsError(tuple(dict.fromkeys(self.problems)))

    def problem(self, name: str, sentence: str) -> None:
        self.problems.append(f"{name} {sentence}")

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self.values.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.problem(name, "is missing.")
        return default or ""

    def choice(self, name: str, words: Sequence[Choice], *, default: Choice) -> Choice:
        value = self.text(name, default=default).lower()
        for word in words:
            if word == value:
                return word
        self.problem(name, f"must be one of: {', '.join(words)}.")
        return default

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        try:
            value = int(self.text(name, default=str(default)))
        except ValueError:
            value = least - 1
        if least <= value <= most:
            return value
        self.problem(name, f"must be a whole number from {least} to {most}.")
        return default

    def port(self, name: str, *, default: int) -> int:
        return self.whole(name, default=default, least=1, most=MOST_PORT)

    def number(self, name: str, *, default: float, above: float, most: float) -> float:
        try:
            value = float(self.text(name, default=str(default)))
        except ValueError:
            value = above
        if above < value <= most:  # NaN fails both comparisons
            return value
        self.problem(name, f"must be a number above {above:g} and up to {most:g}.")
        return default

    def seconds(self, name: str, *, default: float, most: float = 86_400) -> timedelta:
        return timedelta(seconds=self.number(name, default=default, above=0, most=most))

    def waits(self, name: str, *, default: str) -> tuple[timedelta, ...]:
        """Comma-separated seconds, at least one, none negative."""
        try:
            values = [float(part) for part in self.text(name, default=default).split(",")]
            if all(0 <= value <= 86_400 for value in values):
                return tuple(timedelta(seconds=value) for value in values)
        except ValueError:
            pass
        self.problem(name, "must be seconds separated by commas, such as 10,30,120.")
        return ()

    def base_url(self, name: str, *, default: str, https: bool) -> str:
        """An http(s) address without a slash at its end.

        With `https`, plain http is taken from this machine only.
        """
        text = self.text(name, default=default).rstrip("/")
        url = _split(text)
        if url is None or url.scheme not in {"http", "https"} or url.query or url.fragment:
            self.problem(name, "is not an address such as https://example.com/path.")
        elif https and (url.username is not None or url.password is not None):
            self.problem(name, "must hold no user, key or password before the @.")
        elif https and url.scheme == "http" and not is_loopback(url.hostname or ""):
            self.problem(name, "must begin with https:// (http is for this machine only).")
        return text

    def store_url(self, name: str, *, schemes: Sequence[str], example: str) -> Secret:
        """The address of a database, a secret as a whole since it may carry a password."""
        text = self.text(name)
        url = _split(text)
        if text and (url is None or url.scheme not in schemes):
            self.problem(name, f"is not an address such as {example}.")
        return Secret.of(text)

    def redis_url(self, name: str) -> Secret:
        """The address of Redis, or of the Sentinels that know it; secret like any store's."""
        text = self.text(name, default="")
        if SENTINELS.fullmatch(text) and _are_ports(
            SENTINEL_PORTS.findall(text.rpartition("@")[2])
        ):
            return Secret.of(text)
        if "+sentinel" in text.partition("://")[0]:
            self.problem(
                name, "is not an address such as redis+sentinel://host:26379,host:26379/master."
            )
            return Secret.of(text)
        found = self.store_url(name, schemes=("redis", "rediss"), example="redis://host:6379/0")
        url = _split(text)
        if url is not None and url.path.strip("/") and not url.path.strip("/").isdecimal():
            self.problem(name, "must end with the number of a database, such as /0, or nothing.")
        return found

    def api_tokens(self, name: str) -> tuple[ApiToken, ...]:
        """`name:token` entries separated by commas; a bare token is named `default`."""
        text = self.text(name)
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        tokens = tuple(_api_token(entry) for entry in entries)
        names = [token.name for token in tokens]
        good = all(TOKEN_NAME.fullmatch(token.name) and _is_token(token) for token in tokens)
        if text and not (tokens and good):
            self.problem(name, "must be entries such as name:token, separated by commas.")
        elif len(set(names)) < len(names):
            self.problem(name, "gives two tokens the same name.")
        return tokens

    def password(self, name: str) -> Secret | None:
        """A password that we give to a login; None where it is not set."""
        text = self.text(name, default="")
        if not text:
            return None
        if not (text.isascii() and text.isprintable()):
            self.problem(name, "must be plain ASCII: letters, digits and signs.")
        return Secret.of(text)

    def secret_keys(self, name: str) -> tuple[Secret, ...]:
        """Keys of 32 bytes in URL-safe base64: the first encrypts, all decrypt."""
        text = self.text(name)
        keys = [key.strip() for key in text.split(",") if key.strip()]
        if text and not (keys and all(is_secret_key(key) for key in keys)):
            self.problem(
                name,
                "must be keys separated by commas, each 32 random bytes in URL-safe base64"
                " (44 characters).",
            )
        return tuple(Secret.of(key) for key in keys)


def _are_ports(texts: Sequence[str]) -> bool:
    return all(0 < int(text) <= MOST_PORT for text in texts)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_secret_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode("ascii"), b"-_", validate=True)) == KEY_BYTES
    except (binascii.Error, UnicodeEncodeError):
        return False


def host_of(url: str) -> str:
    """The machine that an address names, in small letters; empty where it names none."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def _split(text: str) -> SplitResult | None:
    """Take an address apart; None when it has no host or its port is no port."""
    try:
        url = urlsplit(text)
        _ = url.port  # raises ValueError when out of range
    except ValueError:
        return None
    return url if url.hostname and not re.search(r"\s", text) else None


def _api_token(entry: str) -> ApiToken:
    name, colon, token = entry.partition(":")
    return ApiToken(name=name, token=Secret.of(token)) if colon else _bare(entry)


def _bare(entry: str) -> ApiToken:
    return ApiToken(name="default", token=Secret.of(entry))


def _is_token(token: ApiToken) -> bool:
    return bool(re.fullmatch(r"[\x21-\x7e]+", token.token.reveal()))
