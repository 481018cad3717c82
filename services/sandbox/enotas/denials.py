"""Why a city, or eNotas itself, says no: invented texts in the shapes real ones have."""

import json
from typing import Final


def _wrapped(message: str, action: int | None = None) -> str:
    return json.dumps({"mensagemErro": message, "acaoCorrecao": action}, ensure_ascii=False)


# Classes as in the client's guide; several texts per class, used in turn.
DENIALS: Final[dict[str, tuple[str, ...]]] = {
    "certificate": (
        ("O certificado digital da empresa expirou em 12/03/2026. <a href='#'>Clique aqui</a> "
        "para enviar um novo certificado A1."),
        _wrapped("Certificado digital vencido. Envie um certificado válido.", 3),
    ),
    "layout": (
        ("Código: E160 Descrição: Arquivo enviado fora da estrutura do arquivo XML de entrada. "
        "Correção: Envie um arquivo dentro do schema do layout da prefeitura."),
        _wrapped("GW6: O XML enviado não foi aceito pela validação de schema da prefeitura."),
    ),
    "city": (
        _wrapped("A cidade do endereço do cliente não existe na tabela de cidades do IBGE."),
        ("Código: E117 Descrição: Código do município do tomador inexistente. Correção: Informe "
        "o código IBGE. Código: E116 Descrição: A UF do tomador não corresponde ao município. "
        "Correção: Informe a UF correta."),
    ),
    "document": (
        _wrapped("O CPF/CNPJ do tomador do serviço é inválido.", 4),
        "Código: E46 Descrição: CPF do tomador não informado. Correção: Informe o CPF ou CNPJ.",
    ),
    "address": (
        "Código: E121 Descrição: Bairro do tomador é obrigatório.\r\nCorreção: Informe o bairro.",
        _wrapped("O CEP do endereço do tomador não pertence ao município informado."),
    ),
    "contact": (
        "O telefone do cliente é inválido: informe 10 ou 11 dígitos, somente números.",
        _wrapped("O e-mail do tomador deve ser informado.", 4),
    ),
    "account": (
        "Emissão de notas bloqueada por falta de pagamento da fatura. Fale com o financeiro.",
        _wrapped("Emissão interrompida: o aplicativo está desativado nesta conta.", 3),
    ),
    "issuer_setup": (
        _wrapped("O prestador não está habilitado para emitir nota fiscal eletrônica.", 3),
        ("Código: E156 Descrição: Usuário ou senha da prefeitura incorretos. Correção: Revise as "
        "credenciais da empresa."),
    ),
    "numbering": (
        _wrapped("RPS já informado.(Numero RPS: 4321)\r\nCorreção: Já existe um RPS com o mesmo "
                 "número, série e tipo para este prestador."),
        "GW3001: A série do RPS deve ser numérica, de 1 a 49999.",
    ),
    "service": (
        ("Código: E31 Descrição: Código de serviço municipal inválido ou não administrado pelo "
        "município na data de competência. Correção: Confira o código."),
        _wrapped("O serviço informado não permite retenção de ISS.", 2),
    ),
    "reform": (
        _wrapped("O campo codigoNBS deve ser informado para o serviço."),
        _wrapped("Combinação inválida de cClassTrib e cIndOp do IBS/CBS."),
    ),
    "competencia": (
        _wrapped("A data de competência não pode ser superior à data atual.", 2),
        ("Código: E18 Descrição: A competência informada pertence a um mês encerrado. Correção: "
        "Informe uma competência aberta."),
    ),
    "foreign": (
        _wrapped("Tomador no exterior: informe o país e o código de endereçamento postal."),
    ),
    "outage": (
        _wrapped("Erro não identificado: O limite de tentativas de conexão com a prefeitura foi "
                 "atingido."),
        "No momento o sistema da prefeitura está indisponível. Tente mais tarde.\r\nCorreção:",
    ),
    "unknown": (_wrapped("Erro desconhecido\r\nCorreção:"), ""),
}  # fmt: skip

# Found by eNotas' own checks, before the city is asked.
BY_PRE_CHECK: Final = frozenset({"certificate", "city", "account"})


def denial_text(denial_class: str, turn: int = 0) -> str:
    """Give a text of a class; an unknown class is taken as the text itself."""
    texts = DENIALS.get(denial_class)
    return denial_class if texts is None else texts[turn % len(texts)]
