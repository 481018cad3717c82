"""Whether somebody connected a tenant while a key of somebody else's was being looked at."""

from shared.commands.checks import SetUpRefused
from shared.db.tenants.connections_store import IssuerConnection, VindiConnection


def demand_none_meanwhile(
    stood: VindiConnection | IssuerConnection | None,
    there: VindiConnection | IssuerConnection | None,
    *,
    same: bool,
) -> None:
    """Raise SetUpRefused (`connected_meanwhile`) if another connection was made since `stood`.

    A key is looked at for seconds, and by a process that is stopped for as long as it takes: what
    was connected meanwhile was asked for later, and stands. What is there may be the `same` as is
    asked for: the call was repeated.
    """
    if there is None or same:
        return
    if stood is None or there.state.connected_at != stood.state.connected_at:
        raise SetUpRefused(
            "Another connection was made since this one was asked for.", code="connected_meanwhile"
        )
