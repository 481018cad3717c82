"""Setting a tenant up: connections that were proven, the rule, activation.

Panel and internal API both come through here, so that each change is audited and each sale that
it may move is made due, in one commit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from shared.commands import activation
from shared.commands.checks import (
    Notice,
    checked_company,
    demand_confirmed,
    demand_usual,
    elsewhere_notices,
    good_merchant,
    heard_from_outside,
    issuer_notices,
    live_notices,
    open_notices,
    rule_notices,
    vindi_notices,
)
from shared.commands.company import try_company
from shared.commands.connected_meanwhile import demand_none_meanwhile
from shared.commands.go_on import go_on
from shared.commands.privacy.depart import demand_staying
from shared.config.secret import Secret
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.crypto.tokens import hash_secret, new_tenant_id, new_webhook_secret
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.outbox import outbox_wakes
from shared.db.sales import issued_tests_store
from shared.db.sales.issued_tests_store import WentLive
from shared.db.tenants import (
    account_lines_store,
    audit_store,
    company_facts_store,
    connections_store,
    elsewhere_store,
    nota_connections_store,
    rules_store,
    secrets_store,
    tenants_store,
    zone_days_store,
)
from shared.db.tenants.company_facts_store import CompanyAsRead
from shared.db.tenants.connections_store import VindiConnection, VindiEnvironment, key_hint
from shared.db.tenants.elsewhere_store import Elsewhere, ElsewhereCode
from shared.db.tenants.rules_store import RuleVersion
from shared.db.tenants.tenants_store import Subscription, Tenant
from shared.db.vindi import passes_store
from shared.db.vindi.events_store import Source
from shared.domain.account_lines import account_name, going_on
from shared.domain.attention import ANOTHER_BILL
from shared.domain.ids import TenantId
from shared.domain.message_texts.connections import CONNECTIONS
from shared.domain.nota import REAL, IssuerEnvironment
from shared.domain.prechecks import ON_SELLER
from shared.domain.rule import Rule
from shared.issuer.interface import Issuer
from shared.run.waker import Waker
from shared.vindi.client import VindiClient

OLD_SECRET_LIVES: Final = timedelta(hours=72)  # longer than Vindi goes on repeating: 48 h
SIDES: Final[dict[Source, str]] = {"vindi": "vindi", "enotas": "issuer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VindiConnected:
    """A Vindi account that is now read; the URL is what to enter at Vindi as webhook."""

    merchant_name: str
    registry_code: str | None
    environment: VindiEnvironment
    key_hint: str
    webhook_url: str
    warnings: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerConnected:
    """A company that notas are now issued for; the URL is what to enter at the issuer."""

    company_name: str
    cnpj: str | None
    status_webhook_url: str
    warnings: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOfTests:
    """What becomes of sales issued only as tests once notas are real."""

    issue: bool  # due at once; otherwise held until a person says
    since: date | None = None  # local day of the sale's moment: earlier ones are held


FURTHEST_BACK: Final = timedelta(days=60)  # what an account sold before is a backfill's
LEFT_TO_A_PERSON: Final = SalesOfTests(issue=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """Changes of tenants' set-up; `public_url` is the base of the webhook addresses shown."""

    pool: Pool
    sealer: Sealer
    waker: Waker
    public_url: str

    async def add_tenant(
        self, conn: Connection, *, name: str, plan: Subscription, timezone: str, by: str
    ) -> Tenant:
        """Add a tenant in the caller's transaction."""
        tenant = await tenants_store.add(
            conn, new_tenant_id(), name=name, plan=plan, timezone=timezone
        )
        await audit_store.add(
            conn, tenant.id, actor=by, action="tenant_added", detail={"plan": plan}
        )
        return tenant

    async def change_tenant(
        self,
        tenant: TenantId,
        *,
        name: str | None,
        plan: Subscription | None,
        timezone: str | None,
        by: str,
    ) -> Tenant:
        """Change what is not None. Another zone moves days, so unsent sales are decided again."""
        async with self.pool.acquire() as conn, conn.transaction():
            before = activation.known(await tenants_store.lock(conn, tenant))
            after = activation.known(
                await tenants_store.patch(conn, tenant, name=name, plan=plan, timezone=timezone)
            )
            if after == before:
                return after
            changed = [
                field
                for field in ("name", "plan", "timezone")
                if getattr(before, field) != getattr(after, field)
            ]
            await audit_store.add(
                conn, tenant, actor=by, action="tenant_changed", detail={"changed": changed}
            )
            if "timezone" in changed:
                await outbox_wakes.wake_unsent(conn, tenant)
                await zone_days_store.move_days(
                    conn, tenant, before=before.timezone, after=after.timezone
                )
        await self.waker.ring()
        return after

    async def connect_vindi(
        self,
        tenant: TenantId,
        client: VindiClient,
        *,
        api_key: Secret,
        environment: VindiEnvironment,
        by: str,
        confirmed: Collection[str] = (),
    ) -> VindiConnected:
        """Check a key, then store it. `client` reads with that key.

        Safe to repeat: the webhook's address stays the same. Raises SetUpRefused
        (`vindi_key_refused`, `vindi_key_too_narrow`, `vindi_account_blocked`; `confirm_needed`
        where an active tenant goes on to an account of another one; `connected_meanwhile`) or
        SideUnreachable.
        """
        async with self.pool.acquire() as conn:
            stood = await connections_store.get_vindi(conn, self.sealer, tenant)
        check = await client.check_key()
        merchant = good_merchant(check.outcome, check.merchant, check.forbidden)
        async with self.pool.acquire() as conn, conn.transaction():
            of = activation.known(await tenants_store.lock(conn, tenant))
            await demand_staying(conn, tenant)
            await elsewhere_store.take_turn_any_tenant(conn)
            before = await connections_store.get_vindi(conn, self.sealer, tenant)
            same = before is not None and (
                (before.api_key.reveal(), before.environment) == (api_key.reveal(), environment)
            )
            demand_none_meanwhile(stood, before, same=same)
            another = before is not None and before.merchant_id not in (None, merchant.id)
            await connections_store.put_vindi(
                conn,
                self.sealer,
                tenant,
                environment=environment,
                api_key=api_key,
                merchant_name=merchant.name,
                registry_code=merchant.registry_code,
                merchant_id=merchant.id,
            )
            if before is not None:
                await _draw_line(conn, tenant, before, environment, merchant.id)
            elsewhere = await elsewhere_store.find_any_tenant(conn, tenant)
            if of.status == "active" and another:
                demand_confirmed(_about(elsewhere, "vindi_account_elsewhere"), confirmed)
            url = await self._webhook_url(conn, tenant, "vindi")
            await audit_store.add(
                conn,
                tenant,
                actor=by,
                action="vindi_connected",
                detail={"environment": environment, "key_hint": key_hint(api_key)},
            )
            # Of another merchant's key no bill could be found, or another one of that number: those
            # are looked for again too.
            await go_on(conn, tenant, [*codes_of("vindi"), "bill_not_found", ANOTHER_BILL])
        await self.waker.ring()
        changed = another or (
            before is not None
            and (before.environment, before.registry_code) != (environment, merchant.registry_code)
        )
        return VindiConnected(
            merchant_name=merchant.name,
            registry_code=merchant.registry_code,
            environment=environment,
            key_hint=key_hint(api_key),
            webhook_url=url,
            warnings=vindi_notices(
                issues_already=check.issues_already,
                changed=changed,
                unreachable=environment == "production" and not heard_from_outside(self.public_url),
            )
            + elsewhere_notices(elsewhere, "vindi_account_elsewhere"),
        )

    async def new_webhook(
        self,
        conn: Connection,
        tenant: TenantId,
        source: Source,
        *,
        now: datetime,
        by: str,
        revoke: bool = False,
    ) -> str:
        """Make a new webhook address in the caller's transaction; the old one lives 72 h more.

        With `revoke` every address before it ends now. Those that remember them notice it
        `secrets_store.REMEMBERED_SECONDS` after the commit: say only then that it is done. Raises
        SetUpRefused (`departing`).
        """
        activation.known(await tenants_store.lock(conn, tenant))
        await demand_staying(conn, tenant)
        if revoke:
            await secrets_store.revoke_all(conn, tenant, source, await clock.now(conn))
        url = await self._new_webhook_url(conn, tenant, source, now)
        action = f"{SIDES[source]}_webhook_secret_{'revoked' if revoke else 'changed'}"
        await audit_store.add(conn, tenant, actor=by, action=action)
        return url

    async def connect_issuer(
        self,
        tenant: TenantId,
        issuer: Issuer,
        *,
        api_key: Secret,
        company_id: str,
        environment: IssuerEnvironment,
        by: str,
        tests: SalesOfTests = LEFT_TO_A_PERSON,
        confirmed: Collection[str] = (),
    ) -> IssuerConnected:
        """Check a key and its company, then store them. `issuer` speaks with that key.

        Notas stay with the connection they were born under. With the real environment every sale
        issued as a test is owed anew, as `tests` says. Raises SetUpRefused (`issuer_key_refused`,
        `issuer_company_unknown`, `issuer_company_incomplete` with what is missing;
        `confirm_needed` where an active tenant goes on to a company of another one;
        `connected_meanwhile`) or SideUnreachable.
        """
        async with self.pool.acquire() as conn:
            stood = await connections_store.get_issuer(conn, self.sealer, tenant)
        company = await checked_company(issuer)
        async with self.pool.acquire() as conn, conn.transaction():
            of = activation.known(await tenants_store.lock(conn, tenant))
            await demand_staying(conn, tenant)
            await elsewhere_store.take_turn_any_tenant(conn)
            there = await connections_store.get_issuer(conn, self.sealer, tenant)
            same = there is not None and (
                (there.api_key.reveal(), there.company_id, there.environment)
                == (api_key.reveal(), company_id, environment)
            )
            demand_none_meanwhile(stood, there, same=same)
            before = await nota_connections_store.current_id(conn, tenant)
            await connections_store.put_issuer(
                conn,
                self.sealer,
                tenant,
                kind="enotas",
                environment=environment,
                api_key=api_key,
                company_id=company_id,
                company_name=company.company_name,
                company_cnpj=company.cnpj,
                company_city=company.city,
                company_regime=company.regime,
            )
            now = await clock.now(conn)
            shown = CompanyAsRead(
                facts=company.facts, city=company.city, regime=company.regime, cnpj=company.cnpj
            )
            await company_facts_store.put(conn, tenant, shown, now, connected_at=now)
            url = await self._webhook_url(conn, tenant, "enotas")
            await audit_store.add(
                conn,
                tenant,
                actor=by,
                action="issuer_connected",
                detail={"environment": environment, "key_hint": key_hint(api_key)},
            )
            here = await nota_connections_store.current_id(conn, tenant)
            elsewhere = await elsewhere_store.find_any_tenant(conn, tenant)
            if of.status == "active" and before != here:
                demand_confirmed(_about(elsewhere, "issuer_company_elsewhere"), confirmed)
            went_live = await self._take_tests(conn, of, environment, tests, by)
            open_ = await nota_connections_store.open_elsewhere(conn, tenant, here)
            # Whether a buyer is the seller, or of its city, hangs on the company too.
            await go_on(conn, tenant, [*codes_of("issuer"), *ON_SELLER])
        await try_company(self.pool, tenant)
        await self.waker.ring()
        return IssuerConnected(
            company_name=company.company_name,
            cnpj=company.cnpj,
            status_webhook_url=url,
            warnings=issuer_notices(environment)
            + elsewhere_notices(elsewhere, "issuer_company_elsewhere")
            + open_notices(open_)
            + live_notices(went_live),
        )

    async def _take_tests(
        self,
        conn: Connection,
        tenant: Tenant,
        environment: IssuerEnvironment,
        tests: SalesOfTests,
        by: str,
    ) -> WentLive:
        if environment != REAL:
            return WentLive(held=0, due=0)
        zone, day = ZoneInfo(tenant.timezone), tests.since
        now = await clock.now(conn)
        went = await issued_tests_store.go_live(
            conn,
            tenant.id,
            issue=tests.issue,
            since=datetime.combine(day, time(), tzinfo=zone) if day else None,
            now=now,
            by=by,
        )
        if went.held or went.due:
            counts = {"held": went.held, "due": went.due}
            await audit_store.add(conn, tenant.id, actor=by, action="went_live", detail=counts)
        return went

    async def put_rule(
        self,
        tenant: TenantId,
        rule: Rule,
        *,
        by: str,
        today: date,
        confirmed: Collection[str] = (),
    ) -> RuleVersion:
        """Put a rule in force; sales not yet sent are decided again under it.

        Raises SetUpRefused: `confirm_needed` with what is unusual in it, as of `today`, and is not
        among the `confirmed` codes.
        """
        async with self.pool.acquire() as conn:
            seller = (await tenants_store.terms(conn, tenant)).seller
        demand_usual(rule, today, confirmed, seller)
        taken = [one.code for one in rule_notices(rule, today, seller)]
        async with self.pool.acquire() as conn, conn.transaction():
            version = await rules_store.add(conn, tenant, rule, by=by)
            detail = {"version": version.version, "confirmed": sorted(set(taken))}
            await audit_store.add(conn, tenant, actor=by, action="rule_put", detail=detail)
            await outbox_wakes.wake_unsent(conn, tenant)
        await self.waker.ring()
        return version

    async def activate(
        self,
        tenant: TenantId,
        *,
        by: str,
        confirmed: Collection[str] = (),
        since: date | None = None,
    ) -> Tenant:
        """Let notas be issued: see `shared.commands.activation.activate`."""
        after = await activation.activate(
            self.pool, self.sealer, tenant, by=by, confirmed=confirmed, since=since
        )
        await self.waker.ring()
        return after

    async def pause(self, tenant: TenantId, *, by: str, reason: str | None = None) -> Tenant:
        """Issue and cancel nothing until activated again; raises SetUpRefused (`not_active`)."""
        return await activation.pause(self.pool, tenant, by=by, reason=reason)

    async def enter_shadow(self, tenant: TenantId, *, by: str) -> Tenant:
        """Decide everything and issue nothing: see `shared.commands.activation.enter_shadow`."""
        return await activation.enter_shadow(self.pool, self.sealer, tenant, by=by)

    async def leave_shadow(self, tenant: TenantId, *, by: str) -> Tenant:
        """Decide nothing any more either: see `shared.commands.activation.leave_shadow`."""
        return await activation.leave_shadow(self.pool, tenant, by=by)

    async def webhook_urls(self, conn: Connection, tenant: TenantId) -> tuple[str, str]:
        """The addresses to enter at Vindi and at the issuer, made where there are none yet.

        Lives in the caller's transaction; of two who come at once the second finds the first's.
        Raises SetUpRefused (`departing`): what was revoked is not made anew.
        """
        activation.known(await tenants_store.lock(conn, tenant))
        await demand_staying(conn, tenant)
        vindi = await self._webhook_url(conn, tenant, "vindi")
        return vindi, await self._webhook_url(conn, tenant, "enotas")

    async def _webhook_url(self, conn: Connection, tenant: TenantId, source: Source) -> str:
        """The address in use, so that connecting again changes nothing at the other side."""
        secret = await secrets_store.current(conn, self.sealer, tenant, source)
        if secret is None:
            now = await clock.now(conn)
            return await self._new_webhook_url(conn, tenant, source, now)
        return self._url(source, secret)

    async def _new_webhook_url(
        self, conn: Connection, tenant: TenantId, source: Source, now: datetime
    ) -> str:
        secret = new_webhook_secret(tenant)
        await secrets_store.expire_current(conn, tenant, source, now + OLD_SECRET_LIVES)
        await secrets_store.add(
            conn,
            tenant,
            source,
            secret_hash=hash_secret(secret),
            sealed=columns.WEBHOOK_SECRET.seal(
                self.sealer, tenant, secret.encode(), source, hash_secret(secret)
            ),
        )
        return self._url(source, secret)

    def _url(self, source: Source, secret: str) -> str:
        return f"{self.public_url.rstrip('/')}/v1/{source}/{secret}"


