"""A pass over several notas of one divided sale."""

from dataclasses import dataclass, field
from datetime import datetime

from services.emitter.planning.fold import answered, fold
from services.emitter.work import CancelNota, FollowUp, KnownPart, Plan
from shared.domain.part_states import DOUBT


@dataclass(slots=True, kw_only=True)
class Walk:
    """What is known of the parts so far, and when those asked about want to be asked again."""

    parts: tuple[KnownPart, ...]
    now: datetime
    _again: list[datetime] = field(default_factory=list)
    _put_off: set[int] = field(default_factory=set)  # parts of which nothing could be learnt now
    _cleared: bool = False  # a doubt ended, so the next part need not wait

    def take(self, answer: Plan, step: FollowUp | CancelNota) -> Plan:
        """Tell the answer to one step as what it makes of the sale, and remember it."""
        self._cleared = self._cleared or step.nota.status in DOUBT
        if _is_put_off(answer):
            self._put_off.add(step.nota.part)
        told = fold(
            answer,
            self.parts,
            self.now,
            sent=self._cleared,
            again=self._again,
            put_off=self._put_off,
        )
        self.parts = answered(self.parts, answer)
        if answer.settlement is not None and answer.settlement.due_at is not None:
            self._again.append(answer.settlement.due_at)
        return told


def _is_put_off(answer: Plan) -> bool:
    asks_again = answer.settlement is not None and answer.settlement.due_at is not None
    return asks_again and answer.nota is None and not answer.withdraw
