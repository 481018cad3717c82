"""A tenant's rule and its versions."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from services.reconciler.api.issuer_fields import CODE, refuse_untaken
from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    B,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Q,
    Strict,
)
from services.reconciler.api.kit.paging import Paging, read_number_cursor, write_cursor
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.refusals import refusing
from services.reconciler.api.kit.words import Confirm, Instant, Money
from shared.commands.checks import MOST_WARNINGS, rule_notices
from shared.commands.rule_change import foresee_change
from shared.db.tenants import rules_store, tenants_store
from shared.db.tenants.rules_store import RuleVersion
from shared.domain.impossible import Impossible, impossible_in
from shared.domain.moment import local_day
from shared.domain.money import show_reais
from shared.domain.rule import STORED, Rule
from shared.domain.rule_change import ChangeCount, RuleOutcome
from shared.domain.sale import SaleStatus

_MOST_VERSIONS: Final = 2**31 - 1


class RuleOut(Rule):
    """One version of a rule, field by field, and whole as it was put, under `rule`.

    The highest version is in force.
    """

    version: int
    created_at: Instant
    created_by: str
    rule: Rule


class RuleList(BaseModel):
    """Versions, the newest first; `next` goes on where they end."""

    items: list[RuleOut]
    next: str | None


class RuleTold(Rule):
    """A rule as it is put, with the warnings about it that were read and accepted."""

    confirm: Confirm = ()

    def alone(self) -> Rule:
        """The rule itself; it was looked at already."""
        told = self.model_dump(by_alias=True, exclude={"confirm"})
        return Rule.model_validate(told, context=STORED)


class RuleWarningOut(BaseModel):
    """What is unusual in a rule; the message is Portuguese."""

    code: str
    field: str
    message: str


class RuleAsked(Strict):
    """A rule that is not in force."""

    rule: RuleTold

    @classmethod
    def impossible(cls, told: Mapping[str, Any]) -> list[Impossible]:
        """Name what cannot be meant in the rule that is asked about."""
        return impossible_in(told, "rule")


class OutcomeOut(BaseModel):
    """Where a sale is put; `queued` means that its nota is issued."""

    status: SaleStatus
    code: str | None


class ChangeOut(BaseModel):
    """Sales that would change alike; equal ends mean that only a date or the nota's text moves."""

    before: OutcomeOut = Field(alias="from")
    after: OutcomeOut = Field(alias="to")
    sales: int
    amount: Money


class DifferenceOut(BaseModel):
    """What another rule would change for sales not yet sent.

    `complete` is false when there were more of them than are looked at.
    """

    sales: int
    changed: int
    complete: bool
    changes: list[ChangeOut]
    warnings: list[RuleWarningOut] = Field(description="What putting this rule would ask about.")


async def difference(call: Call[RuleAsked, NoQuery]) -> Answer:
    """Tell what a rule would change for sales not yet sent; nothing is changed by asking."""
    services, rule = call.services, await asyncio.to_thread(call.body.rule.alone)
    found = await foresee_change(
        services.pool, services.sealer, call.tenant.id, rule, services.now()
    )
    return Answer(
        body=DifferenceOut(
            sales=found.looked_at,
            changed=sum(count.sales for count in found.changes),
            complete=found.whole,
            changes=[_show_change(count) for count in found.changes],
            warnings=await show_warnings(call, rule),
        )
    )


def today_of(call: Call[B, Q]) -> date:
    """The day it is where the tenant is."""
    return local_day(call.services.now(), ZoneInfo(call.tenant.timezone))


async def show_warnings(call: Call[B, Q], rule: Rule) -> list[RuleWarningOut]:
    """What is unusual in a rule, as the API writes it."""
    async with call.services.pool.acquire() as conn:
        seller = (await tenants_store.terms(conn, call.tenant.id)).seller
    return [
        RuleWarningOut(code=one.code, field=one.field or "", message=one.message)
        for one in rule_notices(rule, today_of(call), seller)[:MOST_WARNINGS]
    ]


def _show_change(count: ChangeCount) -> ChangeOut:
    return ChangeOut.model_validate(
        {
            "from": _show_outcome(count.change.before),
            "to": _show_outcome(count.change.after),
            "sales": count.sales,
            "amount": show_reais(count.amount),
        }
    )


def _show_outcome(outcome: RuleOutcome) -> OutcomeOut:
    return OutcomeOut(status=outcome.status, code=outcome.code)


async def put(call: Call[RuleTold, NoQuery]) -> Answer:
    """Put a rule in force."""
    rule = await asyncio.to_thread(call.body.alone)
    await refuse_untaken(call.services, call.tenant.id, rule)
    async with refusing():
        version = await call.services.set_up.put_rule(
            call.tenant.id,
            rule,
            by=call.actor,
            today=today_of(call),
            confirmed=call.body.confirm,
        )
    return Answer(body=await _shown(version))


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show the rule in force."""
    async with call.services.pool.acquire() as conn:
        version = await rules_store.newest(conn, call.tenant.id)
    if version is None:
        raise Problem(404, "no_rule", "This tenant has no rule yet.")
    return Answer(body=await _shown(version))


async def list_versions(call: Call[NoBody, Paging]) -> Answer:
    """List all versions."""
    query = call.query
    before = read_number_cursor(query.cursor, _MOST_VERSIONS)
    async with call.services.pool.acquire() as conn:
        found = await rules_store.versions(conn, call.tenant.id, before=before, limit=query.limit)
    more = bool(found) and found[-1].version > rules_store.FIRST
    return Answer(
        body=RuleList(
            items=[await _shown(version) for version in found],
            next=write_cursor(str(found[-1].version)) if more else None,
        )
    )


async def _shown(version: RuleVersion) -> RuleOut:
    """Beside the loop: a rule for thousands of customers takes a tenth of a second to write."""
    return await asyncio.to_thread(show, version)


def show(version: RuleVersion) -> RuleOut:
    """A version as the API writes it."""
    values = {
        **version.rule.model_dump(by_alias=True),
        "version": version.version,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "rule": version.rule,
    }
    return RuleOut.model_validate(values, context=STORED)


_RULE: Final = "/tenants/{tenant_id}/rule"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="PUT",
        path=_RULE,
        name="put_rule",
        summary="Put a rule in force as a new version; unsent sales are decided again",
        handler=put,
        body=RuleTold,
        query=NoQuery,
        answer=RuleOut,
        refusals={409: ("confirm_needed",), 422: (CODE,)},
    ),
    Operation(
        method="GET",
        path=_RULE,
        name="get_rule",
        summary="Show the rule in force",
        handler=get,
        body=NoBody,
        query=NoQuery,
        answer=RuleOut,
        refusals={404: ("no_rule",)},
    ),
    Operation(
        method="POST",
        path=f"{_RULE}/difference",
        name="compare_rule",
        needs="read",
        summary="Tell what a rule would change for sales not yet sent; changes nothing",
        handler=difference,
        body=RuleAsked,
        query=NoQuery,
        answer=DifferenceOut,
    ),
    Operation(
        method="GET",
        path=f"{_RULE}/versions",
        name="list_rule_versions",
        summary="List all versions of the rule, the newest first",
        handler=list_versions,
        body=NoBody,
        query=Paging,
        answer=RuleList,
    ),
)
