"""Two tabs of one page: what the second sends after the first is told, before and after."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from services.panel.kit.seen import PageFacts, changes_since
from services.sandbox.run import Sandbox
from shared.config.secret import Secret
from shared.db.connection import Pool
from shared.db.tenants import connections_store
from tests.services.emitter.conftest import SEALER, TENANT
from tests.services.panel.acting import CASES, Acting, acting_company, filled
from tests.services.panel.test_sent_twice import rows, sent

# What is typed there is chosen, or there is nothing to be sent any more.
NO_FIELDS = {"rule_put", "people_change", "activation_webhook", "limits_release"}
CHANGED = "O que mudou desde que você abriu a página"


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


def by(name: str, number: int = 0) -> Callable[[Acting], Awaitable[None]]:
    """Somebody else sends a page of their own first."""

    async def change(of: Acting) -> None:
        answer = await sent(await CASES[name](of, number))
        assert answer.status < 400, answer.text

    return change


async def other_vindi_key(of: Acting) -> None:
    async with of.panel.pool.acquire() as conn:
        await connections_store.put_vindi(
            conn,
            SEALER,
            TENANT,
            environment="production",
            api_key=Secret.of("uma-chave-bem-diferente-9999"),
            merchant_name="Outra conta",
            registry_code=None,
        )


async def other_issuer_key(of: Acting) -> None:
    async with of.panel.pool.acquire() as conn:
        await connections_store.put_issuer(
            conn,
            SEALER,
            TENANT,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of("uma-chave-bem-diferente-9999"),
            company_id=of.desk.company.id,
            company_name="Empresa",
            company_cnpj=None,
        )


# What changes meanwhile, and one word of it as it was and as it is.
MEANWHILE: dict[str, tuple[Callable[[Acting], Awaitable[None]], str, str]] = {
    "sale": (by("sale"), "Pendente", "Pedido: reter"),
    "rule_put": (by("rule_put"), "7 dias após", "20 dias após"),
    "rule": (by("rule_put", 1), "20 dias após", "21 dias após"),
    "hooks": (by("hooks"), "https://a.exemplo.com/x", "https://b.exemplo.com/0"),
    "settings": (by("settings"), "Empresa", "Escola 0"),
    "people_change": (by("people_change"), "Financeiro", "Contador"),
    "limits": (by("limits"), "Notas por dia", "50"),
    "limits_release": (
        by("limits_release"),
        "o limite de notas por dia foi atingido",
        "nenhum parou a emissão",
    ),
    "rps": (by("rps"), "começo", "continua"),
    "activation_webhook": (by("activation_webhook"), "terminado em", "terminado em"),
    "activation_vindi": (other_vindi_key, "terminada em", "terminada em 9999"),
    "activation_issuer": (other_issuer_key, "terminada em", "terminada em 9999"),
    "activation": (by("activation"), "Ativa", "Em pausa"),
    "closing": (by("closing"), "Aberto", "Fechado por Ana"),
}


async def test_a_stale_form_is_told_what_changed_and_does_nothing(company: Acting) -> None:
    pool, wrong = company.panel.pool, {}
    joining = await CASES["invitation"](company, 7)
    await sent(joining)
    for name, (change, before, after) in MEANWHILE.items():
        one = await CASES[name](company, 0)
        assert dict(one.fields)["visto"], name
        await change(company)
        kept = await rows(pool)
        told = await sent(one)
        if told.status != 409 or CHANGED not in told.text:
            wrong[name] = [told.status, told.text[:300]]
            continue
        table = told.text.partition(CHANGED)[2][:900]
        if before not in table or after not in table:
            wrong[name] = [before, after, table]
        if (left := await rows(pool)) != kept:
            wrong[name] = [{one: left[one] - kept[one] for one in left if left[one] != kept[one]}]
        typed = [
            v for k, v in one.fields if k in ("motivo", "nome", "endereco", "notas", "proximo")
        ]
        lost = [value for value in typed if f'value="{value}"' not in told.html]
        if lost and name not in NO_FIELDS:
            wrong[name] = ["lost", lost]

    assert wrong == {}


async def test_whoever_was_told_sends_it_again_and_it_is_done(company: Acting) -> None:
    one = await CASES["settings"](company, 1)
    await by("settings")(company)
    told = await sent(one)
    again = filled(company.ana, told, one.path)
    done = await sent(again)

    assert told.status == 409
    assert ("nome", "Escola 1") in again.fields
    assert done.status == 303
    name = await company.panel.pool.fetchval(
        "SELECT name FROM tenants WHERE tenant_id = $1", TENANT
    )
    assert name == "Escola 1"


def test_only_what_differs_is_told_and_nonsense_stands_on_no_page() -> None:
    before = PageFacts("1", (("Valor", "10"), ("Nome", "A"), ("Antes", "x")))
    now = PageFacts("2", (("Valor", "12"), ("Nome", "A"), ("Depois", "y")))

    told = changes_since(before.word, now)

    assert told is not None
    assert [(one.what, one.before, one.after) for one in told] == [
        ("Valor", "10", "12"),
        ("Depois", "", "y"),
        ("Antes", "x", ""),
    ]
    assert changes_since(before.word, before) is None
    for nonsense in ("", "{", "[]", '["1", 7]', "x" * 30_000):
        assert changes_since(nonsense, now) is None
