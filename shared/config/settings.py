"""Every setting of interface section 2, as one frozen object for each service."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal, NoReturn, TypeVar

from shared.config.door import DoorSettings, read_door
from shared.config.env import ApiToken, Env, SettingsError, host_of
from shared.config.secret import Secret
from shared.config.traces import read_traces
from shared.config.ways_in import MailSettings, OidcSettings, read_mail, read_oidc
from shared.domain.privacy.terms import FISCAL_YEARS, MOST_FISCAL_YEARS

Settings = TypeVar("Settings")
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]
Pooler = Literal["none", "pgbouncer"]

DELIVERY_SECONDS: Final = 15.0  # for a webhook's body: Vindi gives up after 20 s
EXIT_CODE: Final = 2  # what shells and make take for "used wrongly"
LOG_LEVELS: Final[tuple[LogLevel, ...]] = ("debug", "info", "warning", "error")
LOG_FORMATS: Final[tuple[LogFormat, ...]] = ("console", "json")
POOLERS: Final[tuple[Pooler, ...]] = ("none", "pgbouncer")

VINDI_PRODUCTION: Final = "https://app.vindi.com.br/api/v1"
VINDI_SANDBOX: Final = "https://sandbox-app.vindi.com.br/api/v1"
ENOTAS: Final = "https://api.enotasgw.com.br"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    level: LogLevel
    format: LogFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where PostgreSQL is; `pooler` says whether PgBouncer stands before it."""

    url: Secret
    pool_size: int
    pooler: Pooler


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """What every service needs: stores, logs and where it listens."""

    database: DatabaseSettings
    redis_url: Secret
    log: LogSettings
    host: str
    port: int
    private_port: int | None = None  # where readiness and metrics are alone; None: all on one port
    door: DoorSettings = field(default_factory=DoorSettings)
    traced: bool = False  # a collector of traces is named


