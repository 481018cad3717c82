"""Why a nota was denied, and what comes once that is mended."""

from typing import Final

from shared.domain.message_texts.message import Message, says

_AGAIN: Final = "a nota é reenviada automaticamente."

DENIALS: Final[dict[str, Message]] = {
    "denied_certificate": says(
        "tenant",
        "O certificado digital está vencido ou inválido. Envie um novo ao emissor e, nas notas"
        " negadas, escolha Tentar de novo.",
    ),
    "denied_layout": says(
        "issuer",
        "A prefeitura não aceitou o formato da nota. Cabe ao emissor corrigir; depois escolha"
        " Tentar de novo.",
    ),
    "denied_city": says(
        "customer",
        f"A cidade do cliente não foi reconhecida. Corrija cidade e estado na Vindi: {_AGAIN}",
    ),
    "denied_document": says(
        "customer",
        f"O CPF ou CNPJ do cliente foi recusado. Corrija o cadastro na Vindi: {_AGAIN}",
    ),
    "denied_address": says(
        "customer",
        f"O endereço do cliente foi recusado. Corrija o cadastro na Vindi: {_AGAIN}",
    ),
    "denied_contact": says(
        "customer",
        f"O telefone ou e-mail do cliente foi recusado. Corrija o cadastro na Vindi: {_AGAIN}",
    ),
    "denied_account": says(
        "tenant",
        "A conta no emissor está bloqueada ou com pagamento em aberto. Regularize-a com ele e, nas"
        " notas negadas, escolha Tentar de novo.",
    ),
    "denied_issuer_setup": says(
        "tenant",
        "A empresa não está pronta para emitir (credenciamento, acesso à prefeitura, regime)."
        " Complete o cadastro no emissor e escolha Tentar de novo.",
    ),
    "denied_numbering": says(
        "tenant",
        "O número do RPS ou DPS já foi usado ou está fora da série. Confira no portal da prefeitura"
        " se a nota já existe e informe na página da venda o que viu: antes disso não reenviamos,"
        " para não duplicar.",
    ),
    "denied_service": says(
        "accountant",
        "O código do serviço, a alíquota ou a retenção foi recusada. Corrija a regra com o contador"
        " e escolha Tentar de novo: a nota mantém a data.",
    ),
    "denied_reform": says(
        "accountant",
        "Faltam dados do IBS/CBS ou estão errados (NBS, classificação). Corrija a regra com o"
        " contador e escolha Tentar de novo.",
    ),
    "denied_competencia": says(
        "accountant",
        "A competência foi recusada. Decida com o contador: Tentar de novo mantém a data;"
        " Emitir agora dá à nota a data de hoje, e ela passa a este mês.",
    ),
    "denied_foreign": says(
        "accountant",
        "A nota para cliente do exterior foi recusada. Veja com o contador como emiti-la.",
    ),
    "denied_outage": says(
        "nobody", "A prefeitura ou o emissor estava fora do ar. Reenviamos automaticamente."
    ),
    "denied_unknown": says(
        "support",
        "A nota foi negada por motivo que ainda não reconhecemos. Leia o texto da recusa, corrija o"
        " que ele pede e escolha Tentar de novo, ou fale com o suporte.",
    ),
}

# Said after what helps with one cause: what comes then, and that the nota keeps its day.
_SENT_AGAIN: Final = "Corrigido o cadastro, a nota é reenviada automaticamente."
_RESEND: Final = "Depois escolha Tentar de novo: a nota mantém a data."
OTHER_DAY: Final = (
    "Tentar de novo mantém a data; Emitir agora dá à nota a data de hoje, e ela passa a este mês."
)
AFTERWARDS: Final[dict[str, str]] = {
    "denied_city": _SENT_AGAIN,
    "denied_document": _SENT_AGAIN,
    "denied_address": _SENT_AGAIN,
    "denied_contact": _SENT_AGAIN,
    "denied_certificate": _RESEND,
    "denied_account": _RESEND,
    "denied_issuer_setup": _RESEND,
    "denied_service": _RESEND,
    "denied_reform": _RESEND,
    "denied_foreign": _RESEND,
    "denied_numbering": "Confira se a nota existe e informe na página da venda o que viu: antes"
    " disso não reenviamos, para não duplicar.",
}
