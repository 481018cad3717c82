"""The environment `up` gives its services, and all that can be wrong with it."""

from collections.abc import Mapping, Sequence

from shared.config.env import Env, SettingsError
from shared.crypto.seal import Sealer
from shared.db.connection import connect
from shared.keys import prove_keys
from shared.local.files import is_free
from shared.local.home import Home
from shared.ops.up.programs import OurService

# Stands for the embedded servers while settings are checked, before those exist.
LATER = {"DATABASE_URL": "postgresql://127.0.0.1/later", "REDIS_URL": "redis://127.0.0.1/0"}


def service_environment(env: Mapping[str, str], home: Home) -> dict[str, str]:
    """What services see, but for the addresses of embedded servers."""
    generated = {
        "NOTAPONTE_HOME": str(home.folder),
        "INTERNAL_API_TOKEN": env.get("INTERNAL_API_TOKEN") or home.internal_token(),
        "SECRET_KEYS": env.get("SECRET_KEYS") or home.secret_keys(),
        "BIND_HOST": "127.0.0.1",  # one machine: what strangers may reach is a proxy's business
    }
    return {**env, **generated}


def check_settings(env: Mapping[str, str], services: Sequence[OurService]) -> dict[str, int]:
    """Each service's port by its name; SettingsError names all that is wrong with any of them."""
    filled = {**env, **{name: env.get(name) or value for name, value in LATER.items()}}
    problems: list[str] = []
    ports: dict[str, int] = {}
    for service in services:
        try:
            ports[service.name] = service.load(filled).process.port
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


def check_ports(services: Sequence[OurService], ports: Mapping[str, int]) -> None:
    """SettingsError names every port that another program has taken."""
    taken = [
        f"{service.port_setting}: port {ports[service.name]} is already in use on this machine;"
        " choose another or stop the program that holds it."
        for service in services
        if not is_free(ports[service.name])
    ]
    if taken:
        raise SettingsError(tuple(taken))


def _shared_ports(services: Sequence[OurService], ports: Mapping[str, int]) -> list[str]:
    by_port: dict[int, list[str]] = {}
    for service in services:
        by_port.setdefault(ports[service.name], []).append(service.port_setting)
    return [
        f"{' and '.join(names)} must differ; both are {port}."
        for port, names in by_port.items()
        if len(names) > 1
    ]
