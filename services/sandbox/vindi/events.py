"""Vindi's webhook sender, with everything that goes wrong on the way."""

from typing import Final

from services.sandbox.courier import Courier, Parcel
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Row
from services.sandbox.vindi.render import render
from services.sandbox.vindi.times import text_of
from services.sandbox.wire import dump

HEADERS: Final = {
    "Content-Type": "application/json; charset=UTF-8",
    "User-Agent": "Vindi-Hookshot/1.0",
}
# Seconds after the change, as recorded with a real acquirer: the payment's event
# overtakes those of the charge and the bill.
RECORDED: Final = {"bill_paid": 0.2, "charge_created": 0.5, "bill_created": 0.9}


class EventSender:
    """Sends events to an account's webhooks through a courier, which counts them."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def register(self, account: Account, url: str) -> Parcel:
        """Remember a webhook and send Vindi's test event to it."""
        account.webhooks.append(url)
        return self.send_test(account, url)

    def send_test(self, account: Account, url: str) -> Parcel:
        """Send a test event."""
        event = {
            "type": "test",
            "created_at": text_of(account.now_ms(), fresh=True),
            "data": {"quote": {"content": "Quem não arrisca não petisca"}},
        }
        return self.post(account, url, dump({"event": event}), label="test")

    def emit(self, account: Account, event_type: str, row: Row) -> None:
        """Send an event about a row to every webhook, subject to the account's faults."""
        for url in account.webhooks:
            self._emit_to(account, url, event_type, row)

    def post(self, account: Account, url: str, body: bytes, *, label: str = "forged") -> Parcel:
        """Send any body once, with Vindi's headers: forged, malformed, of an unknown type."""
        patience = account.event_faults.patience
        return self._courier.post(
            url, lambda: body, label=label, headers=HEADERS, patience=patience
        )

    def _emit_to(self, account: Account, url: str, event_type: str, row: Row) -> None:
        faults, rng = account.event_faults, account.rng
        if event_type in faults.drop_types or rng.random() * 100 < faults.drop_percent:
            self._courier.counts["dropped"] += 1
            return
        at = account.clock.now() + rng.uniform(faults.delay_from, faults.delay_to)
        if faults.timing == "recorded":
            at += RECORDED.get(event_type, 0.2)
        if rng.random() * 100 < faults.reorder_percent:
            at += rng.uniform(0, faults.reorder_seconds)
        moments = [at]
        if rng.random() * 100 < faults.parallel_percent:
            moments.append(at)
        if rng.random() * 100 < faults.duplicate_percent:
            moments.append(at + rng.uniform(0.5, 5))
        event = _Event(account, event_type, row)
        for moment in moments:
            self._courier.post(
                url, event.body, label=f"{event_type} {row.id}", headers=HEADERS, at=moment,
                patience=faults.patience, ladder=tuple(faults.ladder),
            )  # fmt: skip


class _Event:
    """An event whose object is rendered when it is sent, unless bodies are frozen."""

    def __init__(self, account: Account, event_type: str, row: Row) -> None:
        self._account = account
        self._type = event_type
        self._row = row
        self._created_ms = account.now_ms()
        self._first: bytes | None = None

    def body(self) -> bytes:
        if self._first is not None and self._account.event_faults.freeze_bodies:
            return self._first
        kind = type(self._row).__name__.lower()
        data = render(self._account, self._row, fresh=True)
        event = {
            "type": self._type,
            "created_at": text_of(self._created_ms, fresh=True),
            "data": {kind: data},
        }
        self._first = dump({"event": event})
        return self._first
