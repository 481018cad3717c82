"""Why a city or eNotas refused a nota, told from the text (enotas-api, section 14).

The texts come from some thousands of city halls and are joined, wrapped and misspelt in many
ways: keyword lists, tried in this order, are data to be extended by whoever reads denials.
"""

import json
import re
import unicodedata
from html import unescape
from typing import Final

UNKNOWN: Final = "denied_unknown"

# The first class with a keyword in the text has the word: what is more certain, or more harmful
# to get wrong, stands first. Numbering before all: such a nota may exist already.
KEYWORDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "denied_numbering",
        (
            "rps ja informado",
            "rps ja utilizado",
            "rps ja existe",
            "rps ja cadastrado",
            "rps ja foi",
            "rps duplicado",
            "ja existe um rps",
            "dps ja existe",
            "dps ja informada",
            "dps ja utilizada",
            "ja existe em uma nfs-e",
            "ja existe uma nfs-e",
            "ja existe nota",
            "numero do rps ja",
            "numero da dps ja",
            "serie do rps",
            "serie da dps",
            "serie rps",
            "gw3001",
        ),
    ),
    (
        "denied_account",
        (
            "aplicativo esta desativado",
            "aplicativo desativado",
            "falta de pagamento",
            "pagamento em aberto",
            "pagamento pendente",
            "fatura em aberto",
            "app desativado",
            "conta bloqueada",
            "conta suspensa",
            "empresa bloqueada",
            "inadimplen",
            "aut002",
        ),
    ),
    (
        "denied_certificate",
        (
            "certificado digital",
            "certificado esta vencido",
            "certificado vencido",
            "certificado expirado",
            "certificado a1",
            "certificado invalido",
            "certificado revogado",
        ),
    ),
    (
        "denied_outage",
        (
            "limite de tentativas de conexao",
            "tentativas de conexao",
            "sistema esta indisponivel",
            "sistema indisponivel",
            "servico indisponivel",
            "prefeitura indisponivel",
            "prefeitura esta indisponivel",
            "temporariamente indisponivel",
            "fora do ar",
            "tente novamente mais tarde",
            "tempo limite",
            "timeout",
            "time-out",
            "timed out",
            "service unavailable",
            "bad gateway",
            "nao foi possivel conectar",
            "falha na comunicacao",
            "falha de comunicacao",
            "erro de comunicacao",
        ),
    ),
    (
        "denied_service",  # a code that was not valid on the day of competência
        (
            "codigo de servico municipal",
            "nao administrado pelo municipio",
        ),
    ),
    (
        "denied_competencia",
        (
            "data de competencia",
            "data da competencia",
            "competencia superior",
            "competencia futura",
            "competencia encerrada",
            "competencia fechada",
            "mes encerrado",
            "mes fechado",
            "prazo de conversao",
            "prazo para conversao",
            "periodo encerrado",
        ),
    ),
    (
        "denied_foreign",
        (
            "tomador estrangeiro",
            "tomador do exterior",
            "tomador no exterior",
            "cliente estrangeiro",
            "cliente do exterior",
            "codigo postal do exterior",
            "codigo do pais",
            "pais do tomador",
            "comercio exterior",
            "endereco no exterior",
        ),
    ),
    (
        "denied_issuer_setup",
        (
            "simples nacional",
            "credenciais",
            "autenticar",
            "usuario ou senha",
            "usuario e senha",
            "senha invalida",
            "nao habilitad",
            "nao esta habilitad",
            "nao autorizado a emitir",
            "nao esta autorizad",
            "inscricao municipal inativa",
            "inscricao municipal do prestador",
            "inscricao municipal nao encontrada",
            "prestador nao",
            "cadastro do prestador",
            "cadastro da empresa",
            "dados obrigatorios da empresa",
            "regime especial de tributacao",
        ),
    ),
    (
        "denied_reform",
        (
            "codigonbs",
            "codigo nbs",
            "nbs",
            "cclasstrib",
            "classificacao tributaria",
            "cindop",
            "indicador de operacao",
            "indicador da operacao",
            "ibs/cbs",
            "ibscbs",
            "ibs e cbs",
        ),
    ),
    (
        "denied_contact",
        (
            "telefone",
            "e-mail",
            "email",
        ),
    ),
    (
        "denied_address",
        (
            "cep",
            "bairro",
            "logradouro",
            "numero do endereco",
            "complemento do endereco",
            "endereco do tomador incompleto",
            "endereco do cliente incompleto",
            "endereco e obrigatorio",
        ),
    ),
    (
        "denied_city",
        (
            "cidade informada",
            "cidades do ibge",
            "cidade do tomador",
            "cidade do cliente",
            "municipio do tomador",
            "municipio do cliente",
            "uf do tomador",
            "uf do cliente",
            "uf informada",
            "codigo do municipio do mesmo",
            "codigo ibge",
        ),
    ),
    (
        "denied_document",
        (
            "cpf",
            "cnpj",
            "documento do tomador",
            "documento do cliente",
        ),
    ),
    (
        "denied_service",
        (
            "codigo de servico",
            "codigo do servico",
            "codigo de tributacao",
            "item da lista de servico",
            "item de servico",
            "lista de servicos",
            "lc 116",
            "lc116",
            "cnae",
            "aliquota",
            "retencao",
            "iss retido",
            "natureza da operacao",
            "municipio de incidencia",
            "discriminacao",
        ),
    ),
    (
        "denied_address",
        ("endereco",),
    ),
    (
        "denied_layout",
        (
            "schema",
            "xml",
            "layout",
            "leiaute",
            "assinatura digital",
            "gw6",
        ),
    ),
)


def _pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    # Short ones stand alone, so that "cep" is not found in "exceptuado".
    parts = (rf"\b{re.escape(word)}\b" if len(word) <= 5 else re.escape(word) for word in keywords)
    return re.compile("|".join(parts))


_PATTERNS: Final = tuple((code, _pattern(keywords)) for code, keywords in KEYWORDS)
_TAG: Final = re.compile(r"<[^<>]*>")
_SPACE: Final = re.compile(r"\s+")


def classify_denial(text: str | None) -> str:
    """Name the class of a denial, one of the interface page's `denied_*` words.

    A text of no known kind is `denied_unknown`. Show the original as well: this is a hint.
    """
    plain = normalise(plain_reason(text) or "")
    return next((code for code, found in _PATTERNS if found.search(plain)), UNKNOWN)


def plain_reason(text: str | None) -> str | None:
    """A reason as a person can read it: unwrapped from JSON, free of HTML, or None when empty."""
    if not text:
        return None
    unwrapped = _unwrap(text)
    spaced = unescape(_TAG.sub(" ", unwrapped)).replace("\x00", "")
    lines = (_SPACE.sub(" ", line).strip() for line in spaced.splitlines())
    return "\n".join(line for line in lines if line) or None


def _unwrap(text: str) -> str:
    """Take the message out of `{"mensagemErro": …}`, which may itself be wrapped once more."""
    for _ in range(2):
        if not text.lstrip().startswith(("{", '"')):
            break
        try:
            content = json.loads(text)
        except ValueError:
            break
        message = content.get("mensagemErro") if isinstance(content, dict) else content
        if not isinstance(message, str):
            break
        text = message
    return text


def normalise(text: str) -> str:
    """A text to look for keywords in: small letters without accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return _SPACE.sub(" ", bare)