async def _draw_line(
    conn: Connection,
    tenant: TenantId,
    before: VindiConnection,
    environment: VindiEnvironment,
    merchant_id: int,
) -> None:
    """Keep from when on the sales of the account now connected are the tenant's to issue.

    One that was left, and comes back, is read from when it was left.
    """
    # One that was connected before merchants were kept is taken for the same, of its environment.
    left = account_name(before.merchant_id or merchant_id, before.environment)
    taken = account_name(merchant_id, environment)
    if left != taken:
        lines = await account_lines_store.load(conn, tenant)
        now = await clock.now(conn)
        back = lines.left_at.get(taken)
        elsewhere = back is not None and await elsewhere_store.had_since_any_tenant(
            conn, tenant, merchant_id=merchant_id, environment=environment, since=back
        )
        after = going_on(lines, left, taken, now, elsewhere=elsewhere)
        await account_lines_store.put(conn, tenant, after)
        await passes_store.begin_anew(conn, tenant, since=back, most=now - FURTHEST_BACK)


def _about(found: Sequence[Elsewhere], code: ElsewhereCode) -> list[Elsewhere]:
    return [one for one in found if one.code == code]


def codes_of(side: Literal["vindi", "issuer"]) -> list[str]:
    """The codes of sales that a side's connection stopped."""
    return [code for code in CONNECTIONS if code.startswith(f"{side}_")]
