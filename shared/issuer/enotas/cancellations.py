"""Why a nota was not cancelled, told from the text and from where the nota is (enotas-api, 7)."""

import re
from typing import Final

from shared.domain.bare_text import bare
from shared.domain.cancellations import (
    ACCOUNT,
    BY_PORTAL,
    CERTIFICATE,
    CITY_REFUSED,
    DEADLINE,
    IN_PROGRESS,
    NOT_FOUND,
    OUTAGE,
    UNEXPLAINED,
)
from shared.issuer.enotas.denials import classify_denial, plain_reason
from shared.issuer.enotas.payloads import UNDOCUMENTED
from shared.issuer.interface import Phase, Snapshot

# As with denials, the first class with a keyword in the text has the word.
KEYWORDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        ACCOUNT,
        (
            "pagamento em aberto",
            "pagamento pendente",
            "falta de pagamento",
            "fatura em aberto",
            "fatura vencida",
            "debito em aberto",
            "debitos em aberto",
            "mensalidade",
            "assinatura esta vencida",
            "assinatura vencida",
            "assinatura expirada",
            "assinatura cancelada",
            "inadimplen",
            "bloquead",
            "suspens",
        ),
    ),
    (
        IN_PROGRESS,
        (
            "em processamento",
            "em processo de",
            "sendo processad",
            "em andamento",
            "aguardando",
            "ja solicitado",
            "ja foi solicitado",
            "em analise",
            # At the city it is, and its word is on the way here.
            "ja cancelada",
            "ja esta cancelada",
            "ja foi cancelada",
            "ja se encontra cancelada",
        ),
    ),
    (
        DEADLINE,
        (
            "prazo",
            "fora do periodo",
            "periodo encerrado",
            "mes encerrado",
            "competencia encerrada",
            "guia ja",
            "guia de recolhimento",
            "guia paga",
            "guia emitida",
            "guia gerada",
            "iss ja recolhido",
            "escrituracao do mes",
            "emitida ha mais de",
            "so e permitido ate",
            "somente e permitido ate",
        ),
    ),
    (
        BY_PORTAL,
        (
            "nao permite cancelamento",
            "nao suporta cancelamento",
            "nao suporta o cancelamento",
            "nao permite o cancelamento",
            "nao possui cancelamento",
            "cancelamento nao disponivel",
            "cancelamento por sistema",
            "pelo portal",
            "no portal",
            "pelo site da prefeitura",
            "no site da prefeitura",
            "processo administrativo",
            "presencialmente",
        ),
    ),
    (
        NOT_FOUND,
        (
            "nota nao encontrada",
            "nao foi encontrada",
            "nao encontrad",
            "nao localizad",
            "inexistente",
        ),
    ),
)
# Whoever keeps a nota from being cancelled, it is not the account that the tenant pays.
_BY_THE_CITY: Final = re.compile(
    r"(?:bloque|suspen)[a-z]* (?:\w+ ){0,3}(?:municipio|prefeitura|fisco|fiscalizacao|oficio)"
)
_NO_REASON: Final = re.compile(r"^(?:ocorreu |houve )?(?:um )?erro (?:interno|inesperado|generico)")
_OF_DENIAL: Final = {
    "denied_account": ACCOUNT,
    "denied_certificate": CERTIFICATE,
    "denied_outage": OUTAGE,
}


def why_refused(status: int, text: str | None, nota: Snapshot | None) -> str:
    """Sort the answer that refused to cancel; the city's no has words, one without any is nobody's.

    404 says that the nota was not found, whatever a look-up finds (enotas-api, section 2.2).
    """
    code = why_not_cancelled(text, nota)
    if code != CITY_REFUSED:
        return code
    if status == 404:
        return NOT_FOUND
    return CITY_REFUSED if plain_reason(text) else UNEXPLAINED


def why_not_cancelled(text: str | None, nota: Snapshot | None) -> str:
    """Sort a refusal by who must act; `nota` is as it was found afterwards, None when it was not.

    A code decides where the catalogue has a word for it, then words. A text of no known kind is
    the city's no: a person reads it.
    """
    if nota is None:
        return NOT_FOUND
    if nota.phase is Phase.PENDING or nota.raw_status.lower() in UNDOCUMENTED:
        return IN_PROGRESS
    known = classify_denial(text)
    if known.cancels is not None:
        return known.cancels
    plain = bare(plain_reason(text) or "")
    if _BY_THE_CITY.search(plain):
        return CITY_REFUSED
    if _NO_REASON.search(plain):
        return UNEXPLAINED
    shared = _OF_DENIAL.get(known.denial)
    found = next((code for code, words in KEYWORDS if any(one in plain for one in words)), None)
    return found or shared or CITY_REFUSED
