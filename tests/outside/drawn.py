"""What a random world is like: its accounts, companies, rules and weather, drawn under a seed."""

import random
from datetime import timedelta
from typing import Any

from tests.outside import changes, issuer_panel, past, people
from tests.outside.enotas import records as issuer
from tests.outside.product import COURSE, a_rule
from tests.outside.random_world import Campaign, denies
from tests.outside.town import Shop, Town
from tests.outside.vindi import records
from tests.outside.wire import AFTER, BEFORE, HEAVY, MANGLED, Weather

REPEATED = ("refused", "same", "conflict", "second")


async def drawn(town: Town, seed: int, *, shops: int = 3) -> Campaign:
    """Draw the readings of so many shops, open them, and draw the weather."""
    chance = random.Random(seed)
    run = Campaign(town=town, chance=chance)
    for number in range(seed * 10, seed * 10 + shops):
        await _open(run, number)
    for hooks in town.enotas.hooks.values():
        hooks.lost, hooks.doubled, hooks.late = chance.choice((0.0, 0.5)), 0.2, 0.5
        hooks.contradicts = chance.random() < 0.2
        hooks.content_type = chance.choice(("application/json", "text/plain", None))
    kinds = BEFORE + AFTER + (HEAVY + MANGLED if chance.random() < 0.5 else ())
    town.vindi.weather = Weather(seed, chance.choice((0.0, 0.05, 0.15)), kinds)
    town.enotas.weather = Weather(seed + 1, chance.choice((0.0, 0.05, 0.15)), kinds)
    town.enotas.city = chance.choice(("whole", "whole", "unsupported", "broken", "little"))
    run.say(f"{town.vindi.weather.chance} {town.enotas.weather.chance} {town.enotas.hooks}")
    run.changes = changes.ALL if chance.random() < 0.6 else ()
    _draw_people(run, seed)
    return run


def _draw_people(run: Campaign, seed: int) -> None:
    """Who meddles: in the issuer's panel, in ours, with the rule, and whether there is a past."""
    run.whims = random.Random(f"people {seed}")
    kinds = (issuer_panel.ALL, people.ALL, changes.OF_RULES, past.ALL)
    drawn = [each for each in kinds if run.whims.random() < 0.6]
    run.more = tuple(one for each in drawn for one in each)
    run.say(f"besides: {[one.__name__ for one in run.more]}")
    if past.ALL in drawn:
        for shop in run.town.shops:
            past.give_a_past(run, shop)


async def _open(run: Campaign, seed: int) -> None:
    chance, town = run.chance, run.town
    account = town.vindi.open_account(seed)
    account.readings = vindi_readings(chance)
    neighbour = town.shops[-1] if town.shops and chance.random() < 0.3 else None
    rule = a_random_rule(chance)
    if neighbour is None:
        key = f"Y2hhdmUtZGUtZm9yYS0{seed:06d}"
        company = town.enotas.open_company(key, seed=seed)
        company.readings = issuer_readings(chance)
        confirm: tuple[str, ...] = ()
    else:
        key, company = neighbour.issuer_key, neighbour.company
        confirm = ("issuer_company_elsewhere", "issuer_key_elsewhere")
    run.say(f"{seed}: {account.readings}")
    run.say(f"{seed}: {company.id} {company.readings}")
    run.say(f"{seed}: {rule}")
    shop = await town.open_shop(
        seed=seed, account=account, company=company, key=key, rule=rule, confirm=confirm
    )
    shop.judge.rule = rule
    _draw_buyers(chance, shop, neighbour)
    shop.hookshot.lost = chance.choice((0.0, 0.2, 0.5))
    shop.hookshot.doubled = 0.2
    shop.hookshot.late = 0.1
    shop.hookshot.shuffled = True


def _draw_buyers(chance: random.Random, shop: Shop, neighbour: Shop | None) -> None:
    if neighbour is not None:
        shop.judge.rejected = neighbour.judge.rejected
    rejected = shop.account.add_customer(registry_code="12345678909")
    shop.judge.rejected.add(rejected["registry_code"])
    shop.company.fate = denies(shop.judge.rejected, chance)


