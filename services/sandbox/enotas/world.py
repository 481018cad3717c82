"""The eNotas of the sandbox: keys, companies, notas, and what became of them."""

import base64
import itertools
import random
import secrets
import uuid
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Final

from services.sandbox.clock import Clock
from services.sandbox.courier import Courier
from services.sandbox.enotas.invariants import Invariants
from services.sandbox.enotas.records import Company, EnotasKey, Json, Nota, Outcome
from services.sandbox.enotas.states import Machine
from services.sandbox.enotas.webhooks import StatusWebhooks
from services.sandbox.storms import Weather

JOURNAL_LENGTH: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One request as it was answered; header names only, so that no key is kept."""

    at: float
    method: str
    path: str
    status: int  # 0: the line was cut
    header_names: tuple[str, ...]
    external_id: str | None


class EnotasWorld:
    """Every account at eNotas."""

    def __init__(self, clock: Clock, courier: Courier) -> None:
        self.clock = clock
        self.courier = courier
        self.keys: dict[str, EnotasKey] = {}
        self.companies: dict[str, Company] = {}
        self.providers: dict[str, Json] = {}  # by city, what differs from the usual
        self.journal: deque[JournalEntry] = deque(maxlen=JOURNAL_LENGTH)
        self.counts: Counter[str] = Counter()
        self.weather = Weather.of_enotas()
        self.rng = random.Random(7)  # noqa: S311 (faults must repeat, not surprise)
        self.invariants = Invariants()
        self.webhooks = StatusWebhooks(courier, self.keys)
        self.machine = Machine(clock, self._moved)
        self._serial = itertools.count(1)

    def create_key(
        self, *, key: str | None = None, webhook_url: str | None = None,
        webhook_header: tuple[str, str] | None = None,
    ) -> EnotasKey:  # fmt: skip
        """Open an account; its key looks like base64, as real ones do."""
        text = key or base64.b64encode(secrets.token_bytes(24)).decode()
        made = EnotasKey(key=text, webhook_url=webhook_url, webhook_header=webhook_header)
        self.keys[text] = made
        return made

    def create_company(
        self, *, key: str, company_id: str | None = None, name: str = "Empresa Exemplo Ltda",
        cnpj: str = "11222333000181", city: str = "3550308", missing: list[str] | None = None,
    ) -> Company:  # fmt: skip
        """Give an account a company; `missing` is what its registration lacks."""
        number = company_id.lower() if company_id else str(uuid.UUID(int=self.rng.getrandbits(128)))
        made = Company(id=number, key=key, name=name, cnpj=cnpj, city=city, missing=missing or [])
        self.companies[made.id] = made
        return made

    def company(self, company_id: str) -> Company:
        """Find a company, without regard to capitals; raises KeyError."""
        return self.companies[company_id.lower()]

    def decide(self, company: Company, external_id: str, outcome: Outcome) -> None:
        """Say beforehand what becomes of a nota at its next send."""
        company.outcomes[external_id] = outcome

    def issue(self, company: Company, external_id: str, body: Json) -> Nota:
        """Take a new nota and begin to issue it."""
        now, serial = self.clock.now(), next(self._serial)
        nota = Nota(
            id=f"{serial:08x}-0000-4000-8000-{self.rng.getrandbits(48):012x}",
            company_id=company.id, external_id=external_id, body=body, created=now, changed=now,
            rps=body.get("numeroRps") or serial,
        )  # fmt: skip
        company.notas[nota.id] = nota
        if external_id:
            company.by_external_id.setdefault(external_id, nota)
            self.invariants.created(nota)
        self.counts["issued_asked"] += 1
        if company.faults.webhooks == "before_answer":
            self.webhooks.tell_early(company, nota)
        self.machine.send(company, nota)
        return nota

    def issue_later(self, company: Company, external_id: str, body: Json, seconds: float) -> None:
        """Take a nota whose request was lost on the way, and turns up by itself."""

        def arrive() -> None:
            if external_id not in company.by_external_id:
                self.issue(company, external_id, body)

        self.clock.call_at(self.clock.now() + seconds, arrive)

    def cancel_in_panel(self, company: Company, nota: Nota) -> None:
        """Somebody cancels a nota in eNotas' own panel, or the city does."""
        self.machine.cancel(company, nota)

    def resend_in_panel(self, company: Company, nota: Nota, outcome: Outcome | None = None) -> None:
        """Somebody sends a denied nota again in eNotas' own panel."""
        company.outcomes[nota.external_id] = outcome or Outcome()
        self.resend(company, nota, nota.body)

    def resend(self, company: Company, nota: Nota, body: Json) -> None:
        """Begin again with a denied nota."""
        nota.body = body
        nota.sends += 1
        self.counts["resent"] += 1
        self.machine.send(company, nota)

    def report(self) -> dict[str, Any]:
        """Count the notas by status."""
        statuses = Counter(n.status for c in self.companies.values() for n in c.notas.values())
        return {"requests": dict(self.counts), "notas": dict(statuses)}

    def reset(self) -> None:
        """Forget everything."""
        for collection in (self.keys, self.companies, self.providers, self.journal, self.counts):
            collection.clear()
        self.weather.clear()
        self.invariants.clear()

    def _moved(self, company: Company, nota: Nota) -> None:
        self.invariants.moved(nota)
        self.counts[nota.status] += 1
        self.webhooks.tell(company, nota, at=nota.changed)
