"""What a person sends to every page that acts: a form of the page, filled in, by its number.

Each case makes the same kind of change each time it is asked, of another thing (`number`), so that
what two sendings of one form leave behind can be held against what one leaves.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyotp

from services.sandbox.run import Sandbox
from shared.commands.tokens import make_token
from shared.db.connection import Pool
from shared.domain.moment import VINDI_ZONE
from tests.services.emitter.conftest import TENANT, Desk, a_desk
from tests.services.panel.lively import live, panel_beside
from tests.services.panel.support import PASSWORD, Browser, Panel, Seen

BASE = f"/e/{TENANT}"
MONTHS = ("2026-03", "2026-04")
LOCKED = ("2026-05", "2026-06")
Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A form as it is sent."""

    browser: Browser
    path: str
    fields: Fields
    back: str = ""  # where it stands, if not at the address it is sent to


@dataclass(slots=True, kw_only=True)
class Acting:
    """A company that has lived, an owner and somebody of ours."""

    panel: Panel
    desk: Desk
    bills: dict[str, int]
    ana: Browser
    ours: Browser
    stack: AsyncExitStack
    password: str = PASSWORD

    async def bills_in(self, status: str) -> list[int]:
        rows = await self.panel.pool.fetch(
            "SELECT bill_id FROM sales WHERE status = $1 ORDER BY bill_id", status
        )
        return [row["bill_id"] for row in rows]

    async def name(self) -> str:
        """What the company is called."""
        return str(
            await self.panel.pool.fetchval("SELECT name FROM tenants WHERE tenant_id = $1", TENANT)
        )

    async def form(self, page: str, action: str, *, has: Fields = (), **typed: str) -> Sending:
        """The form of a page, with what was typed into it."""
        return filled(self.ana, await self.ana.get(page), action, has=has, **typed)


def filled(browser: Browser, seen: Seen, action: str, *, has: Fields = (), **typed: str) -> Sending:
    """The first form of a page that is posted there and holds this, with what was typed."""
    found = [
        fields
        for to, fields in seen.forms
        if to == action and set(has) <= set(fields) and "csrf" in dict(fields)
    ]
    assert found, (seen.url, seen.status, action, has)
    kept = [(name, value) for name, value in found[0] if name not in typed]
    back = seen.url.partition("?")[0]
    return Sending(browser=browser, path=action, fields=[*kept, *typed.items()], back=back)


