"""The life of a nota: steps on the sandbox's clock, and who decides what."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.sandbox.clock import Clock
from services.sandbox.enotas.checks import denied_for
from services.sandbox.enotas.denials import BY_PRE_CHECK, DENIALS, denial_text
from services.sandbox.enotas.records import FINAL, VALID, Company, Nota, Outcome, outcome_in

ISSUING: Final = (
    "AguardandoAutorizacao", "SolicitandoAutorizacao", "AutorizacaoSolicitada",
    "EmProcessoDeAutorizacao", "AutorizadaAguardandoGeracaoPDF", "Autorizada",
)  # fmt: skip
CANCELLING: Final = (
    "AguardandoCancelamento", "SolicitandoCancelamento", "CancelamentoSolicitado",
    "EmProcessoDeCancelamento", "CanceladaAguardandoAtualizacaoPDF", "Cancelada",
)  # fmt: skip
LONGEST_OUTAGE: Final = 48 * 3600.0  # the Gateway gives up then
ASK_AGAIN: Final = 600.0
BRASILIA: Final = ZoneInfo("America/Sao_Paulo")


class Machine:
    """Moves notas from state to state; `moved` hears of every new state."""

    def __init__(self, clock: Clock, moved: Callable[[Company, Nota], None]) -> None:
        self._clock = clock
        self._moved = moved
        self.rng = random.Random(15)  # noqa: S311 (outcomes must repeat, not surprise)

    def send(self, company: Company, nota: Nota) -> None:
        """Begin, or begin again, to issue a nota."""
        nota.outcome = self._outcome(company, nota)
        nota.run += 1
        nota.reason, nota.down_since = None, None
        denial = self._denial(company, nota)
        if not company.faults.instant or nota.outcome.kind in {"stuck", "outage"}:
            self._walk(company, nota, ISSUING, 0)
        elif denial is not None:
            self._deny(company, nota, denial)
        else:
            self._authorise(company, nota)
            self._enter(company, nota, "Autorizada")

    def cancel(self, company: Company, nota: Nota) -> None:
        """Begin to cancel a nota."""
        nota.run += 1
        if company.faults.instant:
            refused = _never_cancelled(company, nota)
            self._enter(company, nota, "CancelamentoNegado" if refused else "Cancelada")
        else:
            self._walk(company, nota, CANCELLING, 0)

    def force(self, company: Company, nota: Nota, status: str, reason: str | None = None) -> None:
        """Put a nota into a state at once, whatever it was doing."""
        nota.run += 1
        nota.reason = reason
        if status == "Autorizada" and nota.number is None:
            self._authorise(company, nota)
        self._enter(company, nota, status)

    def _outcome(self, company: Company, nota: Nota) -> Outcome:
        scripted = company.outcomes.get(nota.external_id)
        if scripted is not None:
            return scripted
        faults, service = company.faults, nota.body.get("servico") or {}
        triggered = outcome_in(str(service.get("descricao") or ""))
        if triggered is not None:
            return triggered
        denial = denied_for(company, nota.body)
        if denial is not None:
            return Outcome(kind="deny", denial=denial)
        if _is_future(nota.body.get("dataCompetencia"), self._clock.now()):
            return Outcome(kind="deny", denial="competencia")
        if faults.default_outcome != "random":
            return Outcome(kind=faults.default_outcome, denial=faults.default_denial)
        if self.rng.random() * 100 < faults.denied_percent:
            return Outcome(kind="deny", denial=self.rng.choice(sorted(DENIALS)))
        return Outcome()

    def _walk(self, company: Company, nota: Nota, chain: tuple[str, ...], at: int) -> None:
        """Enter a state of a chain and plan the step out of it."""
        self._enter(company, nota, chain[at])
        if at + 1 < len(chain):
            self._later(nota, company.faults.progress[at], lambda: self._step(company, nota, at))

    def _later(self, nota: Nota, seconds: float, step: Callable[[], None]) -> None:
        run = nota.run
        # From the state's own instant, so that a clock moved far ahead leaves no gaps.
        due = nota.changed + seconds
        self._clock.call_at(due, lambda: self._run(nota, run, due, step))

    def _run(self, nota: Nota, run: int, due: float, step: Callable[[], None]) -> None:
        if nota.run != run:
            return
        was, before = nota.changed, nota.before
        nota.changed = due
        step()
        if nota.before is not None and nota.before is not before:
            nota.before.changed = was  # a copy that lags behind has the instant of then

    def _step(self, company: Company, nota: Nota, at: int) -> None:
        chain = CANCELLING if nota.status in CANCELLING else ISSUING
        if chain is ISSUING and self._held_or_denied(company, nota, at):
            return
        if nota.status == "EmProcessoDeCancelamento" and _never_cancelled(company, nota):
            nota.reason = "A prefeitura não permite cancelar esta nota: prazo encerrado."
            self._enter(company, nota, "CancelamentoNegado", keep=True)
            return
        self._walk_on(company, nota, chain, at + 1)

    def _walk_on(self, company: Company, nota: Nota, chain: tuple[str, ...], at: int) -> None:
        if chain[at] == "AutorizadaAguardandoGeracaoPDF":
            self._authorise(company, nota)
        self._enter(company, nota, chain[at], keep=True)
        if at + 1 < len(chain):
            self._later(nota, company.faults.progress[at], lambda: self._step(company, nota, at))

    def _held_or_denied(self, company: Company, nota: Nota, at: int) -> bool:
        """Say whether the nota goes no further, for now or at all."""
        denial = self._denial(company, nota)
        by_city = nota.status == "EmProcessoDeAutorizacao"
        if denial and (by_city or (denial in BY_PRE_CHECK and at == 1)):
            self._deny(company, nota, denial)
            return True
        if not by_city or at != 3:
            return False
        return nota.outcome.kind == "stuck" or self._waits_for_city(company, nota, at)

    def _denial(self, company: Company, nota: Nota) -> str | None:
        if company.faults.certificate_expired:
            return "certificate"
        old = _substituted(company, nota)
        if "idExternoSubstituir" in nota.body and (old is None or old.status not in VALID):
            return "city"
        once = nota.outcome.kind == "deny_once" and nota.sends == 1
        if nota.outcome.kind == "deny" or once:
            return nota.outcome.denial
        return "outage" if company.faults.city_outage == "deny" else None

    def _waits_for_city(self, company: Company, nota: Nota, at: int) -> bool:
        if nota.down_since is None:
            nota.down_since = nota.changed
        waited = nota.changed - nota.down_since
        own = nota.outcome.kind == "outage" and waited < nota.outcome.hours * 3600
        if not own and company.faults.city_outage != "hold":
            return False
        if waited >= LONGEST_OUTAGE:
            self._deny(company, nota, "outage")
        else:
            wait = min(ASK_AGAIN, LONGEST_OUTAGE - waited)
            self._later(nota, wait, lambda: self._step(company, nota, at))
        return True

    def _deny(self, company: Company, nota: Nota, denial: str) -> None:
        nota.reason = denial_text(denial, nota.rps)
        self._enter(company, nota, "Negada", keep=True)

    def _authorise(self, company: Company, nota: Nota) -> None:
        old = _substituted(company, nota)
        if old is not None:
            old.run += 1
            self._enter(company, old, "Cancelada")
        company.last_number += 1
        nota.number = company.last_number
        nota.authorised = self._clock.now()

    def _enter(self, company: Company, nota: Nota, status: str, *, keep: bool = False) -> None:
        nota.before = replace(nota, before=None)
        nota.status = status
        if not keep:
            nota.changed = self._clock.now()
        if status == "Cancelada":
            nota.cancelled = nota.changed
        if status in FINAL or status == "AutorizadaAguardandoGeracaoPDF":
            self._moved(company, nota)


def _substituted(company: Company, nota: Nota) -> Nota | None:
    """Find the nota whose place another one takes once it is authorised."""
    return company.by_external_id.get(str(nota.body.get("idExternoSubstituir") or ""))


def _never_cancelled(company: Company, nota: Nota) -> bool:
    return company.faults.cancel_refused or nota.outcome.kind == "cancel_refused"


def _is_future(competencia: object, now: float) -> bool:
    try:
        moment = datetime.fromisoformat(str(competencia))
    except ValueError:
        return False
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=BRASILIA)
    return moment.astimezone(BRASILIA).date() > datetime.fromtimestamp(now, tz=BRASILIA).date()
