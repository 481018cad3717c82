"""The Gateway's API on loopback: companies, notas, their files, and its status webhooks.

Source: the reference of eNotas' APIs, sections 2 to 8.
"""

import asyncio
import json
import random
import re
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
            return 401, _errors("AUT001", "Chave de API inválida")
        if "json" not in request.headers.get("Accept", ""):
            return 200, NOT_JSON.encode()
        path = request.path.removeprefix("/v1/")
        if path.startswith(("estados/", "servicos/")):
            return _city(path)
        parts = path.strip("/").split("/")
        if parts == ["empresas"]:
            mine = [self.companies[each] for each in sorted(self.keys[key])]
            return 200, {"totalRecords": len(mine), "data": [_company(each) for each in mine]}
        if len(parts) < 2 or parts[0] != "empresas":
            return 404, b""
        company = self.companies.get(parts[1].lower())
        if company is None:
            return 404, b""
        if parts[1].lower() not in self.keys[key]:
            return 403, _errors("AUT003", "Sem direito à empresa")
        return await self._of_company(request, key, company, parts[2:])

    async def _of_company(
        self, request: web.Request, key: str, company: Company, rest: list[str]
    ) -> tuple[int, Any]:
        match request.method, rest:
            case "GET", []:
                return 200, _company(company)
            case "GET", ["criticardadosobrigatorios"]:
                return 200, company.missing
            case "POST", ["nfes"]:
                return self._post(key, company, json.loads(await request.text()))
            case "GET", ["nfes"]:
                return _listed(company, request)
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
            return _absent(company)
        match method, last:
            case "GET", []:
                return 200, rendered(company, nota)
            case "GET", ["pdf" | "xml" as kind]:
                return _file(company, nota, kind)
            case "DELETE", []:
                return self._delete(key, company, nota)
        return 404, b""

    def _post(self, key: str, company: Company, body: dict[str, Any]) -> tuple[int, Any]:
        lacking = [name for name in ("valorTotal", "ambienteEmissao") if not body.get(name)]
        if lacking or not body.get("servico", {}).get("descricao"):
            return 400, _errors("GW001", f"Campos obrigatórios: {lacking}")
        external_id = str(body.get("idExterno") or "")
        before = company.by_external_id(external_id)
        if before is not None and before.status == "Negada":
            before.body, before.reason, before.posts = body, None, before.posts + 1
            before.become("AguardandoAutorizacao")
            self.start(self.issue(key, company, before))
            return 200, {"nfeId": before.id}
        if before is not None and company.readings.repeated != "second":
            before.posts += 1
            match company.readings.repeated:
                case "same":
                    return 200, {"nfeId": before.id}
                case "conflict":
                    return 409, _errors("GW009", "Já existe")
            return 400, _errors("GW010", "Já existe uma nota com este identificador externo")
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
        return 200, {"nfeId": made.id}

    async def issue(self, key: str, company: Company, nota: Nota) -> None:
        """The nota's way to the city."""
        for status in records.ISSUING[1:]:
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
            return status, _errors("GW020", text) if text else b""
        if nota.status not in {"Autorizada", "CancelamentoNegado"}:
            if company.readings.cancel_in_other_states == "200":
                return 200, {"nfeId": nota.id}
            return 400, _errors("GW021", "A nota não pode ser cancelada neste status")
        if company.readings.cancel_takes == "not supported":
            return 400, _errors("GW022", "A prefeitura não suporta o cancelamento")
        nota.become(records.CANCELLING[0])
        self.start(self.cancel(key, company, nota))
        return 200, {"nfeId": nota.id}

    async def cancel(self, key: str, company: Company, nota: Nota) -> None:
        for status in records.CANCELLING[1:]:
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


def _absent(company: Company) -> tuple[int, Any]:
    match company.readings.absent:
        case "array":
            return 404, _errors("GEN404", "Nota não encontrada")
        case "object":
            return 404, {"mensagem": "Nota não encontrada"}
        case "html":
            return 404, b"<html><body><h1>404</h1></body></html>"
    return 404, b""