def a_random_rule(chance: random.Random) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if chance.random() < 0.4:
        changes = {"issue_when": "guarantee_ended", "guarantee_days": chance.choice((1, 3, 7))}
    if chance.random() < 0.5:
        changes["services_by_product_code"] = {"CURSO": COURSE}
    return a_rule(**changes)


def vindi_readings(chance: random.Random) -> records.Readings:
    fields = ("charge_id", "transaction_type", "updated_at", "created_at", "customer_id", "id")
    return records.Readings(
        zone=chance.choice(("brasilia", "utc")),
        page_most=chance.choice((25, 50, 100, None)),
        or_ids=chance.choice(("honoured", "honoured", "ignored", "refused")),
        unknown_filter=chance.choice(("refused", "ignored")),
        ignored=chance.choice(((), (), *((each,) for each in fields))),
        refuses=chance.choice(((), (), (), *((each,) for each in fields))),
        sorts=chance.random() < 0.8,
        totals=chance.random() < 0.8,
        missing=chance.choice(("wrapped", "bare", "empty", "html")),
        full_refund=chance.choice(("canceled", "paid")),
        refunded_bill=chance.choice(("paid", "pending", "canceled")),
        cancels_with_refund=chance.random() < 0.7,
        chargeback=chance.choice(("refund", "canceled")),
        reissued=chance.choice(("canceled", "pending")),
        registers=chance.choice(("", "charge", "register")),
        last=chance.choice(("newest", "newest", "paying", "null")),
        numbers=chance.random() < 0.3,
        ids=chance.choice(("number", "number", "text", "float")),
        metadata=chance.choice(("{}", "[]")),
        blank=chance.choice(("null", "")),
        event_data=chance.choice(("full", "full", "small", "old", "none")),
        rate_headers=chance.random() < 0.8,
        merchant=chance.choice(("active", "trial", "little")),
    )


def issuer_readings(chance: random.Random) -> issuer.Readings:
    forgets = chance.choice((0.0, 0.0, 2.0, 12.0))
    silent = chance.choice(((), (), ("Negada", "CancelamentoNegado"), ("Autorizada",)))
    return issuer.Readings(
        # One that forgets for longer than it is looked for would make a second nota of a repeat.
        repeated=chance.choice(("refused", "same", "conflict") if forgets > 5 else REPEATED),
        absent=chance.choice(("empty", "array", "object")),
        forgets=forgets,
        nulls=chance.choice(("null", "absent")),
        stamps=chance.choice(("seconds", "fraction", "none", "minimum")),
        statuses=chance.choice(("as written", "as written", "lower", "upper")),
        webhook_ids=chance.choice(("upper", "lower")),
        webhook_blank=chance.choice(("null", "absent")),
        list_most=chance.choice((20, 50, 100)),
        list_filter=chance.random() < 0.8,
        list_rows=chance.choice(("whole", "whole", "short")),
        list_total=chance.choice(("rows", "rows", "text", "page")),
        list_sort=chance.choice(("any", "never")),
        cancel_takes=chance.choice(("states", "states", "refused by city", "not supported")),
        cancel_in_other_states=chance.choice(("400", "200")),
        xml=chance.choice(("json", "raw")),
        accepted=chance.choice(("usual", "usual", "201", "capitals", "text", "empty")),
        resent=chance.choice(("same id", "same id", "new id")),
        between=chance.choice(("", "", "EmAnalise")),
        silent=silent,
        ids=chance.choice(("told", "told", "absent")),
        money=chance.choice(("number", "text")),
        skew=timedelta(hours=chance.choice((0, 0, 24, -24, 3, -3))),
        early_file=chance.choice(("404", "400", "login", "json")),
        lacking=chance.choice(("list", "errors", "object", "text", "nothing", "204")),
        company=chance.choice(("whole", "little", "odd", "no address")),
    )
