"""A random world under a seed: what the papers leave open is drawn, then sales happen to it."""

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.outside.enotas import records as issuer
from tests.outside.town import Shop, Town
from tests.outside.vindi import moves, records
from tests.outside.vindi.hookshot import as_text
from tests.outside.vindi.records import Record
from tests.outside.wire import AFTER, BEFORE, Dress, Weather

REPEATED = ("refused", "same", "conflict", "second")
NAMES = ("José da Silva", "Ana Conceição", "  PADARIA  DO ZÉ LTDA ", "Zoë Ñandú", "Ação & Cia <b>")


@dataclass(slots=True)
class Campaign:
    """What has been done, in words, so that a failure can be read."""

    town: Town
    chance: random.Random
    told: list[str] = field(default_factory=list)
    _later: list[Callable[[], None]] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.told.append(text)

    async def go_on(self, steps: int, *, kills: bool) -> None:
        """So many moves in random shops, each heard of or not."""
        for step in range(steps):
            shop = self.chance.choice(self.town.shops)
            name, move = self.chance.choice(MOVES)
            bill = move(self, shop)
            if bill is not None:
                self.say(f"{step} {name} {bill['id']}")
            if self.chance.random() < 0.7:
                await shop.tell()
            if self.chance.random() < 0.1:
                self.town.vindi.dress = a_dress(self.chance)
                self.town.enotas.dress = a_dress(self.chance)
            if kills and self.chance.random() < 0.04:
                await self.disturb(step)
            if self.chance.random() < 0.1 and self._later:
                self._later.pop(0)()
            await asyncio.sleep(self.chance.random() * 0.15)

    async def disturb(self, step: int) -> None:
        """One process is killed and started again, or stands still for a while."""
        process = self.chance.choice(list(self.town.product.processes.values()))
        if self.chance.random() < 0.5:
            self.say(f"{step} SIGKILL {process.name}")
            await process.end(signal.SIGKILL)
            await process.start()
            return
        seconds = self.chance.uniform(0.5, 4.0)
        self.say(f"{step} SIGSTOP {process.name} {seconds:.1f}")
        process.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        process.send(signal.SIGCONT)

    async def calm(self) -> None:
        """No more trouble on the way, and everything that waited for later is done."""
        while self._later:
            self._later.pop(0)()
        self.town.vindi.weather = Weather()
        self.town.enotas.weather = Weather()
        for hooks in self.town.enotas.hooks.values():
            hooks.lost = 0.0
        for shop in self.town.shops:
            shop.company.stuck = False
        await self.town.product.ready()

    def later(self, work: Callable[[], None]) -> None:
        self._later.append(work)


async def drawn(town: Town, seed: int, *, shops: int = 2) -> Campaign:
    """Draw the readings of so many shops, open them, and draw the weather."""
    chance = random.Random(seed)
    campaign = Campaign(town=town, chance=chance)
    for number in range(seed * 10, seed * 10 + shops):
        await _open(campaign, number)
    for hooks in town.enotas.hooks.values():
        hooks.lost, hooks.doubled, hooks.late = chance.choice((0.0, 0.5)), 0.2, 0.5
        hooks.contradicts = chance.random() < 0.2
        hooks.content_type = chance.choice(("application/json", "text/plain", None))
    kinds = BEFORE + AFTER
    town.vindi.weather = Weather(seed, chance.choice((0.0, 0.05, 0.15)), kinds)
    town.enotas.weather = Weather(seed + 1, chance.choice((0.0, 0.05, 0.15)), kinds)
    campaign.say(f"{town.vindi.weather.chance} {town.enotas.weather.chance} {town.enotas.hooks}")
    return campaign


