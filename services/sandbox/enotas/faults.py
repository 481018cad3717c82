"""What can be made to go wrong at one company at eNotas."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class CompanyFaults:
    """Switches of one company; the defaults are an eNotas that behaves."""

    instant: bool = False  # a POST is authorised at once, for benches
    # Seconds in: waiting, being sent, sent, at the city, waiting for the PDF.
    progress: tuple[float, ...] = (5, 5, 5, 30, 20)
    default_outcome: str = "authorise"  # or "random"; or any kind of Outcome
    default_denial: str = "unknown"
    denied_percent: float = 14.0  # with "random": one in seven
    certificate_expired: bool = False  # denies everything until lifted
    city_outage: str = "off"  # "hold" keeps notas at the city, "deny" denies them
    cancel_refused: bool = False
    cancel_unsupported: bool = False  # 400 on DELETE
    cancels_nothing: bool = False  # a DELETE is answered 200, and the nota stays as it is
    # Texts with which DELETEs are refused, one after another; the last one stays until taken away.
    cancel_refusals: list[str] = field(default_factory=list)
    duplicate_in_progress: str = "400"  # "409", "same" (200 without effect), "second" (worst case)
    duplicate_done: str = "400"  # "same", "second" (a second nota: the worst case)
    forbidden: bool = False  # 403 on everything of this company
    latency: float = 0.0  # real seconds before a POST is answered
    takes_foreign_kind: bool = False  # `tipoPessoa` "E": nobody has confirmed that it exists
    accept_required: bool = True  # an XML answer without Accept
    raw_xml: bool = False
    early_download: int = 404  # or 400
    nulls_for_absent: bool = False
    list_cap: int = 150  # rows a page has at most, whatever is asked for
    list_pages_by: str = "given"  # pages are counted by the size given, or "asked" for
    not_found_html: int = 0  # so many reads of a nota are answered with a page of 404
    stale_reads: int = 0  # so many reads of a nota show it as it was before its last change
    late_seconds: float | None = None  # a POST is answered 500, and its nota is there so much later
    shift_pages: int = 0  # so many notas appear after each page of the list is read
    status_words: dict[str, str] = field(default_factory=dict)  # {"Autorizada": "Emitida"}
    webhooks: str = "on"  # "off", "before_answer" (sent when the POST arrives)
    webhook_duplicates: int = 0
    webhook_reorder_seconds: float = 0.0
    webhook_delay: float = 0.0
    webhook_wrong_header: bool = False
    webhook_ladder: tuple[float, ...] = (60, 300, 1800)  # invented

    def change(self, switches: dict[str, Any]) -> None:
        """Set switches by name; raises AttributeError or ValueError for what none can be."""
        if len(switches.get("progress", self.progress)) != len(self.progress):
            raise ValueError(f"progress takes {len(self.progress)} numbers")  # the clock would trip
        for name, value in switches.items():
            if name not in self.__slots__:
                raise AttributeError(f"no such switch: {name}")
            setattr(self, name, tuple(value) if isinstance(value, list) else value)
