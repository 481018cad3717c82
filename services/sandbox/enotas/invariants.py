"""What a careful client never does; the stand-in watches and reports."""

import base64
import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from services.sandbox.enotas.checks import rps_of
from services.sandbox.enotas.records import IN_PROGRESS, VALID, Company, Nota
from services.sandbox.wire import Call

KEPT: Final = 1000
_REVISION: Final = re.compile(r"-\d+$")
_PART: Final = re.compile(r"x\d+$")
# What XML 1.0 cannot carry, a break that is no line feed, or a blank at an end.
_UNFIT: Final = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]|\A\s|\s\Z"
)


def business_object(external_id: str) -> str:
    """Name what a nota is about: its idExterno without the revision at the end."""
    return _REVISION.sub("", external_id)


class Invariants:
    """Collects violations; each names its rule, the nota's idExterno and a word more."""

    def __init__(self) -> None:
        self.violations: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self._valid: dict[tuple[str, str], set[str]] = {}
        self._newest: dict[tuple[str, str], Nota] = {}
        self._standing: dict[tuple[str, str], set[str]] = {}  # what is valid of each sale
        self._numbered: dict[tuple[str, str, str, int], str] = {}  # whose each RPS number is
        self._companies: dict[str, set[str]] = {}  # where each business object has a real nota

    def report(self) -> dict[str, Any]:
        """Give {"ok", "violations", "counts"}."""
        return {
            "ok": not self.counts,
            "violations": list(self.violations),
            "counts": dict(self.counts),
        }

    def clear(self) -> None:
        """Forget what was seen."""
        self.violations.clear()
        self.counts.clear()
        self._valid.clear()
        self._newest.clear()
        self._standing.clear()
        self._companies.clear()
        self._numbered.clear()

    def note(self, rule: str, subject: str, detail: str = "") -> None:
        """Report a violation."""
        self.counts[rule] += 1
        self.violations.append({"rule": rule, "subject": subject, "detail": detail})

    def key_refused(self, call: Call, keys: Collection[str]) -> None:
        """Watch how the key travelled, after it was refused."""
        sent = call.headers.get("authorization")
        if not sent:
            self.note("key_missing", call.raw_path)
        elif any(sent.partition(" ")[2] in _codings(key) for key in keys):
            self.note("key_encoded_twice", call.raw_path)

    def key_in_url(self, call: Call, key: str) -> None:
        """Watch for a key where logs would keep it."""
        if key in call.raw_path or key in call.raw_query:
            self.note("key_in_url", "(path withheld)")

    def posted(self, company: Company, external_id: str, body: dict[str, Any]) -> None:
        """Watch a POST before it has any effect."""
        if not body.get("dataCompetencia"):
            self.note("competencia_missing", external_id)
        if body.get("enviarPorEmail") and body.get("ambienteEmissao") == "Homologacao":
            self.note("test_nota_mailed", external_id)
        rps = rps_of(body)
        if rps is not None:
            owner = self._numbered.setdefault((company.id, *rps), external_id)
            if owner != external_id:
                self.note("rps_number_of_another", external_id, owner)
        for name in _unfit_texts(body):
            self.note("unfit_text", external_id, name)
        known = company.by_external_id.get(external_id)
        if known is None:
            self._new_id(company, external_id, body)
        elif known.status in IN_PROGRESS:
            self.note("post_while_in_progress", external_id, known.status)
        elif known.status in {"Autorizada", "CancelamentoNegado"}:
            self.note("post_of_issued", external_id, known.status)
        elif known.status == "Cancelada":
            self.note("same_id_after_cancellation", external_id)

    def _new_id(self, company: Company, external_id: str, body: dict[str, Any]) -> None:
        earlier = self._newest.get((company.id, business_object(external_id)))
        if earlier is not None and earlier.status == "Negada":
            self.note("new_id_after_denial", external_id, earlier.external_id)
        elif (
            earlier is not None
            and earlier.status in VALID
            and (body.get("idExternoSubstituir") == earlier.external_id)
        ):
            return  # it takes that one's place
        elif earlier is not None and earlier.status != "Cancelada":
            self.note("second_nota_asked", external_id, earlier.status)

    def created(self, nota: Nota) -> None:
        """Remember a new nota as the newest of its business object."""
        self._newest[(nota.company_id, business_object(nota.external_id))] = nota

    def deleted(self, nota: Nota) -> None:
        """Watch a DELETE before it has any effect."""
        if nota.status not in {"Autorizada", "CancelamentoNegado"}:
            self.note("delete_unless_authorised", nota.external_id, nota.status)

    def moved(self, nota: Nota) -> None:
        """Watch a nota's new status: one valid nota per business object."""
        subject = (nota.company_id, business_object(nota.external_id))
        valid = self._valid.setdefault(subject, set())
        if nota.status in VALID:
            valid.add(nota.id)
            if len(valid) > 1:
                self.note("two_authorised", nota.external_id, f"{len(valid)} valid")
            self._stands(nota)
            self._stands_at(nota)
        elif nota.status == "Cancelada":
            valid.discard(nota.id)
            if not valid:
                self._companies.get(subject[1], set()).discard(nota.company_id)
                self._standing.get(_sale_of(nota), set()).discard(subject[1])

    def _stands(self, nota: Nota) -> None:
        """Watch for a nota of a part beside one of the whole sale."""
        whole = _sale_of(nota)
        standing = self._standing.setdefault(whole, set())
        standing.add(business_object(nota.external_id))
        if len(standing) > 1 and whole[1] in standing:
            self.note("whole_and_part", nota.external_id, f"{len(standing)} valid")

    def _stands_at(self, nota: Nota) -> None:
        """Watch for a sale with notas of fiscal value at two companies: one of them is too many."""
        if nota.body.get("ambienteEmissao") != "Producao" or not nota.external_id:
            return
        companies = self._companies.setdefault(business_object(nota.external_id), set())
        companies.add(nota.company_id)
        if len(companies) > 1:
            self.note("valid_at_two_companies", nota.external_id, f"{len(companies)} companies")


def _sale_of(nota: Nota) -> tuple[str, str]:
    """Name the sale a nota is of: `{bill}x{part}` is a part of `{bill}`."""
    return nota.company_id, _PART.sub("", business_object(nota.external_id))


def _codings(key: str) -> Iterable[str]:
    for text in (key, f"{key}:"):
        yield base64.b64encode(text.encode()).decode()


def _unfit_texts(body: dict[str, Any]) -> Iterator[str]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _unfit_texts(value)
        elif isinstance(value, str) and _UNFIT.search(value):
            yield name
