"""Activation as a checklist, and every refusal as a sentence that says what to do. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

StepWord = Literal["vindi", "issuer", "webhook", "rule", "preview", "activate"]
StepState = Literal["done", "now", "later"]

# What to do about a key or a company that was refused, by the set-up's stable word.
REFUSALS: Final[dict[str, str]] = {
    "vindi_key_refused": "A Vindi não aceitou esta chave. Ela precisa ser uma chave privada,"
    " copiada inteira. Como a Vindi a mostra uma vez só, crie uma nova se não a tiver mais."
    " Confira também se a conta é de produção ou de testes.",
    "vindi_key_public": "Esta é uma chave pública. Crie na Vindi uma chave do tipo privada.",
    "vindi_key_too_narrow": "A chave existe, e o perfil dela não permite todas as leituras de que"
    " precisamos. Na Vindi, mude o perfil de acesso da chave ou crie uma nova com acesso"
    " completo de leitura.",
    "vindi_account_blocked": "A Vindi bloqueou esta conta. Regularize-a com a Vindi e volte aqui.",
    "vindi_unreachable": "A Vindi não respondeu agora. Nada foi mudado: tente de novo em um"
    " minuto.",
    "issuer_key_refused": "O eNotas não aceitou esta chave. Copie a chave da API do seu painel do"
    " eNotas, inteira.",
    "issuer_company_unknown": "O eNotas não encontra esta empresa com esta chave. Copie o código"
    " da empresa do painel do eNotas e confira se ela está habilitada.",
    "issuer_company_incomplete": "O cadastro da empresa no eNotas ainda não está completo. Falta:",
    "issuer_unreachable": "O eNotas não respondeu agora. Nada foi mudado: tente de novo em um"
    " minuto.",
    "confirm_needed": "Confira o aviso abaixo e confirme para continuar.",
    "setup_incomplete": "Ainda faltam passos antes de ativar.",
    "not_active": "A emissão ainda não foi ativada.",
}
# Where a refusal is shown: the field that mends it.
AT_FIELD: Final[dict[str, str]] = {
    "issuer_company_unknown": "empresa",
    "issuer_company_incomplete": "empresa",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpStep:
    """One step of the activation."""

    word: StepWord
    state: StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpProgress:
    """What of the activation is done."""

    vindi: bool
    issuer: bool
    heard: bool
    rule: bool
    previewed: bool
    active: bool

    @property
    def complete(self) -> bool:
        """Whether notas can be let out."""
        return self.vindi and self.issuer and self.rule


def steps(progress: SetUpProgress) -> Sequence[SetUpStep]:
    """The checklist; the first step that is not done is the one to take now."""
    done: dict[StepWord, bool] = {
        "vindi": progress.vindi,
        "issuer": progress.issuer,
        "webhook": progress.heard,
        "rule": progress.rule,
        "preview": progress.previewed,
        "activate": progress.active,
    }
    # Waiting for a first event, and looking at a preview, keep nobody from going on.
    needed: tuple[StepWord, ...] = ("vindi", "issuer", "webhook", "rule", "preview", "activate")
    now = next((word for word in needed if not done[word]), None)
    return [
        SetUpStep(word=word, state="done" if is_done else "now" if word == now else "later")
        for word, is_done in done.items()
    ]


def refusal(code: str, missing: Sequence[str]) -> str:
    """What to do about a refusal, with what is lacking where that is why."""
    said = REFUSALS.get(code, "Não foi possível conectar. Confira os dados e tente de novo.")
    return f"{said} {', '.join(missing)}." if missing and said.endswith(":") else said
