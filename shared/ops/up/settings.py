"""The environment `up` gives its services, and all that can be wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.config.env import Env, SettingsError
from shared.crypto.seal import Sealer
from shared.db.connection import connect
from shared.keys import prove_keys
from shared.local.files import free_port, is_free
from shared.local.home import Home
from shared.ops.up.programs import OurService

METRICS_PORT: Final = 8084
PORT_SETTINGS: Final = ("WEBHOOK_PORT", "PANEL_PORT", "INTERNAL_PORT", "EMITTER_PORT")
# Whose acts those by the token are that `make up` made by itself; timelines and audits say so.
GENERATED_TOKENS_NAME: Final = "operator"
# Stands for the embedded servers while settings are checked, before those exist.
LATER = {"DATABASE_URL": "postgresql://127.0.0.1/later", "REDIS_URL": "redis://127.0.0.1/0"}


def service_environment(env: Mapping[str, str], home: Home) -> dict[str, str]:
    """What services see, but for the addresses of embedded servers."""
    generated = {
        "NOTAPONTE_HOME": str(home.folder),
        "INTERNAL_API_TOKEN": env.get("INTERNAL_API_TOKEN")
        or f"{GENERATED_TOKENS_NAME}:{home.internal_token()}",
        "SECRET_KEYS": env.get("SECRET_KEYS") or home.secret_keys(),
        "METRICS_PORT": env.get("METRICS_PORT") or str(_metrics_port(env)),
        "BIND_HOST": "127.0.0.1",  # one machine: what strangers may reach is a proxy's business
    }
    return {**env, **generated}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a service listens, and where it says whether it is ready."""

    public: int
    private: int

    def named(self, service: OurService) -> dict[str, int]:
        """Each port by its setting."""
        ports = {service.port_setting: self.public}
        if service.private_setting is not None:
            ports[service.private_setting] = self.private
        return ports


def _metrics_port(env: Mapping[str, str]) -> int:
    """The usual one, or any where that is taken: several copies run here, with ports of their own.

    Nobody enters this port anywhere but in a scraper's settings, so that one is named there.
    """
    given = {env[name].strip() for name in PORT_SETTINGS if env.get(name)}
    if str(METRICS_PORT) not in given and is_free(METRICS_PORT):
        return METRICS_PORT
    return free_port()


def check_settings(env: Mapping[str, str], services: Sequence[OurService]) -> dict[str, Ports]:
    """Each service's ports by its name; SettingsError names all that is wrong with any of them."""
    filled = {**env, **{name: env.get(name) or value for name, value in LATER.items()}}
    problems: list[str] = []
    ports: dict[str, Ports] = {}
    for service in services:
        try:
            process = service.load(filled).process
            private = process.private_port or process.port
            ports[service.name] = Ports(public=process.port, private=private)
        except SettingsError as error:
            problems.extend(error.problems)
    if not problems:
        problems.extend(_shared_ports(services, ports))
    if problems:
        raise SettingsError(tuple(dict.fromkeys(problems)))
    return ports


async def check_keys(database_url: str, secret_keys: str) -> None:
    """WrongKeysError before any service would say so in its log, and be started again for ever."""
    keys = Env(values={"SECRET_KEYS": secret_keys}).secret_keys("SECRET_KEYS")
    conn = await connect(database_url)
    try:
        await prove_keys(conn, Sealer.from_text(key.reveal() for key in keys))
    finally:
        await conn.close()


def check_ports(services: Sequence[OurService], ports: Mapping[str, Ports]) -> None:
    """SettingsError names every port that another program has taken."""
    taken = [
        f"{setting}: port {port} is already in use on this machine;"
        " choose another or stop the program that holds it."
        for service in services
        for setting, port in ports[service.name].named(service).items()
        if not is_free(port)
    ]
    if taken:
        raise SettingsError(tuple(taken))


def _shared_ports(services: Sequence[OurService], ports: Mapping[str, Ports]) -> list[str]:
    by_port: dict[int, list[str]] = {}
    for service in services:
        for setting, port in ports[service.name].named(service).items():
            by_port.setdefault(port, []).append(setting)
    return [
        f"{' and '.join(names)} must differ; both are {port}."
        for port, names in by_port.items()
        if len(names) > 1
    ]
