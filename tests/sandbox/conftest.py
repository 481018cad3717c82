"""A running sandbox with a frozen clock, and little clients for it."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.enotas.records import Company
from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi.account import Account

NOON = 1_775_833_200.0  # 2026-04-10 12:00 in Brasília


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(clock=Clock(start=NOON, speed=0)) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    return sandbox.vindi.create_account(name="Escola Exemplo Ltda")


@dataclass
class Reply:
    status: int
    headers: Any
    body: Any


Get = Callable[..., Awaitable[Reply]]


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


async def read(answer: aiohttp.ClientResponse) -> Reply:
    raw = await answer.read()
    body: Any = raw
    if "json" in answer.content_type and raw:
        body = await answer.json()
    return Reply(answer.status, answer.headers, body)


@pytest.fixture
async def get(sandbox: Sandbox, account: Account) -> AsyncIterator[Get]:
    """GET at Vindi with the account's first key."""
    async with aiohttp.ClientSession() as session:

        async def get_it(path: str, key: str = account.keys[0].key, **params: str) -> Reply:
            url = sandbox.vindi_url + path
            async with session.get(url, params=params, headers=basic(key)) as answer:
                return await read(answer)

        yield get_it


@dataclass
class Receiver:
    """A webhook receiver that answers from a script, then 200 for ever."""

    url: str = ""
    script: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [body["event"]["type"] for _, body in self.received]

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.json()))
        status = self.script.pop(0) if self.script else 200
        return web.Response(status=status, headers={"Location": self.url})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


def a_nota(external_id: str = "h-t-1-1", **changes: Any) -> dict[str, Any]:
    """A POST body that is authorised, unless told otherwise."""
    description = changes.pop("description", "Assinatura mensal")
    return {
        "tipo": "NFS-e",
        "idExterno": external_id,
        "ambienteEmissao": "Homologacao",
        "dataCompetencia": "2026-04-10T15:00:00Z",
        "cliente": {"tipoPessoa": "F", "nome": "Aurora Exemplo", "cpfCnpj": "12345678909"},
        "servico": {"descricao": description},
        "valorTotal": 99.90,
    } | changes


@dataclass
class Issuer:
    """A bare client of the stand-in for eNotas."""

    session: aiohttp.ClientSession
    sandbox: Sandbox
    company: Company
    key: str

    async def call(self, method: str, path: str = "", **options: Any) -> Reply:
        headers = {"Authorization": f"Basic {self.key}", "Accept": "application/json"}
        headers |= options.pop("headers", {})
        url = f"{self.sandbox.enotas_url}/v1/empresas/{self.company.id.upper()}{path}"
        async with self.session.request(method, url, headers=headers, **options) as answer:
            return await read(answer)

    async def post(self, **body: Any) -> Reply:
        return await self.call("POST", "/nfes", json=a_nota(**body))

    async def find(self, external_id: str = "h-t-1-1", tail: str = "") -> Reply:
        return await self.call("GET", f"/nfes/porIdExterno/{external_id}{tail}")

    async def status(self, external_id: str = "h-t-1-1") -> str:
        return str((await self.find(external_id)).body["status"])

    async def cancel(self, external_id: str = "h-t-1-1") -> Reply:
        return await self.call("DELETE", f"/nfes/porIdExterno/{external_id}")


@pytest.fixture
async def issuer(sandbox: Sandbox) -> AsyncIterator[Issuer]:
    key = sandbox.enotas.create_key(key="Y2hhdmUtZGUtdGVzdGU=")
    company = sandbox.enotas.create_company(key=key.key)
    async with aiohttp.ClientSession() as session:
        yield Issuer(session, sandbox, company, key.key)
