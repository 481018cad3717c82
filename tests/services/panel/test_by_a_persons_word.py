"""What a person settles by hand: notas of others, addresses that leaked, RPS numbers, tokens."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.sandbox.run import Sandbox
from shared.commands.rps_series import put_next_number
from shared.config.secret import Secret
from shared.db.connection import Pool
from shared.db.tenants import connections_store
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, TENANT
from tests.services.panel.acting import (
    CASES,
    Acting,
    acting_company,
    filled,
    foreign_nota,
    last_month,
)
from tests.services.panel.test_sent_twice import sent

BASE = f"/e/{TENANT}"
DIFFERENCES = f"{BASE}/fechamento/diferencas"
ACCEPTED = f"{DIFFERENCES}/aceitas"


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url, lived=False) as made:
        yield made


async def test_notas_of_another_system_are_accepted_with_a_reason_and_taken_back(
    company: Acting,
) -> None:
    ana, page = company.ana, f"{DIFFERENCES}?mes={last_month():%Y-%m}"
    for word in ("velho-1", "velho-2", "portal-3"):
        await foreign_nota(company, word)
    before = await ana.get(page)
    nothing = await ana.send(before, ACCEPTED, fazer="aceitar", motivo="do sistema antigo")
    why = await ana.send(before, ACCEPTED, fazer="aceitar", quais="todas", motivo=" ")
    some = await ana.send(
        before, ACCEPTED, fazer="aceitar", quais="comeco", comeco="velho-", motivo="antigo"
    )
    closing = await ana.get(f"{BASE}/fechamento?mes={last_month():%Y-%m}")
    other = filled(ana, some, ACCEPTED, has=[("mes", f"{last_month():%Y-%m}")])
    again = await ana.post(
        ACCEPTED,
        [
            *[pair for pair in other.fields if pair[0] not in ("quais", "comeco", "motivo")],
            *[("quais", "comeco"), ("comeco", "velho-"), ("motivo", "x"), ("fazer", "aceitar")],
        ],
    )
    undo = [fields for to, fields in some.forms if to == ACCEPTED][-1]
    kept = [pair for pair in undo if pair[0] in ("csrf", "mes")]
    undone = await ana.post(
        ACCEPTED, [*kept, ("quais", "todas"), ("motivo", "engano"), ("fazer", "desfazer")]
    )
    async with company.panel.person(TENANT, "accountant") as bia:
        looked = await bia.get(page)
    log = await ana.get(f"{BASE}/configuracoes/registro?tipo=meses")

    assert "Marque ao menos uma nota" in nothing.text
    assert why.status == 422
    assert "2 notas aceitas, de R$ 66,00 ao todo." in some.text
    assert "antigo" in some.text
    assert "De outros sistemas, aceitas 2 notas R$ 66,00" in closing.text
    assert "todas já estavam aceitas" in again.text
    assert "2 notas não contam mais como aceitas" in undone.text
    assert await company.panel.pool.fetchval("SELECT count(*) FROM accepted_notas") == 0
    assert "portal-3" in looked.text
    assert "Aceitar estas notas" not in looked.text
    assert "Notas de outros sistemas aceitas" in log.text
    assert "Aceitação de notas de outros sistemas desfeita" in log.text


async def test_a_locked_month_keeps_what_was_accepted(company: Acting) -> None:
    month = f"{last_month():%Y-%m}"
    await foreign_nota(company, "velho-1")
    page = await company.ana.get(f"{DIFFERENCES}?mes={month}")
    form = await company.form(
        f"{BASE}/fechamento?mes={month}",
        f"{BASE}/fechamento",
        motivo="entregue",
        assim_mesmo="sim",
    )
    assert (await sent(form)).status == 303
    refused = await company.ana.send(
        page, ACCEPTED, fazer="aceitar", quais="todas", motivo="tarde demais"
    )
    looked = await company.ana.get(f"{DIFFERENCES}?mes={month}")

    assert refused.status == 409
    assert "O mês está fechado" in refused.text
    assert "Aceitar estas notas" not in looked.text


async def test_an_address_that_leaked_is_replaced_and_ends_at_once(company: Acting) -> None:
    ana, path, pool = company.ana, f"{BASE}/ativacao/avisos", company.panel.pool
    before = await ana.get(path)
    rotate = filled(ana, before, path, has=[("lado", "emissor")])
    rotated = await ana.post(path, rotate.fields)
    live = (
        "SELECT count(*) FROM webhook_secrets WHERE source = $1"
        " AND (expires_at IS NULL OR expires_at > now())"
    )
    both = await pool.fetchval(live, "enotas")
    revoke = filled(ana, rotated, path, has=[("lado", "emissor")], antes="anular")
    revoked = await ana.post(path, revoke.fields)

    assert "O anterior ainda vale por 72 horas" in rotated.text
    assert both == 2
    assert "Os anteriores não valem mais" in revoked.text
    assert await pool.fetchval(live, "enotas") == 1
    assert await pool.fetchval(live, "vindi") == 1
    log = await ana.get(f"{BASE}/configuracoes/registro")
    assert "Endereços anteriores de avisos do emissor anulados" in log.text


async def test_an_rps_number_is_given_once_and_by_one_account(company: Acting) -> None:
    ana, path, pool = company.ana, f"{BASE}/configuracoes/rps", company.panel.pool
    said = {"serie": "NF", "proximo": "100", "motivo": "continua o sistema anterior"}
    first = await ana.send(await ana.get(path), path, **said)
    odd = await ana.send(first, path, **{**said, "serie": "SÉRIE"})
    small = await ana.send(first, path, **{**said, "proximo": "0"})
    other = await company.panel.tenant("Outra conta")
    async with pool.acquire() as conn:
        await connections_store.put_issuer(
            conn,
            SEALER,
            other,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of(company.desk.company.key),
            company_id=company.desk.company.id,
            company_name="Empresa",
            company_cnpj=None,
        )
    waker = Waker("redis://127.0.0.1:1")
    await put_next_number(pool, waker, other, "B", 7, reason="deles", by="tests")
    taken = await ana.send(first, path, **{**said, "serie": "B"})

    assert "NF Empresa, produção Próximo número: 100" in first.text
    assert "de uma a cinco letras ou números" in odd.text
    assert small.status == 422
    assert taken.status == 409
    assert "Outra conta já numera esta série" in taken.text


async def test_a_token_is_ended_by_an_operator_and_told_so_once(company: Acting) -> None:
    one = await CASES["tokens"](company, 0)
    done = await company.ours.post(one.path, one.fields)
    again = [("csrf", dict(done.form("/sair"))["csrf"]), ("nome", "robo-0")]
    gone = await company.ours.post("/suporte/acessos", again)

    assert "Acesso anulado." in done.text
    assert "robo-0 Só leitura" in done.text
    assert gone.status == 409
    assert "já não valia mais" in gone.text
