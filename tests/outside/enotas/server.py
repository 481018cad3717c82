"""The Gateway's API on loopback: companies, notas, their files, and its status webhooks.

Source: the reference of eNotas' APIs, sections 2 to 8.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from tests.outside.enotas import records
from tests.outside.enotas.answers import (
    absent,
    accepted,
    company_as_told,
    errors,
    file_of,
    lacking,
    listed,
    of_city,
)
from tests.outside.enotas.records import Company, Nota, rendered, webhook
from tests.outside.wire import Dress, Weather, send, trouble_after, trouble_before

NOT_JSON = "<errors><error>Accept</error></errors>"


@dataclass(slots=True, kw_only=True)
class Hooks:
    """How the Gateway's status webhooks travel to one address."""

    url: str
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0  # seconds
    contradicts: bool = False  # the body says another status than GET
    content_type: str | None = "application/json"


@dataclass(slots=True, kw_only=True)
class Enotas:
    """Keys, what each may see, and what travels back."""

    companies: dict[str, Company] = field(default_factory=dict)  # by their id, small letters
    keys: dict[str, set[str]] = field(default_factory=dict)  # key: its companies' ids
    hooks: dict[str, Hooks] = field(default_factory=dict)  # by key
    dress: Dress = field(default_factory=Dress)
    weather: Weather = field(default_factory=Weather)
    url: str = ""
    asked: deque[tuple[str, str, float]] = field(default_factory=lambda: deque(maxlen=20_000))
    seed: int = 1
    city: str = "whole"  # what is told of city halls: "unsupported", "broken", "little"
    cancel_says: tuple[int, str] | None = None  # an answer to every DELETE instead
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _random: random.Random = field(init=False)
    _http: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def open_company(self, key: str, *, seed: int) -> Company:
        company = Company(id=f"0A1B2C3D-0000-4000-8000-{seed:012X}", seed=seed)
        self.companies[company.id.lower()] = company
        self.keys.setdefault(key, set()).add(company.id.lower())
        return company

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs, time.monotonic()))
        kind = self.weather.over(request)
        spoilt = await trouble_before(request, kind)
        if spoilt is not None:
            return spoilt
        status, value = await self._answer(request)
        body = value if isinstance(value, bytes) else self.dress.text(value)
        headers: dict[str, str] = {}
        if isinstance(value, bytes):
            pdf = value.startswith(b"%PDF-")
            headers["Content-Type"] = "application/pdf" if pdf else "text/html"
        spoilt = await trouble_after(request, kind, body, headers, self.weather.slow)
        return spoilt or await send(request, body, status, headers, self.dress)

    async def _answer(self, request: web.Request) -> tuple[int, Any]:
        key = request.headers.get("Authorization", "").removeprefix("Basic ")
        if key not in self.keys:
            return 401, errors("AUT001", "Chave de API inválida")
        if "json" not in request.headers.get("Accept", ""):
            return 200, NOT_JSON.encode()
        path = request.path.removeprefix("/v1/")
        if path.startswith(("estados/", "servicos/")):
            return of_city(path, self.city)
        parts = path.strip("/").split("/")
        if parts == ["empresas"]:
            mine = [self.companies[each] for each in sorted(self.keys[key])]
            return 200, {
                "totalRecords": len(mine),
                "data": [company_as_told(each) for each in mine],
            }
        if len(parts) < 2 or parts[0] != "empresas":
            return 404, b""
        company = self.companies.get(parts[1].lower())
        if company is None:
            return 404, b""
        if parts[1].lower() not in self.keys[key]:
            return 403, errors("AUT003", "Sem direito à empresa")
        return await self._of_company(request, key, company, parts[2:])

    async def _of_company(
        self, request: web.Request, key: str, company: Company, rest: list[str]
    ) -> tuple[int, Any]:
        match request.method, rest:
            case "GET", []:
                return 200, company_as_told(company)
            case "GET", ["criticardadosobrigatorios"]:
                return lacking(company)
            case "POST", ["nfes"]:
                return self._post(key, company, json.loads(await request.text()))
            case "GET", ["nfes"]:
                return listed(company, request)
            case method, ["nfes", "porIdExterno", external_id, *last]:
                nota = company.by_external_id(external_id)
                if nota is not None and _is_forgotten(company, nota):
                    nota = None
                return self._of_nota(key, company, nota, method, last)
            case method, ["nfes", number, *last]:
                return self._of_nota(key, company, company.by_id(number), method, last)
        return 404, b""

    def _of_nota(
        self, key: str, company: Company, nota: Nota | None, method: str, last: list[str]
    ) -> tuple[int, Any]:
        if nota is None:
            return absent(company)
        match method, last:
            case "GET", []:
                return 200, rendered(company, nota)
            case "GET", ["pdf" | "xml" as kind]:
                return file_of(company, nota, kind)
            case "DELETE", []:
                return self._delete(key, company, nota)
        return 404, b""

    def _post(self, key: str, company: Company, body: dict[str, Any]) -> tuple[int, Any]:
        lacking = [name for name in ("valorTotal", "ambienteEmissao") if not body.get(name)]
        if lacking or not body.get("servico", {}).get("descricao"):
            return 400, errors("GW001", f"Campos obrigatórios: {lacking}")
        external_id = str(body.get("idExterno") or "")
        before = company.by_external_id(external_id)
        if before is not None and before.status == "Negada":
            before.body, before.reason, before.posts = body, None, before.posts + 1
            before.become("AguardandoAutorizacao")
            if company.readings.resent == "new id":
                before.id = company.new_id()
            self.start(self.issue(key, company, before))
            return accepted(company, before)
        if before is not None and company.readings.repeated != "second":
            before.posts += 1
            match company.readings.repeated:
                case "same":
                    return 200, {"nfeId": before.id}
                case "conflict":
                    return 409, errors("GW009", "Já existe")
            return 400, errors("GW010", "Já existe uma nota com este identificador externo")
        at = datetime.now(UTC)
        made = Nota(
            id=company.new_id(),
            external_id=external_id,
            body=body,
            status="AguardandoAutorizacao",
            created_at=at,
            changed_at=at,
        )
        company.notas.append(made)
        self.start(self.issue(key, company, made))
        return accepted(company, made)

    async def issue(self, key: str, company: Company, nota: Nota) -> None:
        """The nota's way to the city."""
        for status in records.on_the_way(company, records.ISSUING[1:]):
            await asyncio.sleep(company.step)
            while company.stuck:
                await asyncio.sleep(company.step)
            nota.become(status)
        await asyncio.sleep(company.step)
        reason = company.fate(nota)
        if reason:
            nota.reason = reason
            nota.become("Negada")
        else:
            self.authorise(company, nota)
            await asyncio.sleep(company.step)
            nota.become("Autorizada")
        await self.tell(key, company, nota)

    def authorise(self, company: Company, nota: Nota) -> None:
        nota.number = nota.number or f"2026{company.notas.index(nota) + 1:011d}"
        nota.code = nota.code or f"AB{company.notas.index(nota):06d}"
        nota.reason = None
        nota.authorised_at = datetime.now(UTC)
        nota.become("AutorizadaAguardandoGeracaoPDF")

    def _delete(self, key: str, company: Company, nota: Nota) -> tuple[int, Any]:
        if self.cancel_says is not None:
            status, text = self.cancel_says
            return status, errors("GW020", text) if text else b""
        if nota.status not in {"Autorizada", "CancelamentoNegado"}:
            if company.readings.cancel_in_other_states == "200":
                return 200, {"nfeId": nota.id}
            return 400, errors("GW021", "A nota não pode ser cancelada neste status")
        if company.keeps(nota):
            return 400, errors("GW023", company.keeps(nota))
        if company.readings.cancel_takes == "not supported":
            return 400, errors("GW022", "A prefeitura não suporta o cancelamento")
        nota.become(records.CANCELLING[0])
        self.start(self.cancel(key, company, nota))
        return accepted(company, nota)

    async def cancel(self, key: str, company: Company, nota: Nota) -> None:
        for status in records.on_the_way(company, records.CANCELLING[1:]):
            await asyncio.sleep(company.step)
            nota.become(status)
        if company.readings.cancel_takes == "refused by city":
            nota.reason = "Prazo de cancelamento expirado"
            nota.become("CancelamentoNegado")
        else:
            nota.become("CanceladaAguardandoAtualizacaoPDF")
            nota.cancelled_at = datetime.now(UTC)
            await asyncio.sleep(company.step)
            nota.become("Cancelada")
        await self.tell(key, company, nota)

    async def tell(self, key: str, company: Company, nota: Nota) -> None:
        """The status webhook of a final state."""
        hooks = self.hooks.get(key)
        if hooks is None or self._random.random() < hooks.lost:
            return
        if nota.status in company.readings.silent:
            return
        await asyncio.sleep(self._random.random() * hooks.late)
        body = webhook(company, nota)
        if hooks.contradicts:
            body["nfeStatus"] = "Negada" if nota.status == "Autorizada" else "Autorizada"
        times = 2 if self._random.random() < hooks.doubled else 1
        await asyncio.gather(*(self.deliver(hooks, self.dress.text(body)) for _ in range(times)))

    async def deliver(self, hooks: Hooks, body: bytes) -> int:
        assert self._http is not None
        headers = {} if hooks.content_type is None else {"Content-Type": hooks.content_type}
        skip = ("Content-Type",) if hooks.content_type is None else ()
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.post(
                hooks.url, data=body, headers=headers, skip_auto_headers=skip
            ) as answer:
                return answer.status
        return 0

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def _is_forgotten(company: Company, nota: Nota) -> bool:
    return (datetime.now(UTC) - nota.created_at).total_seconds() < company.readings.forgets


@asynccontextmanager
async def running_enotas(enotas: Enotas) -> AsyncIterator[Enotas]:
    """Serve it on a free port of loopback; its `url` is what stands before `/v1`."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", enotas.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    enotas.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as http:
        enotas._http = http
        try:
            yield enotas
        finally:
            for task in tuple(enotas.tasks):
                task.cancel()
            await asyncio.gather(*enotas.tasks, return_exceptions=True)
            await runner.cleanup()
