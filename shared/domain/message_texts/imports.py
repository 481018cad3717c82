"""Why an import of past sales rests, and why one failed."""

from typing import Final

from shared.domain.message_texts.message import Message, says

IMPORT_GOES_ON: Final = (
    "A importação espera e continua automaticamente, de onde parou, quando a conexão voltar."
)
_ASK_IMPORT_AGAIN: Final = "Peça a importação de novo: o que já entrou não entra outra vez."
# While it is open, and once it has failed of this.
IMPORTS: Final[dict[str, tuple[Message, Message]]] = {
    "vindi_unavailable": (
        says("nobody", "A Vindi não responde bem agora. Tentamos de novo automaticamente."),
        says("tenant", f"A Vindi ficou muito tempo sem responder bem. {_ASK_IMPORT_AGAIN}"),
    ),
    "issuer_unavailable": (
        says(
            "nobody",
            "Antes de importar, conferimos no emissor o que já foi emitido, e ele não responde bem"
            " agora. Tentamos de novo automaticamente.",
        ),
        says("tenant", f"O emissor ficou muito tempo sem responder bem. {_ASK_IMPORT_AGAIN}"),
    ),
    "internal_error": (
        says("support", "Houve uma falha nossa. Tentamos de novo automaticamente."),
        says(
            "support", f"Houve uma falha nossa. {_ASK_IMPORT_AGAIN} Se repetir, fale com o suporte."
        ),
    ),
    "vindi_account_changed": (
        says("tenant", "A conta da Vindi foi trocada."),
        says(
            "tenant",
            "A conta da Vindi foi trocada no meio da importação, que não continua em outra conta."
            " O que já entrou continua como está. Para importar da conta atual, peça de novo.",
        ),
    ),
    "rows_omitted": (
        says("nobody", "A Vindi deixou vendas fora de uma lista. Lemos de novo automaticamente."),
        says(
            "support",
            "A lista da Vindi deixou vendas de fora, mesmo lida várias vezes. Fale com o suporte.",
        ),
    ),
}
