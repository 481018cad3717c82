"""Each sentence that the papers mark `(unconfirmed)`, by every reading of it, alone.

One reading, one shop, the same little month: what it was is told where it ends wrongly.
"""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, ago
from tests.outside.vindi import moves

VINDI: dict[str, tuple[Any, ...]] = {
    "zone": ("utc",),
    "page_most": (25, None),
    "or_ids": ("ignored", "refused"),
    "unknown_filter": ("ignored",),
    "ignored": (
        ("id",),
        ("charge_id",),
        ("transaction_type",),
        ("updated_at",),
        ("created_at",),
        ("customer_id",),
    ),
    "refuses": (
        ("id",),
        ("charge_id",),
        ("transaction_type",),
        ("updated_at",),
        ("created_at",),
        ("customer_id",),
    ),
    "sorts": (False,),
    "totals": (False,),
    "total_says": ("more", "page"),
    "missing": ("bare", "html", "empty"),
    "full_refund": ("paid",),
    "refunded_bill": ("pending", "canceled"),
    "cancels_with_refund": (False,),
    "chargeback": ("canceled",),
    "reissued": ("pending",),
    "registers": ("charge", "register"),
    "last": ("null", "paying"),
    "numbers": (True,),
    "ids": ("text", "float"),
    "metadata": ("[]",),
    "blank": ("",),
    "milliseconds": (False,),
    "event_data": ("small", "old", "none"),
    "rate_headers": (False,),
    "merchant": ("trial", "little"),
    "cookies": (True,),
}
ENOTAS: dict[str, tuple[Any, ...]] = {
    "repeated": ("same", "conflict", "second"),
    "absent": ("array", "object"),
    "nulls": ("absent",),
    "stamps": ("fraction", "none", "minimum"),
    "statuses": ("lower", "upper"),
    "webhook_ids": ("lower",),
    "webhook_blank": ("absent",),
    "list_most": (20,),
    "list_filter": (False,),
    "list_filter_refused": (True,),
    "list_rows": ("short",),
    "list_sort": ("data_criacao", "datacriacao", "never"),
    "list_total": ("absent", "page", "text"),
    "cancel_takes": ("refused by city", "not supported"),
    "cancel_in_other_states": ("200",),
    "xml": ("raw",),
    "accepted": ("201", "capitals", "text", "empty"),
    "resent": ("new id",),
    "between": ("EmAnalise",),
    "silent": (("CancelamentoNegado", "Negada"), ("Autorizada", "Cancelada")),
    "ids": ("absent",),
    "money": ("text",),
    "skew": (timedelta(days=1), timedelta(days=-1)),
    "early_file": ("400", "login", "json"),
    "lacking": ("errors", "object", "text", "nothing", "null", "204", "404"),
    "company": ("little", "odd", "no address"),
}


def each_reading() -> Iterator[tuple[str, str, Any]]:
    for side, readings in (("vindi", VINDI), ("enotas", ENOTAS)):
        for name, values in readings.items():
            for value in values:
                yield side, name, value


async def each_reading_alone(town: Town, shop: Shop) -> None:
    """Every one at once, each in a shop of its own; `NOTAPONTE_READING=list_` some of them."""
    wrong: list[str] = []
    gate = asyncio.Semaphore(12)

    async def one(number: int, side: str, name: str, value: Any) -> None:
        async with gate:
            try:
                await _under(town, 2000 + number + shop.account.seed, side, name, value)
            except Exception as problem:  # noqa: BLE001  # all are played, then all is told
                wrong.append(f"{side} {name}={value!r}: {problem!r}"[:1500])

    only = os.environ.get("NOTAPONTE_READING", "")
    chosen = [(number, *each) for number, each in enumerate(each_reading()) if only in each[1]]
    await asyncio.gather(*(one(*each) for each in chosen))
    assert not wrong, "\n".join(wrong)


async def _under(town: Town, seed: int, side: str, name: str, value: Any) -> None:
    account = town.vindi.open_account(seed)
    key = f"Y2hhdmUtZGUtbGVpdHVyYS0{seed:06d}"
    company = town.enotas.open_company(key, seed=seed)
    setattr(account.readings if side == "vindi" else company.readings, name, value)
    shop = await town.open_shop(seed=seed, account=account, company=company, key=key)
    await _a_little_month(shop)
    try:
        await shop.settled(within=100)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{[n.history for n in company.notas]}") from None
    if _can_balance(name):
        await shop.balanced()


def _can_balance(name: str) -> bool:
    """Whether both sides can be counted, and told apart, at all under this reading."""
    return name not in {"total_says", "ids"}


async def _a_little_month(shop: Shop) -> None:
    account, company = shop.account, shop.company
    whole, part, back, ended = (shop.sold(f"{one}0.00") for one in (1, 2, 3, 4))
    shop.sell("50.00")
    slip = shop.sell("60.00", method="online_bank_slip", at=ago(hours=1))
    moves.pay(account, slip)
    again = shop.sell("70.00")
    moves.reissue(account, again)
    moves.pay(account, again, charge=again["charges"][-1])
    shop.judge.rejected.add("12345678909")
    company.fate = lambda nota: (
        "CPF inválido" if nota.body["cliente"].get("cpfCnpj") == "12345678909" else ""
    )
    shop.sold("80.00", customer=account.add_customer(registry_code="12345678909"))
    early = shop.sold("90.00")
    moves.refund(account, early)
    await shop.tell()
    for bill in (whole, part, back, ended):
        await shop.tenant.issued(bill["id"], within=60)
    moves.refund(account, whole)
    moves.refund(account, part, Decimal("5.00"))
    moves.charge_back(account, back)
    moves.refund(account, ended, cancel_bill=True)
    await shop.tell()
    slip["bill_items"][0]["description"] = "Vista depois"
    slip["updated_at"] = datetime.now(UTC)


SCENES: tuple[Scene, ...] = (each_reading_alone,)