@asynccontextmanager
async def acting_company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, *, lived: bool = True
) -> AsyncIterator[Acting]:
    """The company; without `lived` it is connected and has no sale yet."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(a_desk(pool, sandbox))
        bills = await live(desk) if lived else {}
        panel = await stack.enter_async_context(panel_beside(pool, sandbox, database, redis_url))
        ana = await stack.enter_async_context(panel.person(TENANT))
        ours = await stack.enter_async_context(panel.person(TENANT, "operator", "Otto"))
        yield Acting(panel=panel, desk=desk, bills=bills, ana=ana, ours=ours, stack=stack)


async def invitation(of: Acting, number: int) -> Sending:
    browser = await of.stack.enter_async_context(of.panel.browser())
    page = await browser.get(await of.panel.invitation(TENANT, "finance"))
    return filled(
        browser,
        page,
        "/convite",
        nome="Bia Lima",
        email=f"bia{number}@exemplo.com",
        senha_nova=PASSWORD,
    )


async def reset(of: Acting, number: int) -> Sending:
    asked = await of.form(
        f"{BASE}/configuracoes/pessoas",
        f"{BASE}/configuracoes/pessoas/mudar",
        has=[("nome", "Bia Lima")],
        fazer="senha",
    )
    page = await of.ana.post(asked.path, asked.fields)
    link = re.findall(r'value="[^"]*(/senha/[^"]+)"', page.html)[0]
    browser = await of.stack.enter_async_context(of.panel.browser())
    return filled(browser, await browser.get(link), "/senha", senha_nova=f"frase bem nova {number}")


async def account(of: Acting, number: int) -> Sending:
    old, of.password = of.password, f"outra frase nova {number}"
    return await of.form("/conta", "/conta", senha=old, senha_nova=of.password)


async def totp(of: Acting, _number: int) -> Sending:
    page = await of.ana.get("/conta")
    if ("fazer", "desligar") in page.form("/conta/codigo"):
        off = filled(of.ana, page, "/conta/codigo", senha=of.password)
        page = await of.ana.post(off.path, off.fields)
    secret = dict(page.form("/conta/codigo"))["segredo"]
    code = pyotp.TOTP(secret).now()
    return filled(of.ana, page, "/conta/codigo", senha=of.password, codigo=code)


async def attention(of: Acting, _number: int) -> Sending:
    path = f"{BASE}/pendencias"
    return await of.form(path, path, motivo="endereço completo")


async def saved_filters(of: Acting, number: int) -> Sending:
    return await of.form(
        f"{BASE}/vendas?status=issued", f"{BASE}/vendas/filtros", nome_filtro=f"Lista {number}"
    )


async def sales_actions(of: Acting, _number: int) -> Sending:
    page = await of.ana.get(f"{BASE}/vendas")
    ticked = filled(of.ana, page, f"{BASE}/vendas/acoes", acao="retry")
    tick = [("venda", str(of.bills["held"])), ("venda", str(of.bills["held_too"]))]
    confirm = await of.ana.post(ticked.path, [*ticked.fields, *tick])
    return filled(of.ana, confirm, f"{BASE}/vendas/acoes", motivo="conferidas")


async def sales_job(of: Acting, number: int) -> Sending:
    asked = await sales_actions(of, number)
    page = await of.ana.post(asked.path, asked.fields)
    return filled(of.ana, page, page.url.partition("?")[0])


async def sale(of: Acting, number: int) -> Sending:
    bill = of.bills["held_too" if number else "held"]
    path = f"{BASE}/vendas/{bill}"
    return await of.form(path, path, has=[("acao", "hold")], motivo="espera o contrato")


async def sale_stated(of: Acting, number: int) -> Sending:
    bill = (await of.bills_in("issued"))[0]
    for table in ("sales", "notas"):
        await of.panel.pool.execute(
            f"UPDATE {table} SET status = 'uncertain' WHERE bill_id = $1",  # noqa: S608 - two words
            bill,
        )
    page = f"{BASE}/vendas/{bill}"
    return await of.form(
        page,
        f"{page}/prefeitura",
        existe="sim",
        numero=f"77{number}",
        motivo="está no portal",
    )


async def rule(of: Acting, number: int) -> Sending:
    path = f"{BASE}/regra"
    return await of.form(path, path, has=[("lugar", "0")], mudar="dias", x_dias=str(20 + number))


async def rule_put(of: Acting, number: int) -> Sending:
    asked = await rule(of, number)
    page = await of.ana.post(asked.path, asked.fields)
    return filled(of.ana, page, f"{BASE}/regra/vigor")


async def activation(of: Acting, number: int) -> Sending:
    path = f"{BASE}/ativacao"
    if number:
        again = await of.form(path, path, has=[("fazer", "ativar")])
        await of.ana.post(again.path, again.fields)
    return await of.form(path, path, has=[("fazer", "pausar")])


async def activation_vindi(of: Acting, _number: int) -> Sending:
    path = f"{BASE}/ativacao/vindi"
    key = of.desk.account.keys[0].key
    return await of.form(path, path, api_key=key, ambiente="production")


async def activation_issuer(of: Acting, _number: int) -> Sending:
    path = f"{BASE}/ativacao/emissor"
    company = of.desk.company
    return await of.form(path, path, api_key=company.key, empresa=company.id, ambiente="Producao")


async def addresses(of: Acting, number: int) -> Sending:
    path = f"{BASE}/ativacao/avisos"
    side = "emissor" if number else "vindi"
    return await of.form(path, path, has=[("lado", side)])


async def hooks(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/avisos"
    if not number:
        await of.ana.send(await of.ana.get(path), path, endereco="https://a.exemplo.com/x")
    return await of.form(path, path, endereco=f"https://b.exemplo.com/{number}")


async def hooks_change(of: Acting, _number: int) -> Sending:
    path = f"{BASE}/configuracoes/avisos"
    return await of.form(path, f"{path}/mudar", fazer="testar")


async def sample_ask(of: Acting, _number: int) -> Sending:
    return await of.form(f"{BASE}/ativacao/exemplo", f"{BASE}/ativacao/teste")


async def shadow(of: Acting, _number: int) -> Sending:
    await of.panel.pool.execute(
        "UPDATE tenants SET status = 'setting_up', active_from = NULL, shadow_from = NULL"
        " WHERE tenant_id = $1",
        TENANT,
    )
    path = f"{BASE}/ativacao/sombra"
    return await of.form(path, path)


async def settings(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes"
    return await of.form(path, path, nome=f"Escola {number}")


async def people(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/pessoas"
    return await of.form(path, path, email=f"nova{number}@exemplo.com", papel="finance")


async def people_change(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/pessoas"
    role = "finance" if number else "accountant"
    has = [("nome", "Bia Lima"), ("fazer", "papel")]
    return await of.form(path, f"{path}/mudar", has=has, papel=role)


async def closing(of: Acting, number: int) -> Sending:
    path = f"{BASE}/fechamento"
    page = f"{path}?mes={LOCKED[number]}"
    return await of.form(page, path, motivo="conferido", assim_mesmo="sim")


async def closing_check(of: Acting, number: int) -> Sending:
    path = f"{BASE}/fechamento"
    return await of.form(f"{path}?mes={MONTHS[number]}", f"{path}/conferir")


async def closing_accepted(of: Acting, number: int) -> Sending:
    await foreign_nota(of, f"de-fora-{number}")
    path, month = f"{BASE}/fechamento/diferencas", f"{last_month():%Y-%m}"
    return await of.form(
        f"{path}?mes={month}",
        f"{path}/aceitas",
        has=[("mes", month)],
        nota=f"de-fora-{number}",
        fazer="aceitar",
        motivo="emitida no portal",
    )


def last_month() -> date:
    """The last day of the month before this one, where the tenants live.

    By UTC's calendar a month is over three hours sooner, and cannot be locked yet.
    """
    return datetime.now(VINDI_ZONE).date().replace(day=1) - timedelta(days=1)


async def foreign_nota(of: Acting, word: str) -> None:
    """A nota that another system made last month, as the issuer's list has it."""
    day = last_month().replace(day=10)
    await of.panel.pool.execute(
        "INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, valid,"
        " raw_status, amount, competencia, number, created_on, read_at)"
        " VALUES ($1, $2, $3, $3, true, 'Autorizada', 3300, $4, '55', $4, now())",
        TENANT,
        of.desk.company.id.lower(),
        word,
        day,
    )


