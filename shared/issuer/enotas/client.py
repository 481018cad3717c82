"""Notas through the eNotas Gateway, by the protocol of a careful client (enotas-api, 6.3)."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import ClientSession
from yarl import URL

from shared.domain.errors import TransientError
from shared.domain.ids import ExternalId, IssuerNotaId
from shared.domain.nota import IssuerEnvironment, NotaDraft
from shared.domain.refusals import SPEAKS_OF_ANOTHER, KnownDenial
from shared.issuer.enotas import payloads
from shared.issuer.enotas.cancellations import why_not_cancelled, why_refused
from shared.issuer.enotas.company import read_facts
from shared.issuer.enotas.denials import classify_denial
from shared.issuer.enotas.form import FORM
from shared.issuer.enotas.lists import Lists
from shared.issuer.enotas.transport import AnswerLost, EnotasAnswer, Transport
from shared.issuer.errors import (
    ANOTHER_NOTA,
    NO_ID,
    NO_NOTA,
    IssuerCompanyUnknown,
    IssuerUnavailable,
)
from shared.issuer.interface import (
    PAGE_PATIENCE,
    CancelAccepted,
    CancelRejected,
    Capabilities,
    Connection,
    DocumentKind,
    Finding,
    Issued,
    NotReady,
    Pending,
    Phase,
    Rejected,
    Snapshot,
    Unknown,
)
from shared.issuer.limits import Limits
from shared.net.http import MayLeave, server_time

# Their times have whole seconds: a change in the second before the request came before it.
RESOLUTION: Final = timedelta(seconds=1)
LONGEST_WORD: Final = 300  # a company's name
INCOMPLETE: Final = "O cadastro da empresa no eNotas está incompleto."


class EnotasIssuer:
    """One tenant's company at the eNotas Gateway; implements `Issuer`."""

    capabilities: Final = Capabilities(lists=True, substitutes=True)
    form: Final = FORM

    def __init__(
        self,
        session: ClientSession,
        *,
        base_url: str,
        api_key: str,
        company_id: str,
        limits: Limits,
        limit_key: str,
        timeout: timedelta = timedelta(seconds=30),
        patience: timedelta = timedelta(seconds=5),
    ) -> None:
        """`session` is one of `open_session`, which sends every request once.

        `base_url` ends before `/v1`; `limit_key` names the key's limits, which go round among
        the companies that share them.
        """
        self._transport = Transport(
            session,
            base_url=base_url,
            api_key=api_key,
            limits=limits,
            limit_key=limit_key,
            company_id=company_id,
            timeout=timeout,
            patience=patience,
        )
        self._company = f"/v1/empresas/{quote(company_id, safe='')}"
        self._notas = f"{self._company}/nfes"
        self._post_url = self._transport.url(self._notas)

    def classify_denial(self, reason: str | None) -> KnownDenial:
        """Sort a denial's text by who must act (enotas-api, section 14)."""
        return classify_denial(reason)

    def classify_cancel_refusal(self, snapshot: Snapshot) -> str:
        """Sort the reason of a nota that was not cancelled by who must act."""
        return why_not_cancelled(snapshot.reason, snapshot)

    async def submit(
        self,
        key: ExternalId,
        draft: NotaDraft,
        *,
        environment: IssuerEnvironment,
        look_first: bool = False,
        may_leave: MayLeave | None = None,
    ) -> Pending | Issued | Rejected | Unknown:
        """Ask for one nota; see `Issuer.submit`. IssuerBusy: look first when trying again."""
        if look_first:
            known = await self.find(key)
            if known is not None and known.phase is not Phase.DENIED:
                return _adopt(known)
        body = payloads.encode(payloads.render_nota(key, draft, environment))
        started = time.monotonic()
        try:
            answer = await self._transport.send("POST", self._post_url, body, may_leave=may_leave)
        except AnswerLost as lost:
            return Unknown(why=lost.why)
        if answer.status == 404:
            raise IssuerCompanyUnknown
        if answer.is_refusal:
            return await self._after_refusal(key, answer, time.monotonic() - started)
        return _accepted(answer)

    async def find(self, key: ExternalId) -> Snapshot | None:
        """Read a nota by our id; None when eNotas says that it has none."""
        snapshot = await self._read_nota(self._by_key(key))
        if snapshot is not None and snapshot.external_id not in (None, key):
            raise IssuerUnavailable(ANOTHER_NOTA)
        return snapshot

    async def get(self, issuer_id: IssuerNotaId) -> Snapshot | None:
        """Read a nota by eNotas' id; None when eNotas says that it has none."""
        path = f"{self._notas}/{quote(issuer_id, safe='')}"
        snapshot = await self._read_nota(self._transport.url(path))
        # Ids come in capitals in some places and in small letters in others.
        if snapshot is not None and snapshot.issuer_id.lower() != issuer_id.lower():
            raise IssuerUnavailable(ANOTHER_NOTA)
        return snapshot

    async def cancel(
        self, key: ExternalId, *, may_leave: MayLeave | None = None
    ) -> CancelAccepted | CancelRejected | Unknown:
        """Ask to cancel; a refusal is looked up, since it may answer a wish already granted."""
        try:
            answer = await self._transport.send("DELETE", self._by_key(key), may_leave=may_leave)
        except AnswerLost as lost:
            return Unknown(why=lost.why)
        if not answer.is_refusal:
            accepted = _accepted(answer)
            return accepted if isinstance(accepted, Unknown) else CancelAccepted()
        try:
            snapshot = await self.find(key)
        except TransientError:
            return Unknown(why="look-up failed")
        phase = snapshot.phase if snapshot is not None else None
        match phase:
            case Phase.CANCELLING | Phase.CANCELLED:
                return CancelAccepted()
            case Phase.UNKNOWN_STATUS:
                return Unknown(why="unknown status")
            case _:
                findings = payloads.read_findings(answer.body)
                code = why_refused(answer.status, text_of(findings), snapshot)
                return CancelRejected(findings=findings, phase=phase, code=code)

    async def documents(self, key: ExternalId, kind: DocumentKind) -> bytes | NotReady:
        """Fetch the PDF or XML; IssuerUnavailable when what came is neither."""
        answer = await self._transport.read(self._by_key(key, f"/{kind}"))
        if answer.is_refusal:
            return NotReady()
        if kind == "pdf":
            if not answer.body.startswith(b"%PDF-"):
                raise IssuerUnavailable("not a PDF")
            return answer.body
        try:
            return payloads.read_xml(answer.body)
        except ValueError:
            raise IssuerUnavailable("not XML") from None

    async def check_connection(self) -> Connection:
        """Read the company and what its registration lacks."""
        answer = await self._transport.read(self._transport.url(self._company))
        if answer.is_refusal:
            raise IssuerCompanyUnknown
        company = _object(answer)
        url = self._transport.url(f"{self._company}/criticardadosobrigatorios")
        lacks = await self._transport.read(url, may_be_empty=True)
        missing = payloads.read_missing(lacks.body) if lacks.status == 200 else ()
        if company.get("dadosobrigatoriospreenchidos") is False:
            missing = missing or (INCOMPLETE,)
        return Connection(
            company_name=_word(company, "razaosocial") or _word(company, "nomefantasia") or "",
            cnpj=_word(company, "cnpj"),
            missing=missing,
            facts=read_facts(company),
            city=payloads.read_city(company),
            regime=payloads.read_regime(company),
        )

    async def list_created(
        self,
        since: date,
        until: date,
        *,
        newest_first: bool = False,
        patience: timedelta = PAGE_PATIENCE,
    ) -> AsyncIterator[Snapshot]:
        """Walk through the notas created on some UTC days; see `Lists.created`."""
        lists = Lists(self._transport, self._notas)
        listed = lists.created(since, until, newest_first=newest_first, patience=patience)
        async for snapshot in listed:
            yield snapshot

    async def _after_refusal(
        self, key: ExternalId, answer: EnotasAnswer, took: float
    ) -> Pending | Issued | Rejected | Unknown:
        """Tell a refusal of what a nota says from one of a nota that exists already."""
        findings = payloads.read_findings(answer.body)
        known_by_text = classify_denial(text_of(findings))
        if answer.status == HTTPStatus.CONFLICT and not known_by_text.in_catalogue:
            known_by_text = SPEAKS_OF_ANOTHER  # whatever it says, it says that something is there
        rejected = Rejected(findings=findings, known=known_by_text)
        try:
            known = await self.find(key)
        except TransientError:
            return Unknown(why="look-up failed")
        if known is None:
            return rejected
        said = server_time(answer.headers) or datetime.now(UTC)
        sent_at = said - timedelta(seconds=took)
        if known.phase is Phase.DENIED and _changed_before(known, sent_at):
            return rejected
        return _adopt(known)

    async def _read_nota(self, url: URL) -> Snapshot | None:
        answer = await self._transport.read(url)
        if answer.status == 404:
            return None
        if answer.is_refusal:
            raise IssuerUnavailable(f"status {answer.status}")
        try:
            content = answer.json()
        except ValueError:
            raise IssuerUnavailable("not a nota") from None
        try:
            return payloads.read_snapshot(content)
        except ValueError:
            raise IssuerUnavailable(NO_NOTA) from None

    def _by_key(self, key: ExternalId, more: str = "") -> URL:
        return self._transport.url(f"{self._notas}/porIdExterno/{quote(key, safe='')}{more}")


