"""What was planned by a clock that was ahead comes near once the clock is right again.

Every planned instant is named here, by table and column, with what it becomes; a test holds the
list against the schema. `docs/clock.md` says what a clock that is ahead does to each. What is
looked at too early by this is looked at once in vain, and plans its next look by the right clock.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection

# Clocks are set right by seconds all the time; what waits for so long at most is left alone.
BY: Final = timedelta(minutes=1)


class PlannedAhead(Struct, frozen=True, kw_only=True):
    """A column in which instants lie ahead, or that a wrong clock put ahead of us.

    `to` is what one becomes that is further ahead than `BY`; `only` says of which rows. Of what is
    meant to end after a span none lies further ahead than that, and is brought back to it.
    """

    table: str
    column: str
    to: str = "now()"
    only: str = ""
    span: str = "0 days"


def _ending(table: str, span: str) -> PlannedAhead:
    to = f"now() + interval '{span}'"
    return PlannedAhead(table=table, column="expires_at", to=to, span=span)


PLANNED: Final = (
    # Work that waits for its turn.
    PlannedAhead(table="reconciler_passes", column="next_pass_at"),
    PlannedAhead(table="foreign_nota_marks", column="next_at"),
    PlannedAhead(table="backfills", column="not_before"),
    PlannedAhead(table="closing_checks", column="not_before"),
    PlannedAhead(table="issuer_lists", column="not_before"),
    PlannedAhead(table="issuer_lists", column="planned_at", to="NULL"),
    PlannedAhead(table="issuer_days", column="wanted_at"),
    PlannedAhead(table="refunds_pending", column="look_at"),
    PlannedAhead(table="bulk_jobs", column="turn_at", only="status IN ('queued', 'running')"),
    PlannedAhead(table="erasures", column="turn_at"),
    PlannedAhead(table="departures", column="turn_at", only="state = 'deleting'"),
    PlannedAhead(table="webhook_deliveries", column="next_at", only="state = 'pending'"),
    # What keeps something from being sent or asked for a while.
    PlannedAhead(table="status_webhooks", column="rest_until"),
    PlannedAhead(table="issuer_breakers", column="probe_at"),
    PlannedAhead(table="issuer_breakers", column="round_until"),
    PlannedAhead(table="company_breakers", column="probe_at"),
    PlannedAhead(table="company_breakers", column="round_until"),
    PlannedAhead(table="issuer_connections", column="not_before"),
    PlannedAhead(table="vindi_connections", column="not_before"),
    # As long as after any restore: what left before has then arrived (`restores_store.SETTLES`).
    PlannedAhead(
        table="restore_checks",
        column="read_after",
        to="now() + interval '30 seconds'",
        only="read_at IS NULL",
    ),
    PlannedAhead(table="restore_checks", column="open_after", only="opened_at IS NULL"),
    # What was done under the wrong clock would count as newer than all that is done since.
    PlannedAhead(table="issuer_days", column="read_at", to="NULL"),
    PlannedAhead(table="issuer_notas", column="read_at"),
    PlannedAhead(table="emitters", column="beats_at"),
    PlannedAhead(table="retention_walks", column="ended_at"),
    PlannedAhead(table="kept_figures", column="outdated_at"),
    PlannedAhead(table="month_files", column="asked_at"),
    PlannedAhead(table="sign_in_failures", column="last_at"),
    PlannedAhead(table="panel_sessions", column="seen_at"),
    # What ends by itself, after as long as it is given where it is made.
    _ending("panel_sessions", "14 days"),
    _ending("person_links", "7 days"),
    _ending("webhook_secrets", "3 days"),
)

# The end of a guarantee is a day of the calendar, whatever clock it was reckoned by.
SALES: Final = """
    -- set_back_store.bring_near_any_tenant sales
    UPDATE outbox o SET due_at = now()
     WHERE o.state = 'due' AND o.due_at > now() + $1::interval
       AND NOT EXISTS (SELECT FROM sales s
                        WHERE s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
                          AND s.issue_at = o.due_at)
"""
NOTAS: Final[dict[str, str]] = {
    column: f"""
    -- set_back_store.bring_near_any_tenant notas {column}
    UPDATE notas n SET {column} = now()
      FROM outbox o
     WHERE o.tenant_id = n.tenant_id AND o.bill_id = n.bill_id AND o.state <> 'settled'
       AND n.{column} > now() + $1::interval
"""  # noqa: S608 - only our own constants are put in
    for column in ("look_up_at", "resend_at", "cancel_again_at")
}
DAYS: Final = """
    -- set_back_store.bring_near_any_tenant days
    DELETE FROM nota_days WHERE day > (now() AT TIME ZONE 'UTC')::date + 1
"""
OTHERS: Final[dict[str, str]] = {
    f"{one.table}.{one.column}": f"""
    -- set_back_store.bring_near_any_tenant {one.table} {one.column}
    UPDATE {one.table} SET {one.column} = {one.to}
     WHERE {one.column} > now() + interval '{one.span}' + $1::interval
       {f"AND {one.only}" if one.only else ""}
"""  # noqa: S608 - only our own constants are put in
    for one in PLANNED
}
WAS_AHEAD: Final = """
    -- set_back_store.was_ahead_any_tenant
    SELECT seen_at - now() FROM database_life WHERE seen_at > now() + $1::interval
"""
RIGHT: Final = """
    -- set_back_store.bring_near_any_tenant right
    UPDATE database_life SET seen_at = now() WHERE seen_at > now()
"""


async def was_ahead_any_tenant(conn: Connection) -> timedelta | None:
    """By how much the database's clock was ahead, as the database last wrote that all was well.

    None where it was not, or where a server does not say which one it is (`restores_store.live`):
    then `clock_back_store` finds what is further away than any of us plans.
    """
    ahead: timedelta | None = await conn.fetchval(WAS_AHEAD, BY)
    return ahead


async def bring_near_any_tenant(conn: Connection) -> int:
    """Bring all near that lies ahead, each table by itself; returns how many rows there were.

    That it is done is written down last: whoever dies on the way is followed by the next look.
    """
    statements = (SALES, *NOTAS.values(), *OTHERS.values())
    told = [await conn.execute(statement, BY) for statement in statements]
    told.append(await conn.execute(DAYS))
    await conn.execute(RIGHT)
    return sum(int(tag.rpartition(" ")[2]) for tag in told)