async def closing_files(of: Acting, number: int) -> Sending:
    page = await of.ana.get(f"{BASE}/fechamento")
    token = dict(page.form("/sair"))["csrf"]
    fields = [("csrf", token), ("mes", MONTHS[number]), ("tipo", "xlsx")]
    path = f"{BASE}/fechamento/arquivos"
    return Sending(browser=of.ana, path=path, fields=fields, back=f"{BASE}/fechamento")


async def past(of: Acting, _number: int) -> Sending:
    await of.panel.pool.execute("UPDATE backfills SET status = 'cancelled', finished_at = now()")
    path = f"{BASE}/passadas"
    return await of.form(path, path, desde="2026-03-01", ate="2026-03-31", motivo="prévia")


async def past_run(of: Acting, number: int) -> Sending:
    asked = await past(of, number)
    page = await of.ana.post(asked.path, asked.fields)
    return filled(of.ana, page, page.url.partition("?")[0])


async def limits(of: Acting, number: int) -> Sending:
    path = f"{BASE}/limites"
    if not number:
        await of.ana.send(await of.ana.get(path), path, notas="5")
    return await of.form(path, path, notas=str(50 + number))


async def limits_release(of: Acting, _number: int) -> Sending:
    await of.panel.pool.execute(
        "UPDATE tenant_brakes SET code = 'brake_daily_count', braked_at = now()"
        " WHERE tenant_id = $1",
        TENANT,
    )
    path = f"{BASE}/limites"
    return await of.form(path, f"{path}/liberar", motivo="conferido")


