"""Health as metrics: what is not well, by tenant, and how many tenants each check finds so."""

from collections import Counter
from datetime import timedelta
from typing import Final

from prometheus_client import Gauge

from services.reconciler.services import Services
from shared.db.tenants import brakes_store, issuer_health_store
from shared.db.tenants.brakes_store import NOT_BRAKED
from shared.db.vindi import watch_store
from shared.db.vindi.watch_store import TenantFacts
from shared.domain.ids import TenantId
from shared.run.loops import Periodic
from shared.watch.connection import WORSE, ConnectionCheck, Status, judge
from shared.watch.issuing import judge_issuing

LOOK_EVERY: Final = timedelta(seconds=60)
TENANTS_A_LOOK: Final = 500

# Only what is not well has a series: ten thousand healthy tenants have none.
TENANT_CHECK: Final = Gauge(
    "notaponte_tenant_check",
    "A tenant's check that is not well: 1 degraded, 2 broken.",
    ["tenant_id", "check"],
)
TENANTS: Final = Gauge(
    "notaponte_tenants_by_check", "Tenants by check and how it stands.", ["check", "status"]
)


class HealthGauges:
    """Remembers what it has shown, so that what is well again is taken back."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, str]] = set()
        self._counted: set[tuple[str, Status]] = set()

    def show(self, checks: dict[TenantId, list[ConnectionCheck]]) -> None:
        """Show every tenant's checks as they are now."""
        shown: set[tuple[str, str]] = set()
        counts: Counter[tuple[str, Status]] = Counter()
        for tenant, made in checks.items():
            for check in made:
                counts[check.code, check.status] += 1
                if check.status != "ok":
                    TENANT_CHECK.labels(tenant, check.code).set(WORSE[check.status])
                    shown.add((tenant, check.code))
        for labels in self._shown - shown:
            TENANT_CHECK.remove(*labels)
        for counted in self._counted | counts.keys():
            TENANTS.labels(*counted).set(counts[counted])
        self._shown, self._counted = shown, self._counted | counts.keys()


def _is_to_come(facts: TenantFacts, check: ConnectionCheck) -> bool:
    """Say whether a side is not connected at a tenant that is being set up, or rests.

    Among thousands of tenants some always are: nothing of it is broken, and nobody is to be woken.
    """
    sides = {"vindi_connection": facts.vindi, "issuer_connection": facts.issuer}
    return not facts.at_work and check.code in sides and sides[check.code] is None


async def look_at_all(services: Services) -> dict[TenantId, list[ConnectionCheck]]:
    """Judge every tenant."""
    found: dict[TenantId, list[ConnectionCheck]] = {}
    after = TenantId("")
    while True:
        async with services.pool.acquire() as conn:
            facts = await watch_store.facts_any_tenant(conn, after=after, limit=TENANTS_A_LOOK)
            tenants = [one.tenant_id for one in facts]
            breakers = await issuer_health_store.read_any_tenant(conn, tenants)
            brakes = await brakes_store.get_any_tenant(conn, tenants)
        for one in facts:
            tenant = one.tenant_id
            issuing = judge_issuing(breakers[tenant], brakes.get(tenant, NOT_BRAKED))
            checks = judge(one, every=services.reconcile_every) + issuing
            found[tenant] = [check for check in checks if not _is_to_come(one, check)]
        if len(facts) < TENANTS_A_LOOK:
            return found
        after = facts[-1].tenant_id


async def watch_tenants(services: Services) -> None:
    """Keep the gauges, until cancelled."""
    gauges = HealthGauges()

    async def step() -> None:
        gauges.show(await look_at_all(services))

    await Periodic(name="watch", step=step, every=LOOK_EVERY, failed="health_not_seen").run()
