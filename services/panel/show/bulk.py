"""An action for many sales as a person sees it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.panel.kit import say
from services.panel.show.status import Tone
from services.panel.texts import text
from shared.domain.bulk import BulkJob, BulkStatus

LABELS: Final[dict[BulkStatus, tuple[str, Tone]]] = {
    "queued": ("Na fila", "calm"),
    "running": ("Em andamento", "calm"),
    "completed": ("Concluído", "good"),
    "cancelled": ("Interrompido", "plain"),
    "failed": ("Parou por uma falha nossa", "bad"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShown:
    """A job with its words; `left` is how long it goes on, where that is known."""

    job: BulkJob
    title: str
    label: str
    tone: Tone
    left: str
    none_left: bool


def job_shown(job: BulkJob, now: datetime) -> JobShown:
    """What a page says of a job."""
    label, tone = LABELS[job.status]
    left = job.left(now)
    count = say.counted(job.sales, "venda", "vendas")
    return JobShown(
        job=job,
        title=text("many.title", action=text(f"action.{job.action}"), count=count),
        label=label,
        tone=tone,
        left=say.span(left) if left is not None else "",
        none_left=job.done >= job.sales,
    )
