"""eNotas Gateway's HTTP API for NFS-e."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from services.sandbox.enotas import cities, lists
from services.sandbox.enotas.records import IN_PROGRESS, Company, Json, Nota
from services.sandbox.enotas.render import company_body, downloadable, nota_body, pdf, xml
from services.sandbox.enotas.shapes import wrong_in
from services.sandbox.enotas.world import EnotasWorld, JournalEntry
from services.sandbox.wire import Answer, Call, answer_json, dump

BY_EXTERNAL_ID: Final = "porIdExterno"
_CONTAINS: Final = re.compile(r"contains\(\s*descricao\s*,\s*'([^']*)'\s*\)")


def error(status: int, code: str, message: str) -> Answer:
    """Answer with eNotas' array of errors."""
    return answer_json([{"codigo": code, "mensagem": message}], status)


NOT_FOUND: Final = Answer(status=404)
NOT_FOUND_PAGE: Final = Answer(
    status=404, body=b"<html><h1>404 Not Found</h1></html>", content_type="text/html"
)
LOST: Final = Answer(status=500)
UNAUTHORIZED: Final = error(401, "AUT001", "Chave de acesso ausente ou inválida.")
FORBIDDEN: Final = error(403, "AUT003", "Sem permissão para acessar a empresa.")


class EnotasApp:
    """Answers calls under /v1 on behalf of every account of a world."""

    def __init__(self, world: EnotasWorld) -> None:
        self._world = world

    def handle(self, call: Call) -> Answer:
        """Answer one call and write it into the journal."""
        subject: list[str] = []
        answer = self._answer(call, subject)
        self._world.journal.append(
            JournalEntry(
                at=self._world.clock.now(),
                method=call.method,
                path=call.raw_path,
                status=0 if answer.hang_up else answer.status,
                header_names=tuple(call.headers),
                external_id=subject[0] if subject else None,
            )
        )
        return answer

    def _answer(self, call: Call, subject: list[str]) -> Answer:
        world = self._world
        key = call.headers.get("authorization", "").removeprefix("Basic ")
        known = world.keys.get(key)
        if known is None or known.revoked:
            world.invariants.key_refused(call, world.keys)
            return UNAUTHORIZED
        world.invariants.key_in_url(call, key)
        spoilt = world.weather.strike(call, "before", world.rng)
        if spoilt is None:
            answer = self._routed(call, key, subject)
            spoilt = world.weather.strike(call, "after", world.rng)
        return answer if spoilt is None else spoilt

    def _routed(self, call: Call, key: str, subject: list[str]) -> Answer:
        match call.segments:
            case ["v1", "empresas"]:
                return self._companies(call, key)
            case ["v1", "empresas", company_id, *rest]:
                return self._of_company(call, key, company_id, rest, subject)
            case ["v1", "estados", "cidades", city, "provedor"] if call.method == "GET":
                body = cities.provider(city, self._world.providers)
                return error(400, "PRE001", "Cidade não atendida.") if body is None \
                    else answer_json(body)  # fmt: skip
            case ["v1", "estados", *_, "cidades", city, "servicos"] if call.method == "GET":
                found = _CONTAINS.search(call.params.get("filter", ""))
                rows = cities.services(city, found[1] if found else "")
                return answer_json({"totalRecords": len(rows), "data": rows})
            case ["v1", "servicos", "cidades"] if call.method == "GET":
                return answer_json(cities.cities())
            case _:
                return NOT_FOUND

    def _companies(self, call: Call, key: str) -> Answer:
        world = self._world
        if call.method == "GET":
            mine = [company_body(c) for c in world.companies.values() if c.key == key]
            return lists.plain_page(mine, call.params)
        body = _object(call)
        if body is None:
            return error(400, "GEN001", "Corpo inválido.")
        company = world.companies.get(str(body.get("id") or "").lower())
        if company is None:
            company = world.create_company(key=key, cnpj=str(body.get("cnpj") or ""))
        company.details |= {name: value for name, value in body.items() if name != "id"}
        company.name = str(body.get("razaoSocial") or company.name)
        return answer_json({"empresaId": company.id.upper()})

    def _of_company(
        self, call: Call, key: str, company_id: str, rest: list[str], subject: list[str]
    ) -> Answer:
        company = self._world.companies.get(company_id.lower())
        if company is None:
            return NOT_FOUND
        if company.key != key or company.faults.forbidden:
            return FORBIDDEN
        if company.faults.accept_required and "accept" not in call.headers:
            return Answer(status=400, body=b"<Erros><Erro/></Erros>", content_type="text/xml")
        spoilt = company.weather.strike(call, "before", self._world.rng)
        if spoilt is not None:
            return spoilt
        if rest[:1] == ["nfes"]:
            answer = self._notas(call, company, rest[1:], subject)
        else:
            answer = _company_calls(call, company, rest)
        return company.weather.strike(call, "after", self._world.rng) or answer

    def _notas(self, call: Call, company: Company, rest: list[str], subject: list[str]) -> Answer:
        if not rest:
            if call.method == "POST":
                return self._post(call, company, subject)
            return lists.page(self._world, company, call.params)
        by_external = rest[0] == BY_EXTERNAL_ID and len(rest) > 1
        name, tail = (rest[1], rest[2:]) if by_external else (rest[0], rest[1:])
        index = company.by_external_id if by_external else company.notas
        nota = index.get(name if by_external else name.lower())
        if call.method == "GET" and company.faults.not_found_html > 0:
            company.faults.not_found_html -= 1
            return NOT_FOUND_PAGE
        if nota is None:
            return NOT_FOUND
        subject.append(nota.external_id)
        match call.method, tail:
            case "GET", []:
                return answer_json(nota_body(company, _as_read(company, nota)))
            case "DELETE", []:
                return self._delete(company, nota)
            case "GET", ["pdf"]:
                return _download(company, nota, lambda: Answer(
                    body=pdf(nota), content_type="application/pdf"))  # fmt: skip
            case "GET", ["xml"]:
                return _download(company, nota, lambda: _xml(call, company, nota))
            case _:
                return NOT_FOUND

    def _post(self, call: Call, company: Company, subject: list[str]) -> Answer:
        body = _object(call)
        if body is None:
            return error(400, "GEN001", "Corpo inválido.")
        external_id = str(body.get("idExterno") or "")
        if not external_id and body.get("id"):
            resent = company.notas.get(str(body["id"]).lower())
            external_id = resent.external_id if resent else ""
        subject.append(external_id)
        self._world.invariants.posted(company, external_id, body)
        refusal = _refusal(company, body)
        if refusal is not None:
            return refusal
        known = company.by_external_id.get(external_id) if external_id else None
        if known is not None:
            return self._post_again(company, known, body)
        if company.faults.late_seconds is not None:
            self._world.issue_later(company, external_id, body, company.faults.late_seconds)
            return LOST
        nota = self._world.issue(company, external_id, body)
        # The webhook that overtakes the answer has been tried by then, however long that takes.
        early = company.faults.webhooks == "before_answer"
        return Answer(
            body=dump({"nfeId": nota.id}), delay=company.faults.latency,
            first=self._world.courier.settle if early else None,
        )  # fmt: skip

    def _post_again(self, company: Company, nota: Nota, body: Json) -> Answer:
        if nota.status == "Negada":
            self._world.resend(company, nota, body)
            return answer_json({"nfeId": nota.id})
        self._world.counts["duplicates"] += 1
        if nota.status in IN_PROGRESS:
            mode, code = company.faults.duplicate_in_progress, "DUP-PROG"
        else:
            mode, code = company.faults.duplicate_done, "DUP-DONE"
        if mode == "same":
            return answer_json({"nfeId": nota.id})
        if mode == "second":
            return answer_json({"nfeId": self._world.issue(company, nota.external_id, body).id})
        return error(int(mode), code, f"Já existe uma nota com este idExterno ({nota.status}).")

    def _delete(self, company: Company, nota: Nota) -> Answer:
        self._world.invariants.deleted(nota)
        self._world.counts["cancel_asked"] += 1
        provider = cities.provider(company.city, self._world.providers) or {}
        if company.faults.cancel_unsupported or provider.get("suportaCancelamento") is False:
            return error(400, "CAN001", "A prefeitura não permite cancelamento por sistema.")
        if company.faults.cancel_refusals:
            texts = company.faults.cancel_refusals
            return error(400, "CAN003", texts.pop(0) if len(texts) > 1 else texts[0])
        if nota.status not in {"Autorizada", "CancelamentoNegado"}:
            return error(400, "CAN002", f"A nota não pode ser cancelada ({nota.status}).")
        if not company.faults.cancels_nothing:
            self._world.machine.cancel(company, nota)
        return answer_json({"nfeId": nota.id})


