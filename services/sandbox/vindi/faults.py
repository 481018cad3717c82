"""What can be made to go wrong at one Vindi account."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Faults:
    """Switches of one account; the defaults are a Vindi that behaves."""

    # Reads after a write: for so many seconds they show the state before it ("old") or,
    # with "missing", 404. Lists take part with `stale_lists`.
    stale_seconds: float = 0.0
    stale_as: str = "old"
    stale_lists: bool = False
    per_page_cap: int | None = 50  # None: no cap
    ignored_filters: set[str] = field(default_factory=set)  # field names, or "all"
    refused_filters: set[str] = field(default_factory=set)  # answered 422
    ignore_or_filters: bool = False  # `a OR b` is as if it were not there
    unknown_filters: str = "refuse"  # or "ignore": what an unknown field meets
    query_zone: str = "America/Sao_Paulo"  # or "UTC"
    blocked: bool = False  # 402 on everything
    merchant_status: str = "active"
    money_as_number: bool = False
    metadata_as_list: bool = False
    unknown_fields: bool = False
    padding_bytes: int = 0  # an unknown field as large as this
    status_words: dict[str, str] = field(default_factory=dict)  # {"paid": "settled"}
    lists_without_total: set[str] = field(default_factory=set)  # kinds, or "all"
    repeat_pages: set[str] = field(default_factory=set)  # kinds, or "all": any page is the first
    total_off_by: int = 0
    empty_with_total: int | None = None  # empty pages that claim so many rows
    repeat_rows: int = 0  # so many rows of a page appear again on the next one
    per_page_said: int | None = None  # what `Per-Page` says, whatever a page holds
    broken_rows: set[str] = field(default_factory=set)  # "bills/7": 500 for whatever would show it
    omit_rows: int = 0  # so many rows at the end of each page are never shown
    shuffle_ties: bool = False  # rows equal in the field sorted by, in another order each time
    unordered: set[str] = field(default_factory=set)  # kinds, or "all": in an order of their own
    touch_between_pages: int = 0  # so many rows are updated after each page is read
    insert_between_pages: int = 0  # so many bills appear after each page is read
    bill_after_refund: str = "paid"  # "paid", "pending" or "canceled" after a full refund
    charge_after_refund: str = "canceled"
    # What Vindi keeps of a registered boleto is not documented: "none" before it is paid; "same":
    # the transaction made with the boleto becomes the payment; "own": a `register`, then a payment.
    boleto_transactions: str = "none"
    transactions_move: bool = True  # False: their `updated_at` stays what `created_at` is
    touch_reaches_transactions: bool = False  # what `touch` moves beside the charge

    def change(self, switches: dict[str, Any]) -> None:
        """Set switches by name; raises AttributeError for an unknown one."""
        for name, value in switches.items():
            if name not in self.__slots__:
                raise AttributeError(f"no such switch: {name}")
            setattr(self, name, set(value) if isinstance(getattr(self, name), set) else value)


@dataclass(slots=True, kw_only=True)
class EventFaults:
    """Switches of the event sender of one account. Chances in percent, times in seconds."""

    timing: str = "immediate"  # or "recorded": bill_paid, charge_created, bill_created
    drop_percent: float = 0.0
    drop_types: set[str] = field(default_factory=set)
    duplicate_percent: float = 0.0  # sent again a little later
    parallel_percent: float = 0.0  # sent twice at the same moment
    reorder_percent: float = 0.0  # held back up to `reorder_seconds`
    reorder_seconds: float = 10.0
    delay_from: float = 0.0
    delay_to: float = 0.0
    freeze_bodies: bool = False  # a retry carries the body of the first attempt
    patience: float = 20.0  # real seconds given to the receiver
    # Ten attempts within 48 h; the real intervals are not published.
    ladder: tuple[float, ...] = (60, 300, 900, 3600, 7200, 14400, 28800, 43200, 72000)

    def change(self, switches: dict[str, Any]) -> None:
        """Set switches by name; raises AttributeError for an unknown one."""
        for name, value in switches.items():
            if name not in self.__slots__:
                raise AttributeError(f"no such switch: {name}")
            setattr(self, name, type(getattr(self, name))(value))