async def _open(campaign: Campaign, seed: int) -> None:
    chance, town = campaign.chance, campaign.town
    account = town.vindi.open_account(seed)
    account.readings = vindi_readings(chance)
    key = f"Y2hhdmUtZGUtZm9yYS0{seed:06d}"
    company = town.enotas.open_company(key, seed=seed)
    company.readings = issuer_readings(chance)
    campaign.say(f"{account.readings}")
    campaign.say(f"{company.readings}")
    shop = await town.open_shop(seed=seed, account=account, company=company, key=key)
    rejected = account.add_customer(registry_code="12345678909")
    shop.judge.rejected.add(rejected["registry_code"])
    company.fate = _denies(shop.judge.rejected, chance)
    shop.hookshot.lost = chance.choice((0.0, 0.2, 0.5))
    shop.hookshot.doubled = 0.2
    shop.hookshot.late = 0.1
    shop.hookshot.shuffled = True


def vindi_readings(chance: random.Random) -> records.Readings:
    return records.Readings(
        zone=chance.choice(("brasilia", "utc")),
        page_most=chance.choice((25, 50, 100, None)),
        or_ids=chance.choice(("honoured", "honoured", "ignored", "refused")),
        unknown_filter=chance.choice(("refused", "ignored")),
        ignored=chance.choice(((), (), ("charge_id",), ("transaction_type",), ("updated_at",))),
        totals=chance.random() < 0.8,
        missing=chance.choice(("wrapped", "bare", "empty", "html")),
        full_refund=chance.choice(("canceled", "paid")),
        refunded_bill=chance.choice(("paid", "pending", "canceled")),
        chargeback=chance.choice(("refund", "canceled")),
        reissued=chance.choice(("canceled", "pending")),
        numbers=chance.random() < 0.3,
        metadata=chance.choice(("{}", "[]")),
        blank=chance.choice(("null", "")),
        event_data=chance.choice(("full", "full", "small", "none")),
        rate_headers=chance.random() < 0.8,
    )


def issuer_readings(chance: random.Random) -> issuer.Readings:
    forgets = chance.choice((0.0, 0.0, 2.0, 12.0))
    return issuer.Readings(
        # One that forgets for longer than it is looked for would make a second nota of a repeat.
        repeated=chance.choice(("refused", "same", "conflict") if forgets > 5 else REPEATED),
        absent=chance.choice(("empty", "array", "object")),
        forgets=forgets,
        nulls=chance.choice(("null", "absent")),
        stamps=chance.choice(("seconds", "fraction", "none")),
        statuses=chance.choice(("as written", "as written", "lower", "upper")),
        webhook_ids=chance.choice(("upper", "lower")),
        webhook_blank=chance.choice(("null", "absent")),
        list_most=chance.choice((20, 50, 100)),
        list_filter=chance.random() < 0.8,
        list_rows=chance.choice(("whole", "whole", "short")),
        cancel_takes=chance.choice(("states", "states", "refused by city", "not supported")),
        cancel_in_other_states=chance.choice(("400", "200")),
        xml=chance.choice(("json", "raw")),
    )


def a_dress(chance: random.Random) -> Dress:
    return Dress(
        order=chance.choice(("kept", "reversed", "shuffled")),
        extra=chance.random() < 0.5,
        nulls=chance.choice(("null", "null", "absent")),
        bom=chance.random() < 0.1,
        content_type=chance.choice(
            (
                "application/json; charset=UTF-8",
                "application/json",
                "application/json; charset=ISO-8859-1",
                "text/json; charset=utf-8",
            )
        ),
        packed=chance.choice(("", "gzip", "chunked")),
        chance=random.Random(chance.random()),
    )


def _denies(documents: set[str], chance: random.Random) -> issuer.Fate:
    text = chance.choice(
        (
            "CPF do tomador inválido.",
            '{"mensagemErro":"O CPF do tomador deve ser informado.","acaoCorrecao":null}',
        )
    )
    return lambda nota: text if nota.body["cliente"].get("cpfCnpj") in documents else ""