def text_of(findings: Sequence[Finding]) -> str:
    """What was found wrong, as one text to sort by."""
    return "\n".join(f"{finding.code} {finding.message}" for finding in findings)


def _accepted(answer: EnotasAnswer) -> Pending | Unknown:
    if answer.status not in (200, 201, 202):
        return Unknown(why=f"status {answer.status}", retry_after=answer.asked_to_wait())
    try:
        number = payloads.read_nota_id(answer.json())
    except ValueError:
        number = None
    return Pending(issuer_id=number) if number else Unknown(why=NO_ID)


def _adopt(known: Snapshot) -> Pending | Issued:
    if known.phase is Phase.ISSUED:
        return Issued(snapshot=known)
    return Pending(issuer_id=known.issuer_id)


def _changed_before(known: Snapshot, sent_at: datetime) -> bool:
    return known.changed_at is None or known.changed_at < sent_at + RESOLUTION


def _word(company: Mapping[str, object], name: str) -> str | None:
    value = company.get(name)
    text = "" if value is None else str(value)
    return text.replace("\x00", "").strip()[:LONGEST_WORD] or None


def _object(answer: EnotasAnswer) -> dict[str, object]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise IssuerUnavailable("not a company")
    return {str(name).lower(): value for name, value in content.items()}
