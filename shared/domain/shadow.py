"""Shadow mode: everything is decided, nothing is issued, each sale says what it would have been.

A tenant that comes from another integration sees so, day by day, what we would have done beside
what was done. A sale is in shadow whose moment lies from the mode's beginning to the instant from
which notas are issued (`active_from`), whenever it is decided: what was in shadow once is never
sent by itself afterwards, since whoever issued before has issued it. Pure.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from shared.domain.decision import Decision, Hold, Issue, Skip, Wait
from shared.domain.sale import TenantTerms

WOULD_ISSUE: Final = "shadow_issue"
WOULD_HOLD: Final = "shadow_hold"  # `detail` names the code of that hold
SHADOW_CODES: Final = (WOULD_ISSUE, WOULD_HOLD)
IN_SHADOW: Final = "shadow_mode"  # what a person asked for all the same waits for the mode's end
PAUSED: Final = "tenant_paused"
# Sales that the stream left to whoever issued before.
LEFT_TO_OTHERS: Final = frozenset({"before_activation", *SHADOW_CODES})


def stopped_code(terms: TenantTerms) -> str:
    """Why a tenant issues nothing now."""
    return IN_SHADOW if terms.in_shadow else PAUSED


def shadow_terms(terms: TenantTerms, since: datetime) -> TenantTerms:
    """The terms by which a sale is decided as if notas had been issued since the mode began."""
    return replace(terms, active_from=since, issuing=True, shadow_from=since)


def shadowed(decision: Decision) -> Decision:
    """What a decision becomes in shadow: nothing that leaves, nothing that asks a person to act."""
    match decision:
        case Issue(issue_at=due, competencia=day):
            return Skip(code=WOULD_ISSUE, issue_at=due, competencia=day)
        case Hold(code=code, issue_at=due, competencia=day):
            return Skip(code=WOULD_HOLD, detail=code, issue_at=due, competencia=day)
        case Wait():
            return replace(decision, attention=None, lacks="")
        case _:
            return decision