def _open_bill(run: Campaign, shop: Shop) -> Record | None:
    found = [each for each in shop.account.bills.values() if each["status"] == "pending"]
    payable = [each for each in found if any(c["status"] == "pending" for c in each["charges"])]
    return run.chance.choice(payable) if payable else None


def _paid_bill(run: Campaign, shop: Shop) -> Record | None:
    found = [
        each
        for each in shop.account.bills.values()
        if each["status"] == "paid"
        and each["charges"]
        and all(charge["status"] == "paid" for charge in each["charges"])
        and not shop.judge._given_back(each)
    ]
    return run.chance.choice(found) if found else None


def _amount(run: Campaign) -> str:
    return f"{run.chance.randrange(1, 100_000) / 100:.2f}"


def _buyer(run: Campaign, shop: Shop) -> dict[str, Any]:
    kind = run.chance.random()
    if kind < 0.6:
        return {}
    if kind < 0.7:
        return {"customer": shop.account.add_customer(registry_code=run.chance.choice((None, "")))}
    if kind < 0.8:
        address = dict.fromkeys(shop.customer["address"]) | {"country": "BR"}
        return {"customer": shop.account.add_customer(address=address)}
    if kind < 0.85:
        rejected = [
            each
            for each in shop.account.customers.values()
            if each["registry_code"] in shop.judge.rejected
        ]
        return {"customer": rejected[0]}
    name = run.chance.choice(NAMES)
    email = run.chance.choice((None, "", "nada@", "um@loja.example"))
    return {"customer": shop.account.add_customer(name=name, email=email)}


def open_one(run: Campaign, shop: Shop) -> Record:
    method = run.chance.choice(tuple(records.METHODS))
    return shop.sell(_amount(run), method=method, **_buyer(run, shop))


def paid_one(run: Campaign, shop: Shop) -> Record:
    bill = open_one(run, shop)
    moves.pay(shop.account, bill)
    return bill


def free_one(run: Campaign, shop: Shop) -> Record:
    lines: list[moves.Line] = [
        (shop.product, "50.00"),
        (shop.product, "-50.00", {"discount": {"id": 1}}),
    ]
    bill = moves.sell(shop.account, shop.customer, lines)
    bill["status"] = "paid"
    shop.account.news.append(("bill_paid", bill))
    return bill


def discounted(run: Campaign, shop: Shop) -> Record:
    lines: list[moves.Line] = [
        (shop.product, "100.00"),
        (shop.product, "-20.10", {"discount": {"id": 1}}),
    ]
    bill = moves.sell(shop.account, shop.customer, lines)
    moves.pay(shop.account, bill)
    return bill


def disagreeing(run: Campaign, shop: Shop) -> Record:
    lines: list[moves.Line] = [(shop.product, "100.00")]
    bill = moves.sell(shop.account, shop.customer, lines, amount=Decimal("90.00"))
    moves.pay(shop.account, bill)
    return bill


