"""What somebody does in the issuer's own panel, or the city by itself, and how it is told of."""

from datetime import UTC, datetime

from tests.outside.enotas import records as issuer
from tests.outside.enotas.records import Company, Nota, webhook
from tests.outside.enotas.server import Hooks
from tests.outside.oracle import EXTERNAL_ID
from tests.outside.random_world import Campaign, Change
from tests.outside.town import Shop
from tests.outside.wire import Dress


async def cancelled_there(run: Campaign, shop: Shop) -> str:
    """A valid nota of a sale that has one alone is cancelled, by nobody of ours."""
    found = [each for each in _alone(run, shop) if each[1].status == "Autorizada"]
    if not found:
        return f"{shop.tenant.id}: nothing to cancel there"
    company, nota, bill = run.whims.choice(found)
    nota.become("Cancelada")
    nota.cancelled_at = datetime.now(UTC)
    shop.judge.gone.add(bill)
    _tell(run, shop, company, nota)
    return f"{bill} cancelled in the issuer's panel"


async def approved_there(run: Campaign, shop: Shop) -> str:
    """A denied one is sent again there, and the city takes it this time."""
    found = [each for each in _alone(run, shop) if each[1].status == "Negada"]
    if not found:
        return f"{shop.tenant.id}: nothing was denied"
    company, nota, bill = run.whims.choice(found)
    shop.judge.passed.add(bill)
    nota.reason = None
    for status in issuer.ISSUING:
        nota.become(status)
    run.town.enotas.authorise(company, nota)
    nota.become("Autorizada")
    _tell(run, shop, company, nota)
    return f"{bill} authorised in the issuer's panel"


def _tell(run: Campaign, shop: Shop, company: Company, nota: Nota) -> None:
    """Now, as far as that arrives; and in the end, in place of the night's list."""
    run.town.enotas.start(run.town.enotas.tell(shop.issuer_key, company, nota))
    hooks = run.town.enotas.hooks[shop.issuer_key]

    async def once_more() -> str:
        status = await run.town.enotas.deliver(hooks, Dress().text(webhook(company, nota)))
        return f"{nota.external_id} told of: {status}"

    run.at_last(once_more)


async def told_of_before(run: Campaign, shop: Shop) -> str:
    """A webhook that comes long after what it tells of, or twice."""
    found = [
        (company, nota)
        for company in (shop.company, *shop.judge.companies)
        for nota in company.notas
        if nota.history
    ]
    hooks = run.town.enotas.hooks.get(shop.issuer_key)
    if not found or hooks is None:
        return f"{shop.tenant.id}: nothing to tell of"
    company, nota = run.whims.choice(found)
    status = run.whims.choice((*nota.history, "Negada", "Cancelada"))
    body = webhook(company, nota) | {"nfeStatus": status}
    run.town.enotas.start(_late(run, hooks, Dress().text(body)))
    return f"{nota.external_id} told of as {status}"


async def _late(run: Campaign, hooks: Hooks, body: bytes) -> None:
    await run.town.enotas.deliver(hooks, body)


def _alone(run: Campaign, shop: Shop) -> list[tuple[Company, Nota, int]]:
    """Real notas of sales of ours that have this one, and want no other.

    None where its account tells another tenant: the night's list alone would show what became.
    """
    if run.town.enotas.hooks[shop.issuer_key].url != shop.tenant.issuer_webhook:
        return []
    found = []
    for company in (shop.company, *shop.judge.companies):
        for nota in company.notas:
            match = EXTERNAL_ID.match(nota.external_id)
            bill = shop.account.bills.get(int(match["bill"])) if match else None
            if bill is None or nota.environment != "Producao":
                continue
            divided = "x" in nota.external_id.split("-")[2]
            if not divided and not shop.judge.is_spoken_for(bill["id"]):
                found.append((company, nota, bill["id"]))
    return found


ALL: tuple[Change, ...] = (cancelled_there, approved_there, told_of_before)
