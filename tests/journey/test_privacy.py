"""A whole demo run leaves no key, document or name where a stranger could read it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from deploy.demo.month import Month, opened_month
from deploy.demo.people import a_customer
from deploy.demo.stories import month
from deploy.demo.system import System, running_system
from shared.local.postgres import installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """What must not be seen, by kind."""

    keys: frozenset[str]  # API keys and the secrets in webhook addresses
    documents: frozenset[str]  # bare and with their punctuation
    names: frozenset[str]
    emails: frozenset[str]


@pytest.mark.timeout(400)
async def test_no_key_document_or_name_is_seen_by_a_stranger() -> None:
    async with running_system() as system, opened_month(system, lambda *_: None) as lived:
        private = await _private(lived)
        assert await lived.live(month(1)) == []

        answers = await _error_answers(system, lived)
        metrics = await _metrics(system)
        logs = await asyncio.to_thread(_logs, system.home)
        dump = await _dump(system.home)

    everything = private.keys | private.documents | private.names | private.emails
    assert _seen(everything, answers) == {}
    assert _seen(everything, metrics) == {}
    assert _seen(everything, logs) == {}
    assert _seen(private.keys | private.documents, {"dump": dump}) == {}
    # What was searched is really there: the month was lived, logged and stored.
    assert len(logs) >= 4
    assert all(name in dump for name in list(private.names)[:3])


async def _private(lived: Month) -> Private:
    stage = lived.stage
    account = await stage.control.get(f"/vindi/accounts/{stage.account_id}")
    customers = [a_customer(n, story.buyer) for n, story in enumerate(month(1))]
    documents = {customer["registry_code"] for customer in customers} - {None}
    return Private(
        keys=frozenset({stage.vindi_key, stage.enotas_key, *map(_last_part, account["webhooks"])}),
        documents=frozenset(documents | {_punctuated(document) for document in documents}),
        names=frozenset(customer["name"] for customer in customers),
        emails=frozenset(customer["email"] for customer in customers),
    )


def _last_part(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _punctuated(cpf: str) -> str:
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"


async def _error_answers(system: System, lived: Month) -> dict[str, str]:
    """Answers to calls that carry something private and are refused."""
    buyer = a_customer(0, "whole")
    tenant = f"{system.internal}/internal/v1/tenants/{lived.tenant.id}"
    key, document, name = lived.stage.vindi_key, buyer["registry_code"], buyer["name"]
    wrong = {"api_key": key + "x", "environment": "production"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"{tenant}/vindi", {"json": wrong}),
        ("PUT", f"{tenant}/vindi", {"json": {"api_key": key, "environment": document}}),
        ("PUT", f"{tenant}/issuer", {"json": {"api_key": key, "company_id": name}}),
        ("PUT", f"{tenant}/rule", {"json": {"issue_when": name, document: key}}),
        ("PUT", f"{tenant}/rule", {"json": {"issue_when": "never", key: 1, name: 2}}),
        ("POST", f"{tenant}/sales/{document}/retry", {"json": {"why": name}}),
        ("GET", f"{tenant}/sales?code={document}&status={key}", {}),
        ("POST", f"{system.webhook}/v1/vindi/{key}", {"data": name}),
        ("POST", f"{system.webhook}/v1/enotas/{key}", {"data": document}),
    ]
    answers: dict[str, str] = {}
    async with _session(lived.tenant.api.session.headers) as session:
        for method, url, details in asked:
            async with session.request(method, url, **details) as answer:
                assert 400 <= answer.status < 500, (method, urlsplit(url).path, answer.status)
                answers[f"{method} {len(answers)}"] = await answer.text()
    return answers


async def _metrics(system: System) -> dict[str, str]:
    found: dict[str, str] = {}
    async with _session({}) as session:
        for base in (system.metrics, system.panel, system.internal):
            async with session.get(f"{base}/metrics") as answer:
                assert answer.status == 200
                found[base] = await answer.text()
    return found


@asynccontextmanager
async def _session(headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


def _logs(home: Path) -> dict[str, str]:
    paths = [*(home / "logs").iterdir(), *home.glob("*.err")]
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}


async def _dump(home: Path) -> str:
    pg_dump = installation() / "bin" / "pg_dump"
    url = (home / "run" / "database-url").read_text(encoding="utf-8").strip()
    process = await asyncio.create_subprocess_exec(
        str(pg_dump), "--dbname", url, stdout=asyncio.subprocess.PIPE
    )
    dumped, _ = await process.communicate()
    assert process.returncode == 0
    return dumped.decode()


def _seen(private: frozenset[str], texts: Mapping[str, str]) -> dict[str, int]:
    """How many private words each text shows; the words themselves stay out of the report."""
    counts = {name: sum(word in text for word in private) for name, text in texts.items()}
    return {name: count for name, count in counts.items() if count}