def paid_later(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None:
        for charge in [each for each in bill["charges"] if each["status"] == "pending"][-1:]:
            moves.pay(shop.account, bill, charge=charge)
    return bill


def in_two(run: Campaign, shop: Shop) -> Record:
    """Two charges, each half; the second is paid sooner or later."""
    bill = shop.sell("80.00")
    first = bill["charges"][0]
    first["amount"] = Decimal("30.00")
    second = moves.add_charge(shop.account, bill, method="pix", amount=Decimal("50.00"))
    moves.pay(shop.account, bill, charge=first)
    run.later(lambda: None if bill["status"] != "pending" else _pay_charge(shop, bill, second))
    return bill


def _pay_charge(shop: Shop, bill: Record, charge: Record) -> None:
    if charge["status"] == "pending":
        moves.pay(shop.account, bill, charge=charge)


def rejected(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop) if run.chance.random() < 0.5 else _paid_bill(run, shop)
    if bill is not None:
        moves.reject(shop.account, bill)
    return bill


def reissued(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None and all(each["status"] != "paid" for each in bill["charges"]):
        moves.reissue(shop.account, bill)
        return bill
    return None


def cancelled(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None:
        moves.cancel(shop.account, bill)
    return bill


def refunded(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None:
        ends = run.chance.random() < 0.5
        for number, charge in enumerate(bill["charges"]):
            last = number == len(bill["charges"]) - 1
            moves.refund(shop.account, bill, charge=charge, cancel_bill=ends and last)
    return bill


def refunded_in_part(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None and bill["charges"][0]["amount"] > 1:
        moves.refund(shop.account, bill, Decimal("0.50"), charge=bill["charges"][0])
        return bill
    return None


def refunded_by_parts(run: Campaign, shop: Shop) -> Record | None:
    """Two partial refunds that come to all of it."""
    bill = _paid_bill(run, shop)
    if bill is None or len(bill["charges"]) > 1 or bill["charges"][0]["amount"] < 2:
        return None
    whole = bill["charges"][0]["amount"]
    moves.refund(shop.account, bill, Decimal("1.00"))
    run.later(lambda: _refund_rest(shop, bill, whole - 1))
    return bill


def _refund_rest(shop: Shop, bill: Record, rest: Decimal) -> None:
    if shop.judge._given_back(bill) == Decimal("1.00"):
        moves.refund(shop.account, bill, rest)


def refund_refused(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None:
        status = run.chance.choice(("rejected", "failure", "canceled"))
        moves.refund(shop.account, bill, Decimal("1.00"), status=status)
    return bill


def charged_back(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None and len(bill["charges"]) == 1:
        moves.charge_back(shop.account, bill)
        return bill
    return None


def reviewed(run: Campaign, shop: Shop) -> Record:
    bill = shop.sell(status=run.chance.choice(("review", "scheduled")))
    if run.chance.random() < 0.5:
        run.later(lambda: moves.approve(shop.account, bill))
    return bill


def edited(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None and len(bill["charges"]) == 1:
        moves.edit(shop.account, bill, [(shop.product, _amount(run))])
        return bill
    return None


def verified_card(run: Campaign, shop: Shop) -> None:
    moves.add_transaction(shop.account, None, "verify", amount=Decimal("1.00"))
    moves.add_transaction(shop.account, None, "refund", amount=Decimal("1.00"))


def seen(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None:
        shop.account.news.append(("bill_seen", bill))
    return bill


def forged(run: Campaign, shop: Shop) -> None:
    """Somebody knows the address and makes things up."""
    number = run.chance.choice((0, -1, 2**70, "x", None, 999_999_999))
    body = {"event": {"type": "bill_paid", "data": {"bill": {"id": number, "status": "paid"}}}}
    task = asyncio.ensure_future(shop.hookshot.post(as_text(body)))
    run.town.enotas.tasks.add(task)  # kept until it is done
    task.add_done_callback(run.town.enotas.tasks.discard)


def behind_replica(run: Campaign, shop: Shop) -> Record:
    """The event is there before the replica has the bill."""
    bill = paid_one(run, shop)
    shop.account.hidden[bill["id"]] = asyncio.get_running_loop().time() + 1.5
    return bill


WEIGHTS: tuple[tuple[int, Callable[[Campaign, Shop], Record | None]], ...] = (
    (10, paid_one),
    (6, open_one),
    (6, paid_later),
    (1, free_one),
    (2, discounted),
    (1, disagreeing),
    (2, in_two),
    (2, rejected),
    (2, reissued),
    (2, cancelled),
    (3, refunded),
    (2, refunded_in_part),
    (1, refunded_by_parts),
    (1, refund_refused),
    (1, charged_back),
    (2, reviewed),
    (2, edited),
    (1, verified_card),
    (1, seen),
    (1, forged),
    (1, behind_replica),
)
MOVES = [(move.__name__, move) for weight, move in WEIGHTS for _ in range(weight)]
