"""What people change at a tenant in the middle of everything: keys, companies, environments."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.outside.product import COURSE, Refused
from tests.outside.random_world import Campaign, Change
from tests.outside.town import Shop

PATIENCE = 40  # tries, while the weather is bad
# What a neighbour has too; whoever shares it means to.
ELSEWHERE = ("issuer_company_elsewhere", "issuer_key_elsewhere", "vindi_account_elsewhere")


async def another_company(run: Campaign, shop: Shop) -> str:
    """The tenant goes on at another company of the same key."""
    before = shop.company
    if _may_hide_a_nota(run, shop):
        return f"{shop.tenant.id}: stays at {before.id}, which hides what it has taken"
    made = run.town.enotas.open_company(shop.issuer_key, seed=run.chance.randrange(10**6, 10**9))
    made.readings, made.fate = before.readings, before.fate
    await _connected(shop, company_id=made.id)
    shop.company = shop.judge.company = made
    shop.judge.companies.append(before)
    return f"{shop.tenant.id}: another company {made.id}"


async def to_tests_and_back(run: Campaign, shop: Shop) -> str:
    """Tests for a while; what was issued as a test is owed again afterwards."""
    if shop.testing:
        return f"{shop.tenant.id}: in tests already"
    if _may_hide_a_nota(run, shop):
        return f"{shop.tenant.id}: no tests at {shop.company.id}, which hides what it has taken"
    await _connected(shop, environment="Homologacao")
    shop.testing = shop.judge.tested = True

    async def back() -> str:
        await _connected(shop, environment="Producao", test_sales="issue")
        shop.testing = False
        return f"{shop.tenant.id}: real again"

    run.undo(back)
    return f"{shop.tenant.id}: tests"


def _may_hide_a_nota(run: Campaign, shop: Shop) -> bool:
    """Whether what was taken is neither shown while it is looked for nor told of.

    Whoever leaves such an issuer is owed another nota elsewhere, and cannot know better.
    """
    hooks, readings = run.town.enotas.hooks[shop.issuer_key], shop.company.readings
    untold = hooks.lost or "Autorizada" in readings.silent
    return readings.forgets > 5 and bool(untold)


async def another_key(run: Campaign, shop: Shop) -> str:
    """The key to Vindi is replaced; the old one ends a moment later."""
    vindi, account = run.town.vindi, shop.account
    old, account.key = account.key, f"{account.key.partition('+')[0]}+{run.chance.random()}"
    vindi.accounts[account.key] = account
    body = {
        "api_key": account.key,
        "environment": "production",
        "confirm": list(ELSEWHERE),
    }
    await _patiently(lambda: shop.tenant.call("PUT", "/vindi", body))
    vindi.accounts.pop(old, None)
    return f"{shop.tenant.id}: another key"


async def paused(run: Campaign, shop: Shop) -> str:
    await shop.tenant.call("POST", "/pause", {"reason": "auditoria"})

    async def on_again() -> str:
        body = {"confirm": list(ELSEWHERE)}
        await _patiently(lambda: shop.tenant.call("POST", "/activate", body))
        return f"{shop.tenant.id}: on again"

    run.undo(on_again)
    return f"{shop.tenant.id}: paused"


async def held_for_a_while(run: Campaign, shop: Shop) -> str:
    """A person holds a sale, and lets it go on later."""
    number = run.chance.choice(list(shop.account.bills) or [1])
    if not await _acted(shop, number, "hold"):
        return f"{number} could not be held"

    async def let_go() -> str:
        return f"{number} let go: {await _acted(shop, number, 'release')}"

    run.undo(let_go)
    return f"{number} held"


async def the_rule_again(run: Campaign, shop: Shop) -> str:
    """The same rule as a new version: everything unsent is decided again."""
    await shop.tenant.call("PUT", "/rule", shop.judge.rule)
    return f"{shop.tenant.id}: the rule again"


async def another_rule(run: Campaign, shop: Shop) -> str:
    """Other days, or other services: what is issued stays, what is not is decided again."""
    judge = shop.judge
    rule = dict(judge.rule)
    if run.whims.random() < 0.5:
        rule["issue_when"] = "bill_paid"
        if judge.rule["issue_when"] == "bill_paid":
            rule |= {"issue_when": "guarantee_ended", "guarantee_days": run.whims.choice((1, 4))}
    elif not rule.pop("services_by_product_code", None):
        rule["services_by_product_code"] = {"CURSO": COURSE}
    await shop.tenant.call("PUT", "/rule", rule)
    judge.rules.append((judge.rule, set(shop.account.bills)))
    judge.rule = rule
    return f"{shop.tenant.id}: another rule {rule}"


async def no_notas_for_a_while(run: Campaign, shop: Shop) -> str:
    """By hand, or not at all; afterwards everything is owed as before."""
    when = run.whims.choice(("never", "manual"))
    await shop.tenant.call("PUT", "/rule", {**shop.judge.rule, "issue_when": when})

    async def again() -> str:
        await shop.tenant.call("PUT", "/rule", shop.judge.rule)
        return f"{shop.tenant.id}: the rule of before"

    run.undo(again)
    return f"{shop.tenant.id}: {when}"


async def _acted(shop: Shop, number: int, action: str) -> bool:
    try:
        await shop.tenant.call("POST", f"/sales/{number}/{action}", {"reason": "espere"})
    except Refused as refused:
        if refused.status not in {404, 409}:
            raise
        return False
    return True


async def _connected(shop: Shop, **changes: Any) -> None:
    body = {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": shop.company.id,
        "environment": "Homologacao" if shop.testing else "Producao",
        "confirm": list(ELSEWHERE),
        **changes,
    }
    await _patiently(lambda: shop.tenant.call("PUT", "/issuer", body))


async def _patiently(call: Callable[[], Awaitable[Any]]) -> None:
    """However bad the weather is: an outsider would try again too."""
    for left in reversed(range(PATIENCE)):
        try:
            await call()
        except Refused as refused:
            if not left or refused.code not in WEATHER:
                raise
        else:
            return


# What a connection is refused with while answers are lost or spoilt on the way.
WEATHER = frozenset(
    {
        "issuer_unreachable",
        "issuer_key_refused",
        "issuer_company_unknown",
        "vindi_unreachable",
        "vindi_key_refused",
        "vindi_key_too_narrow",
    }
)
OF_RULES: tuple[Change, ...] = (another_rule, no_notas_for_a_while)
ALL: tuple[Change, ...] = (
    another_company,
    to_tests_and_back,
    another_key,
    paused,
    held_for_a_while,
    held_for_a_while,
    the_rule_again,
)