def _as_read(company: Company, nota: Nota) -> Nota:
    if company.faults.stale_reads > 0 and nota.before is not None:
        company.faults.stale_reads -= 1
        return nota.before
    return nota


def _object(call: Call) -> Json | None:
    try:
        body: Any = json.loads(call.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refusal(company: Company, body: Json) -> Answer | None:
    if company.missing or not company.enabled:
        return error(400, "002", "Faltam dados obrigatórios no cadastro da empresa.")
    service = body.get("servico")
    errors = [
        {"codigo": "REQ", "mensagem": f"O campo {name} deve ser informado."}
        for name, value in (
            ("valorTotal", body.get("valorTotal")),
            ("servico.descricao", service.get("descricao") if isinstance(service, dict) else None),
            ("ambienteEmissao", body.get("ambienteEmissao") in {"Homologacao", "Producao"}),
        )
        if not value
    ]
    errors += [
        {"codigo": "FMT", "mensagem": f"O campo {name} não tem o formato esperado."}
        for name in wrong_in(body, takes_foreign_kind=company.faults.takes_foreign_kind)
    ]
    return answer_json(errors, 400) if errors else None


def _company_calls(call: Call, company: Company, rest: list[str]) -> Answer:
    match call.method, rest:
        case "GET", []:
            return answer_json(company_body(company))
        case "GET", ["criticardadosobrigatorios"]:
            return answer_json([{"codigo": "002", "mensagem": text} for text in company.missing])
        case "POST", ["certificadoDigital"]:
            company.faults.certificate_expired = False
            return answer_json({"empresaId": company.id.upper()})
        case "POST", ["logo"]:
            return answer_json({"empresaId": company.id.upper()})
        case "POST", ["habilitar" | "desabilitar" as verb]:
            company.enabled = verb == "habilitar"
            return Answer()
        case _:
            return NOT_FOUND


def _download(company: Company, nota: Nota, make: Callable[[], Answer]) -> Answer:
    if not downloadable(nota):
        return error(company.faults.early_download, "GEN003", "Nota ainda não autorizada.")
    return make()


def _xml(call: Call, company: Company, nota: Nota) -> Answer:
    text = xml(company, nota)
    if company.faults.raw_xml or "json" not in call.headers.get("accept", ""):
        return Answer(body=text.encode(), content_type="application/xml; charset=utf-8")
    return Answer(body=dump(text))
