"""Many tenants that issue and sell nothing, each with accounts of its own at both stand-ins.

They are in the middle of their turns: each account is read once in the next five minutes.
"""

from services.sandbox.run import Sandbox
from shared.config.env import Env
from shared.config.secret import Secret
from shared.config.settings import read_database
from shared.crypto.seal import Sealer
from shared.crypto.tokens import new_tenant_id
from shared.db.connection import Connection, open_pool
from shared.db.tenants import connections_store, rules_store, tenants_store
from shared.domain.rule import Rule
from shared.local.home import Home

CNPJ = "11222333000181"
RULE = Rule.model_validate({"issue_when": "bill_paid"})


TURNS = """
    INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark,
                                   nightly_day, weekly_day)
    SELECT tenant_id, now() + random() * interval '5 minutes', now(), now(), now(),
           current_date + 1, current_date + 1
      FROM tenants
        ON CONFLICT DO NOTHING
"""


async def provide_idle(sandbox: Sandbox, home: Home, count: int) -> None:
    """Put them into the database of an `up` that runs in this home."""
    sealer = Sealer.from_text(key.strip() for key in home.secret_keys().split(","))
    with Env(values=home.known()) as var:
        settings = read_database(var)
    async with open_pool(settings, application="test") as pool, pool.acquire() as conn:
        for _ in range(count):
            await _provide(conn, sealer, sandbox)
        await conn.execute(TURNS)


async def _provide(conn: Connection, sealer: Sealer, sandbox: Sandbox) -> None:
    account = sandbox.vindi.create_account()
    company = sandbox.enotas.create_company(key=sandbox.enotas.create_key().key, cnpj=CNPJ)
    tenant = new_tenant_id()
    async with conn.transaction():
        await tenants_store.add(
            conn, tenant, name="Empresa", plan="basic", timezone="America/Sao_Paulo"
        )
        await connections_store.put_vindi(
            conn,
            sealer,
            tenant,
            environment="sandbox",
            api_key=Secret.of(account.keys[0].key),
            merchant_name="Empresa",
            registry_code=None,
        )
        await connections_store.put_issuer(
            conn,
            sealer,
            tenant,
            kind="enotas",
            environment="Homologacao",
            api_key=Secret.of(company.key),
            company_id=company.id,
            company_name="Empresa",
            company_cnpj=CNPJ,
        )
        await rules_store.add(conn, tenant, RULE, by="test")
        await tenants_store.activate(conn, tenant)
