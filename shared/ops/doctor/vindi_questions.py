"""What Vindi's documentation leaves open, asked of a real account: at most a dozen reads of lists.

Source of the questions: our collection of facts about Vindi's API, its section of open questions.
What could only be learned by writing, by waiting or by provoking Vindi is said to be so.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.config.secret import Secret
from shared.ops.doctor.asking import PlainReader, Seen
from shared.ops.doctor.report import Learned, Learning, words_only

LARGE_PAGE: Final = 100
LOOKED_AT: Final = 5  # refunded charges whose bills are read
NOT_A_KEY: Final = Secret.of("notaponte-doctor-not-a-key")
NOT_ASKED: Final = {
    "retries of webhooks": "only seen by refusing events for hours",
    "body of a repeated webhook": "only seen by refusing an event",
    "addresses that webhooks come from": "only seen at the proxy",
    "answers 403 and 429": "only seen with a narrower key, or by asking too much",
}


async def ask_vindi(
    tenant: str, asker: PlainReader, stranger: PlainReader
) -> AsyncIterator[Learned]:
    """One answer for each open question. `stranger` asks with a key that nobody has."""
    answer = Learning(whose="Vindi", tenant=tenant)
    first = await asker.get("bills", per_page="1", sort_by="id", sort_order="desc")
    second = await asker.get("bills", per_page=str(LARGE_PAGE), sort_by="id", sort_order="desc")
    if first.status != 200:
        yield answer("all", "wrong", f"lists answer {first.status}", status=first.status)
        return
    yield _rate(answer, first, second)
    yield _page(answer, second)
    yield _unknown_filter(
        answer, first, await asker.get("bills", per_page="1", query="notaponte_nothing=1")
    )
    yield _refused(answer, await stranger.get("bills", per_page="1"))
    newest = await asker.get("transactions", per_page="50", sort_by="id", sort_order="desc")
    yield _transactions(answer, newest.rows("transactions"))
    refunds = await asker.get(
        "transactions", per_page="50", query="transaction_type=refund AND status=success"
    )
    yield await _refunded_bills(answer, asker, refunds.rows("transactions"))
    invoices = await asker.get("invoices", per_page="50")
    yield answer(
        "statuses of invoices",
        "ok" if invoices.status == 200 else "look",
        _told(words_only([row.get("status") for row in invoices.rows("invoices")])),
        status=invoices.status,
    )
    webhooks = await asker.get("webhooks", per_page="1")
    exists = "answers as if there were one" if webhooks.status == 200 else "there is none for us"
    yield answer("an API of webhooks", "ok", f"{webhooks.status}: {exists}", status=webhooks.status)
    until = {"query": f'created_at<="{_just_after(first)}"', "sort_by": "id", "sort_order": "desc"}
    yield _zone(answer, await asker.get("bills", per_page="1", **until), first)
    for question, why in NOT_ASKED.items():
        yield answer(question, "not_asked", why)


def _rate(answer: Learning, first: Seen, second: Seen) -> Learned:
    limit = first.whole("Rate-Limit-Limit")
    before, after = first.whole("Rate-Limit-Remaining"), second.whole("Rate-Limit-Remaining")
    if limit is None or before is None or after is None:
        return answer("scope of the rate limit", "look", "no Rate-Limit headers")
    others = before - after - 1
    words = f"{limit} a window"
    words += (
        f"; {others} requests of others between two of ours: it is shared"
        if others > 0
        else ("; nobody else asked meanwhile, so whether it is shared was not seen")
    )
    return answer("scope of the rate limit", "ok", words, limit=limit, remaining=[before, after])


def _page(answer: Learning, seen: Seen) -> Learned:
    rows, total = len(seen.rows("bills")), seen.whole("Total")
    told = seen.headers.get("Per-Page", "nothing")
    enough = total is None or total > rows
    return answer(
        "the largest per_page",
        "ok" if enough else "look",
        f"asked for {LARGE_PAGE}: {rows} came, Per-Page says {told}"
        + ("" if enough else "; the account has no more bills"),
        rows=rows,
        total_known=total is not None,
    )


def _unknown_filter(answer: Learning, plain: Seen, filtered: Seen) -> Learned:
    if filtered.status != 200:
        words = f"refused with {filtered.status}"
    elif filtered.whole("Total") == plain.whole("Total"):
        words = "ignored: the list is that without it"
    else:
        words = "neither refused nor ignored: another list comes"
    return answer("an unknown filter", "ok", words, status=filtered.status)


def _refused(answer: Learning, seen: Seen) -> Learned:
    return answer(
        "the answer 401",
        "ok" if seen.status == 401 else "look",
        f"{seen.status} as {seen.kind}, fields: {_told(seen.fields())}",
        status=seen.status,
        fields=words_only(seen.fields()),
    )


def _transactions(answer: Learning, rows: Sequence[dict[str, Any]]) -> Learned:
    kinds = Counter(
        f"{row.get('transaction_type')}.{row.get('status')}"
        for row in rows
        if words_only([row.get("transaction_type")]) and words_only([row.get("status")])
    )
    words = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return answer(
        "how a chargeback shows",
        "ok" if rows else "look",
        f"kinds among the newest {len(rows)} transactions: {words or 'none'}",
        kinds=dict(kinds),
    )


async def _refunded_bills(
    answer: Learning, asker: PlainReader, rows: Sequence[dict[str, Any]]
) -> Learned:
    states: Counter[str] = Counter()
    for row in rows[:LOOKED_AT]:
        bill = (row.get("charge") or {}).get("bill") or {}
        if not isinstance(bill.get("id"), int):
            continue
        read = await asker.get(f"bills/{bill['id']}")
        if isinstance(read.body, dict) and isinstance(read.body.get("bill"), dict):
            states.update(words_only([read.body["bill"].get("status")]))
    told = ", ".join(f"{state} {count}" for state, count in sorted(states.items()))
    return answer(
        "a bill's state after a refund",
        "ok" if states else "look",
        f"bills of {sum(states.values())} refunds: {told or 'none to look at'}",
        states=dict(states),
    )


def _just_after(newest: Seen) -> str:
    """A second after the newest bill, in the zone that answers are written in.

    Were a query read as UTC, that would be hours before the bill, which then is not found.
    """
    moment = _moment(newest)
    return "" if moment is None else f"{moment + timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"


def _moment(seen: Seen) -> datetime | None:
    rows = seen.rows("bills")
    try:
        return datetime.fromisoformat(str(rows[0]["created_at"])) if rows else None
    except (KeyError, ValueError):
        return None


def _zone(answer: Learning, found: Seen, newest: Seen) -> Learned:
    moment = _moment(newest)
    if moment is None or found.status != 200:
        return answer("zone of a query's instants", "look", f"not seen ({found.status})")
    same = [row.get("id") for row in found.rows("bills")] == [
        row.get("id") for row in newest.rows("bills")
    ]
    how = "the zone" if same else "another zone than the one"
    return answer(
        "zone of a query's instants",
        "ok",
        f"read as {how} that answers are written in ({moment:%z})",
        same=same,
    )


def _told(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
