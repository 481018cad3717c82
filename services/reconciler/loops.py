"""What the reconciler does beside answering: loops that each run until cancelled."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from services.reconciler.accounts.newest import look_at_newest, look_at_refunds
from services.reconciler.accounts.schedule import reconcile_accounts
from services.reconciler.backfill.worker import work_on_backfills
from services.reconciler.bulk import work_on_bulk_jobs
from services.reconciler.clock_back import mind_clock
from services.reconciler.companies import look_at_companies
from services.reconciler.deep_check.check import check_closings
from services.reconciler.deliver import deliver_status_webhooks
from services.reconciler.depth_loop import count_standing, look_at_depths
from services.reconciler.forget import (
    forget_bulk_jobs,
    forget_deliveries,
    forget_idempotency_keys,
    forget_month_files,
)
from services.reconciler.issuer_list.after_restore import read_after_restores
from services.reconciler.issuer_list.read import read_issuer_lists
from services.reconciler.keep_event_days import keep_event_days
from services.reconciler.make_month_files import make_month_files
from services.reconciler.mirror import mirror_issuers
from services.reconciler.privacy.departing import delete_departed
from services.reconciler.privacy.erasing import work_on_erasures
from services.reconciler.privacy.forgetting import forget_what_is_over
from services.reconciler.refused import look_again_at_refused
from services.reconciler.restored import mind_restores
from services.reconciler.services import Services
from services.reconciler.still import end_still_sessions
from services.reconciler.unanswered import tell_unanswered
from services.reconciler.watch_loop import watch_tenants
from shared.run.loops import beside

LOOPS: Final[tuple[Callable[[Services], Awaitable[None]], ...]] = (
    mind_restores,
    mind_clock,
    end_still_sessions,
    read_after_restores,
    keep_event_days,
    forget_idempotency_keys,
    deliver_status_webhooks,
    forget_deliveries,
    forget_bulk_jobs,
    mirror_issuers,
    read_issuer_lists,
    reconcile_accounts,
    look_at_newest,
    look_at_refunds,
    watch_tenants,
    look_at_depths,
    count_standing,
    work_on_backfills,
    work_on_bulk_jobs,
    check_closings,
    make_month_files,
    forget_month_files,
    look_again_at_refused,
    work_on_erasures,
    forget_what_is_over,
    delete_departed,
    tell_unanswered,
    look_at_companies,
)


def run_loops(services: Services) -> AbstractAsyncContextManager[None]:
    """Run every loop as long as the block runs."""
    return beside(**{loop.__name__: partial(loop, services) for loop in LOOPS})
