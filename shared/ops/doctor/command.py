"""`make doctor`: look at everything that has to be right, and say in words what was found."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console

from shared.clients import Clients, open_clients
from shared.config.env import SettingsError
from shared.config.settings import ReconcilerSettings, load_reconciler
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import open_pool
from shared.db.unreachable import told_of_work
from shared.local.files import write_private
from shared.local.home import settings_of_services
from shared.net.http import open_session
from shared.ops.doctor import accounts, machine
from shared.ops.doctor.accounts import TenantAccounts
from shared.ops.doctor.asking import PlainReader
from shared.ops.doctor.enotas_questions import ask_enotas
from shared.ops.doctor.here import look_here
from shared.ops.doctor.report import Learned, Observation, Report, show
from shared.ops.doctor.their_clocks import their_clocks
from shared.ops.doctor.vindi_questions import NOT_A_KEY, ask_vindi
from shared.ops.up.settings import LATER

LOOKS: Final = {
    "database": machine.database,
    "redis": machine.redis,
    "certificates": machine.certificates,
    "clock": their_clocks,
}
UNREAD: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, UnsealError)


async def run_doctor(
    env: Mapping[str, str], console: Console, *, tenant: str, questions: bool, report: Path | None
) -> int:
    """Look, print, write the report; 1 when something is wrong.

    Reads only, of our stores and of the accounts; safe beside running services. `questions` asks
    the accounts what documentation leaves open too, some twenty reads each.
    """
    given = settings_of_services(env)
    findings = [finding async for finding in _findings(given, tenant)]
    answers = [one async for one in _answers(given, tenant)] if questions else []
    told = Report(at=datetime.now(UTC), findings=findings, answers=answers)
    show(told, console)
    if report is not None:
        write_private(report, json.dumps(told.plain(), ensure_ascii=False, indent=1) + "\n")
        console.print(f"\nThe report, without personal data: {report}")
    return 0 if told.well else 1


async def _findings(env: Mapping[str, str], tenant: str) -> AsyncIterator[Observation]:
    for finding in machine.settings(env):
        yield finding
    for finding in look_here(env):
        yield finding
    for about, look in LOOKS.items():
        try:
            async for finding in look(env):
                yield finding
        except UNREAD as error:
            words = f"cannot be looked at to the end: {_why(error, env.get('DATABASE_URL', ''))}"
            yield Observation(about=about, state="wrong", words=words)
    settings = _settings(env)
    if settings is None:
        return
    try:
        async for account, clients in _accounts(settings, tenant):
            async for finding in accounts.look_at(account, clients):
                yield finding
    except UNREAD as error:
        why = _why(error, settings.process.database.url.reveal())
        words = f"their connections cannot be read: {why}"
        yield Observation(about="tenants", state="wrong", words=words)


def _why(error: BaseException, url: str) -> str:
    return told_of_work(error, url) or f"{type(error).__name__}: {error}"


async def _answers(env: Mapping[str, str], tenant: str) -> AsyncIterator[Learned]:
    settings = _settings(env)
    if settings is None:
        return
    urls = {"production": settings.vindi.url_production, "sandbox": settings.vindi.url_sandbox}
    async with open_session() as session:
        async for account, _ in _accounts(settings, tenant):
            if held := account.vindi:
                base = urls[held.environment]
                asker = PlainReader.of_vindi(session, base, held.api_key)
                stranger = PlainReader.of_vindi(session, base, NOT_A_KEY)
                async for answer in ask_vindi(account.tenant, asker, stranger):
                    yield answer
            if issuer := account.issuer:
                asker = PlainReader.of_enotas(session, settings.issuer.enotas_url, issuer.api_key)
                async for answer in ask_enotas(account.tenant, asker, issuer.company_id):
                    yield answer


async def _accounts(
    settings: ReconcilerSettings, tenant: str
) -> AsyncIterator[tuple[TenantAccounts, Clients]]:
    sealer = Sealer.from_text(key.reveal() for key in settings.secret_keys)
    async with (
        open_pool(settings.process.database, application="doctor") as pool,
        open_clients(settings.process, settings.vindi, settings.issuer) as clients,
    ):
        async for account in accounts.accounts_any_tenant(pool, sealer, tenant):
            yield account, clients


def _settings(env: Mapping[str, str]) -> ReconcilerSettings | None:
    """What is needed to reach accounts; None where that is not there, which was told before."""
    filled = {**env, "REDIS_URL": env.get("REDIS_URL") or LATER["REDIS_URL"]}
    try:
        return load_reconciler({**filled, "INTERNAL_API_TOKEN": "not-needed-to-ask-accounts"})
    except SettingsError:
        return None