def _file(company: Company, nota: Nota, kind: str) -> tuple[int, Any]:
    if nota.status not in {"Autorizada", "Cancelada", "CancelamentoNegado"}:
        return 404, b""
    if kind == "pdf":
        return 200, b"%PDF-1.4 " + nota.id.encode()
    xml = f"<?xml version='1.0'?><nfse><numero>{nota.number}</numero></nfse>"
    return 200, xml.encode() if company.readings.xml == "raw" else xml


def _listed(company: Company, request: web.Request) -> tuple[int, Any]:
    asked = request.query
    size = min(int(asked.get("pageSize", "100")), company.readings.list_most)
    page = int(asked.get("pageNumber", "0"))
    rows = sorted(company.notas, key=lambda nota: nota.created_at)
    if company.readings.list_filter and asked.get("filter"):
        rows = [nota for nota in rows if _passes(asked["filter"], nota)]
    if asked.get("sortDirection", "asc") == "desc":
        rows.reverse()
    shown = rows[page * size : (page + 1) * size]
    short = company.readings.list_rows == "short"
    data = [rendered(company, nota, short=short) for nota in shown]
    return 200, {"totalRecords": len(rows), "data": data}


def _passes(text: str, nota: Nota) -> bool:
    for term in re.split(r"\s+and\s+", text):
        found = re.fullmatch(r"\s*(\w+)\s+(eq|ge|le)\s+'([^']*)'\s*", term)
        if found is None:
            raise web.HTTPBadRequest(text=json.dumps(_errors("GW030", "filter")))
        name, operator, value = found.groups()
        if name == "status":
            if nota.status.lower() != value.lower():
                return False
            continue
        written = datetime.fromisoformat(value)
        at = written if written.tzinfo else written.replace(tzinfo=UTC)
        created = nota.created_at.replace(microsecond=0)
        if (operator == "ge" and created < at) or (operator == "le" and created > at):
            return False
    return True


def _company(company: Company) -> dict[str, Any]:
    return {
        "id": company.id,
        "status": "Habilitada",
        "dadosObrigatoriosPreenchidos": not company.missing,
        "cnpj": company.cnpj,
        "inscricaoMunicipal": "12345678",
        "inscricaoEstadual": None,
        "razaoSocial": company.name,
        "nomeFantasia": company.name,
        "optanteSimplesNacional": True,
        "email": "fiscal@loja.example",
        "telefoneComercial": "1133334444",
        "endereco": {
            "pais": "Brasil",
            "uf": "SP",
            "cidade": "São Paulo",
            "codigoIbgeUf": 35,
            "codigoIbgeCidade": 3550308,
            "logradouro": "Rua de Exemplo",
            "numero": "1",
            "complemento": None,
            "bairro": "Centro",
            "cep": "01001000",
        },
        "codigoServicoMunicipal": "02800",
        "itemListaServicoLC116": "1.07",
        "aliquotaIss": 2.0,
        "enviarEmailCliente": False,
    }


def _city(path: str) -> tuple[int, Any]:
    if path.endswith("/provedor"):
        return 200, {
            "tipoAutenticacao": 1,
            "assinaturaDigital": 2,
            "suportaCancelamento": True,
            "usaAEDF": False,
            "usaRegimeEspecialTributacao": True,
            "usaCodigoServicoMunicipal": True,
            "usaDescricaoServico": False,
            "usaCNAE": False,
            "usaItemListaServico": False,
            "suportaEmissaoNFeSemCliente": True,
            "suportaEmissaoNFeClienteSemCpf": True,
            "suportaEmissaoNFeClienteSemEndereco": True,
            "suportaCancelamentoNFeSemCliente": True,
            "suportaCancelamentoNFeClienteSemCpf": True,
            "regimesEspecialTributacao": [],
        }
    return 200, {"totalRecords": 0, "data": []}


def _errors(code: str, message: str) -> list[dict[str, str]]:
    return [{"codigo": code, "mensagem": message}]


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
