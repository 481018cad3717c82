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
    "vindi_key_email": "Isto é um endereço de e-mail. Aqui vai a chave privada da API, que a Vindi"
    " mostra em Configurações, Chaves de API.",
    "vindi_key_address": "Isto é um endereço de página. Aqui vai a chave privada da API, que a"
    " Vindi mostra em Configurações, Chaves de API.",
    "vindi_key_cut": "A chave parece cortada, ou veio com espaços no meio. Copie-a de novo,"
    " inteira, em uma linha só.",
    "vindi_key_of_issuer": "Esta é a chave do eNotas, que já está no passo do emissor. Aqui vai a"
    " chave privada da Vindi.",
    "vindi_key_other_environment": "A chave é boa, e é de outra conta: troque, logo abaixo, entre"
    " a conta de verdade (produção) e a conta de testes da Vindi, e confira de novo.",
    "since_not_ahead": "Escolha um dia depois de hoje. Para começar já, marque “Agora”.",
    "since_too_far": "Este dia está a mais de um ano. Confira o ano.",
    "already_issuing": "A emissão já começou, então o dia do começo não muda mais.",
    "not_in_shadow": "O modo sombra já tinha terminado.",
    "vindi_key_public": "Esta é uma chave pública. Crie na Vindi uma chave do tipo privada.",
    "connected_meanwhile": "Outra pessoa conectou esta empresa enquanto conferíamos a sua chave, e"
    " o que ela pôs está valendo. Veja o que está conectado e, se for o caso, salve de novo.",
    "departing": "A exclusão desta empresa foi pedida. Antes de conectar, volte atrás em"
    " Configurações, Encerrar conta.",
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
    "since_not_ahead": "a_partir",
    "since_too_far": "a_partir",
}


def wrong_shape(typed: str) -> str | None:
    """What was pasted in place of a key of Vindi, where that can be seen; else None."""
    text = typed.strip()
    if text.lower().startswith(("http:", "https:", "www.")):
        return "vindi_key_address"
    if "@" in text:
        return "vindi_key_email"
    if text and (len(text) < 16 or any(letter.isspace() for letter in text)):
        return "vindi_key_cut"
    return None


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
    # Once notas are let out none of it is asked for any more.
    now = next((word for word in needed if not done[word] and not progress.active), None)
    return [
        SetUpStep(word=word, state="done" if is_done else "now" if word == now else "later")
        for word, is_done in done.items()
    ]


def refusal(code: str, missing: Sequence[str]) -> str:
    """What to do about a refusal, with what is lacking where that is why."""
    said = REFUSALS.get(code, "Não foi possível conectar. Confira os dados e tente de novo.")
    return f"{said} {', '.join(missing)}." if missing and said.endswith(":") else said