async def rps(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/rps"
    if not number:
        first = {"serie": "NF", "proximo": "5", "motivo": "começo"}
        await of.ana.send(await of.ana.get(path), path, **first)
    return await of.form(path, path, serie="NF", proximo=str(50 + number), motivo="continua")


async def tokens(of: Acting, number: int) -> Sending:
    async with of.panel.pool.acquire() as conn:
        await make_token(conn, f"robo-{number}", "read", days=30, by="tests")
    page = await of.ours.get("/suporte/acessos")
    return filled(of.ours, page, "/suporte/acessos", nome=f"robo-{number}")


async def privacy_erase(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/privacidade"
    who, ticket, why = str(900 + number), f"T-{number}", "pedido do titular"
    page, to = await of.ana.get(path), f"{path}/eliminar"
    sure = await of.ana.send(page, to, cliente=who, protocolo=ticket, motivo=why)
    return filled(of.ana, sure, to, cliente=who, conferido=who, protocolo=ticket, motivo=why)


async def leaving(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/encerrar"
    if number:
        await of.ana.send(await of.ana.get(path), f"{path}/ficar")
    else:
        await left_before(of)
    why = "mudou de sistema"
    return await of.form(path, path, nome=await of.name(), motivo=why, confirmo="1")


async def leaving_stay(of: Acting, number: int) -> Sending:
    path = f"{BASE}/configuracoes/encerrar"
    if number:
        said = {"motivo": "mudou de sistema", "confirmo": "1"}
        await of.ana.send(await of.ana.get(path), path, nome=await of.name(), **said)
    return await of.form(path, f"{path}/ficar")


async def left_before(of: Acting) -> None:
    """Somebody asked to leave and took it back: what is connected is forgotten already."""
    path = f"{BASE}/configuracoes/encerrar"
    said = {"motivo": "mudou de sistema", "confirmo": "1"}
    await of.ana.send(await of.ana.get(path), path, nome=await of.name(), **said)
    await of.ana.send(await of.ana.get(path), f"{path}/ficar")


CASES: dict[str, Callable[[Acting, int], Awaitable[Sending]]] = {
    "invitation": invitation,
    "reset": reset,
    "attention": attention,
    "saved_filters": saved_filters,
    "sales_actions": sales_actions,
    "sales_job": sales_job,
    "sale": sale,
    "sale_stated": sale_stated,
    "rule": rule,
    "rule_put": rule_put,
    "hooks": hooks,
    "hooks_change": hooks_change,
    "sample_ask": sample_ask,
    "settings": settings,
    "people": people,
    "people_change": people_change,
    "closing": closing,
    "closing_check": closing_check,
    "closing_accepted": closing_accepted,
    "closing_files": closing_files,
    "past": past,
    "past_run": past_run,
    "limits": limits,
    "limits_release": limits_release,
    "rps": rps,
    "tokens": tokens,
    "activation_webhook": addresses,
    "activation_vindi": activation_vindi,
    "activation_issuer": activation_issuer,
    "activation": activation,
    "shadow": shadow,
    "totp": totp,
    "account": account,
    "privacy_erase": privacy_erase,
    # Last, since nothing is connected after it.
    "leaving": leaving,
    "leaving_stay": leaving_stay,
}