@dataclass(frozen=True, slots=True, kw_only=True)
class VindiSettings:
    """`urls` are bases up to and with /api/v1; the timeout is for a whole request."""

    url_production: str
    url_sandbox: str
    requests_per_minute: int
    timeout: timedelta
    leave_percent: int = 20  # of each minute's requests, for the tenant's other systems


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """`enotas_url` is the base before /v1; limits are per issuer key."""

    enotas_url: str
    parallel: int
    requests_per_second: float
    timeout: timedelta
    lookup_waits: tuple[timedelta, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """`events_per_day`, `event_mib_per_day`: of one tenant. `most_waiting`: in one process."""

    process: ProcessSettings
    secret_keys: tuple[Secret, ...]
    public_webhook_url: str
    events_per_day: int = 500_000
    event_mib_per_day: int = 2048
    most_waiting: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerSettings:
    process: ProcessSettings
    secret_keys: tuple[Secret, ...]
    public_webhook_url: str
    api_tokens: tuple[ApiToken, ...]
    reconcile_every: timedelta
    vindi: VindiSettings
    issuer: IssuerSettings
    fiscal_years: int = FISCAL_YEARS


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitterSettings:
    process: ProcessSettings
    secret_keys: tuple[Secret, ...]
    vindi: VindiSettings
    issuer: IssuerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSettings:
    """`public_url` is the base of the links it makes; `proxies` how many stand before it."""

    process: ProcessSettings
    secret_keys: tuple[Secret, ...]
    public_webhook_url: str
    public_url: str
    proxies: int
    reconcile_every: timedelta
    vindi: VindiSettings
    issuer: IssuerSettings
    mail: MailSettings | None = None
    oidc: OidcSettings | None = None


def load_webhook(env: Mapping[str, str]) -> WebhookSettings:
    """Read every setting of the webhook; SettingsError names all that is wrong."""
    with Env(values=env) as var:
        private_port = var.port("METRICS_PORT", default=8084)
        process = read_process(var, "WEBHOOK_PORT", 8080, private_port=private_port)
        if process.port == private_port:
            var.problem("METRICS_PORT", "must be another port than WEBHOOK_PORT.")
        door = replace(process.door, body_seconds=DELIVERY_SECONDS)
        return WebhookSettings(
            process=replace(process, door=door),
            secret_keys=var.secret_keys("SECRET_KEYS"),
            public_webhook_url=read_public_webhook_url(var),
            events_per_day=var.whole(
                "EVENTS_PER_TENANT_DAY", default=500_000, least=1000, most=100_000_000
            ),
            event_mib_per_day=var.whole(
                "EVENT_MIB_PER_TENANT_DAY", default=2048, least=1, most=1_000_000
            ),
            most_waiting=var.whole("DELIVERIES_WAITING", default=2000, least=4, most=100_000),
        )


def load_reconciler(env: Mapping[str, str]) -> ReconcilerSettings:
    """Read every setting of the reconciler; SettingsError names all that is wrong."""
    with Env(values=env) as var:
        return ReconcilerSettings(
            process=read_process(var, "INTERNAL_PORT", 8082),
            secret_keys=var.secret_keys("SECRET_KEYS"),
            public_webhook_url=read_public_webhook_url(var),
            api_tokens=var.api_tokens("INTERNAL_API_TOKEN"),
            reconcile_every=var.seconds("RECONCILE_EVERY", default=300),
            vindi=read_vindi(var),
            issuer=read_issuer(var),
            fiscal_years=var.whole(
                "FISCAL_YEARS", default=FISCAL_YEARS, least=FISCAL_YEARS, most=MOST_FISCAL_YEARS
            ),
        )


def load_emitter(env: Mapping[str, str]) -> EmitterSettings:
    """Read every setting of the emitter; SettingsError names all that is wrong."""
    with Env(values=env) as var:
        return EmitterSettings(
            process=read_process(var, "EMITTER_PORT", 8083),
            secret_keys=var.secret_keys("SECRET_KEYS"),
            vindi=read_vindi(var),
            issuer=read_issuer(var),
        )


def load_panel(env: Mapping[str, str]) -> PanelSettings:
    """Read every setting of the panel; SettingsError names all that is wrong."""
    with Env(values=env) as var:
        return PanelSettings(
            process=read_process(var, "PANEL_PORT", 8081),
            secret_keys=var.secret_keys("SECRET_KEYS"),
            public_webhook_url=read_public_webhook_url(var),
            public_url=read_public_panel_url(var),
            proxies=var.whole("PANEL_PROXIES", default=0, least=0, most=5),
            reconcile_every=var.seconds("RECONCILE_EVERY", default=300),
            vindi=read_vindi(var),
            issuer=read_issuer(var),
            mail=read_mail(var),
            oidc=read_oidc(var),
        )


def load_or_exit(load: Callable[[Mapping[str, str]], Settings], env: Mapping[str, str]) -> Settings:
    """Load settings, or end the process with every problem on stderr and exit code 2."""
    try:
        return load(env)
    except SettingsError as error:
        exit_with(error)


def exit_with(error: SettingsError) -> NoReturn:
    lines = ["These settings need attention:", *(f"  {line}" for line in error.problems)]
    sys.stderr.write("\n".join(lines) + "\n")
    raise SystemExit(EXIT_CODE) from None


def read_process(
    var: Env, port: str, default_port: int, *, private_port: int | None = None
) -> ProcessSettings:
    return ProcessSettings(
        database=read_database(var),
        redis_url=var.redis_url("REDIS_URL"),
        log=read_log(var),
        host=var.text("BIND_HOST", default="127.0.0.1"),
        port=var.port(port, default=default_port),
        private_port=private_port,
        door=read_door(var),
        traced=read_traces(var),
    )


def read_database(var: Env) -> DatabaseSettings:
    return DatabaseSettings(
        url=database_url(var),
        pool_size=var.whole("DATABASE_POOL_SIZE", default=10, least=2, most=200),
        pooler=var.choice("DATABASE_POOLER", POOLERS, default="none"),
    )


def database_url(var: Env) -> Secret:
    return var.store_url(
        "DATABASE_URL",
        schemes=("postgresql", "postgres"),
        example="postgresql://user:password@host:5432/name",
    )


def read_log(var: Env) -> LogSettings:
    usual: LogFormat = "console" if sys.stderr.isatty() else "json"
    return LogSettings(
        level=var.choice("LOG_LEVEL", LOG_LEVELS, default="info"),
        format=var.choice("LOG_FORMAT", LOG_FORMATS, default=usual),
    )


def read_vindi(var: Env) -> VindiSettings:
    return VindiSettings(
        url_production=_vindi_url(var, "VINDI_URL_PRODUCTION", VINDI_PRODUCTION),
        url_sandbox=_vindi_url(var, "VINDI_URL_SANDBOX", VINDI_SANDBOX),
        requests_per_minute=var.whole(
            "VINDI_REQUESTS_PER_MINUTE", default=120, least=1, most=1_000_000
        ),
        timeout=var.seconds("VINDI_TIMEOUT", default=30, most=600),
        leave_percent=var.whole("VINDI_LEAVE_PERCENT", default=20, least=0, most=90),
    )


def read_issuer(var: Env) -> IssuerSettings:
    return IssuerSettings(
        enotas_url=_enotas_url(var),
        parallel=var.whole("ISSUER_PARALLEL", default=4, least=1, most=1_000),
        requests_per_second=var.number(
            "ISSUER_REQUESTS_PER_SECOND", default=5, above=0, most=100_000
        ),
        timeout=var.seconds("ISSUER_TIMEOUT", default=30, most=600),
        lookup_waits=var.waits("ISSUER_LOOKUP_WAITS", default="10,30,120"),
    )


def _vindi_url(var: Env, name: str, default: str) -> str:
    """Keys would go to whoever stands here, and every call be answered 404 beside the path."""
    url = var.base_url(name, default=default, https=True)
    if _is_of(url, ENOTAS):
        var.problem(name, "is an address of eNotas; what is Vindi's belongs here.")
    elif _is_of(url, VINDI_PRODUCTION) and not url.endswith("/api/v1"):
        var.problem(name, "must end with /api/v1, where Vindi's API begins.")
    return url


def _enotas_url(var: Env) -> str:
    url = var.base_url("ENOTAS_URL", default=ENOTAS, https=True)
    if _is_of(url, VINDI_PRODUCTION):
        var.problem("ENOTAS_URL", "is an address of Vindi; what is eNotas' belongs here.")
    elif url.endswith(("/v1", "/v2")):
        var.problem("ENOTAS_URL", "must end before /v1, which is added to it.")
    return url


def _is_of(url: str, known: str) -> bool:
    """Whether an address lies in the domain of a known one: its last three labels."""
    return host_of(url).split(".")[-3:] == host_of(known).split(".")[-3:]


def read_public_panel_url(var: Env) -> str:
    port = var.port("PANEL_PORT", default=8081)
    return var.base_url("PUBLIC_PANEL_URL", default=f"http://127.0.0.1:{port}", https=True)


def read_public_webhook_url(var: Env) -> str:
    port = var.port("WEBHOOK_PORT", default=8080)
    return var.base_url("PUBLIC_WEBHOOK_URL", default=f"http://127.0.0.1:{port}", https=False)
