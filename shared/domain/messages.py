"""What a tenant reads about each stable word: what it means, what to do, and who does it."""

from typing import Final

from msgspec import Struct

from shared.domain.refusals import WhoActs, of_name
from shared.domain.sale import SaleStatus


class Message(Struct, frozen=True, kw_only=True):
    """A text in Portuguese that says what to do, and who has to do it."""

    text: str
    who_acts: WhoActs


def message_for(code: str) -> Message:
    """The message of a code; a word we do not know is a question for support."""
    return MESSAGES.get(code, _UNKNOWN)


def message_in(status: SaleStatus, code: str, *, leaves: bool | None = None) -> Message:
    """The message of a code for a sale in this state: it knows whether a nota exists by now.

    `leaves` says whether a nota that the issuer still has will be cancelled; None: not known.
    """
    own = WHILE_ISSUING.get((status, code)) if leaves is not None else None
    if own is not None:
        return own[0] if leaves else own[1]
    return IN_STATE.get((status, code)) or message_for(code)


def message_of_denial(denial: str, cause: str | None) -> Message:
    """The message of a denial: what helps with its own row of the catalogue, else its class's."""
    known = of_name(cause)
    if known is None or known.denial != denial or not known.helps:
        return message_for(denial)
    said = [known.helps, AFTERWARDS.get(denial, "")]
    if known.moves_day:
        said.append(_OTHER_DAY)
    return Message(text=" ".join(filter(None, said)), who_acts=known.who_acts)


def message_of_import(code: str, *, is_open: bool) -> Message:
    """Why an import of past sales rests or failed; an open one says how it goes on."""
    if code in IMPORTS:
        return IMPORTS[code][not is_open]
    message = message_for(code)
    if not is_open or code not in CONNECTIONS:
        return message
    return Message(text=f"{message.text} {_IMPORT_GOES_ON}", who_acts=message.who_acts)


def label_for(status: SaleStatus) -> str:
    """The label of a status; that of a guarantee is completed with its end by who shows it."""
    return LABELS[status]


LABELS: Final[dict[SaleStatus, str]] = {
    SaleStatus.WAITING_PAYMENT: "Aguardando pagamento",
    SaleStatus.IN_GUARANTEE: "Em garantia",
    SaleStatus.QUEUED: "Na fila",
    SaleStatus.ISSUING: "Emitindo",
    SaleStatus.UNCERTAIN: "Verificando",
    SaleStatus.ISSUED: "Emitida",
    SaleStatus.DENIED: "Negada",
    SaleStatus.HELD: "Pendente",
    SaleStatus.SKIPPED: "Não emitir",
    SaleStatus.CANCELLING: "Cancelando",
    SaleStatus.CANCELLED: "Cancelada",
    SaleStatus.CANCEL_REFUSED: "Cancelamento recusado",
}


def _is(who: WhoActs, text: str) -> Message:
    return Message(text=text, who_acts=who)


_AGAIN: Final = "a nota é reenviada automaticamente."

_UNKNOWN: Final = _is("support", "Situação não prevista. Fale com o suporte.")

SKIPS: Final[dict[str, Message]] = {
    "before_activation": _is(
        "nobody",
        "Venda anterior à ativação. Se a nota ainda deve ser emitida, peça uma importação de"
        " vendas passadas ou mande emitir esta venda.",
    ),
    "shadow_issue": _is(
        "nobody",
        "Modo sombra: esta venda teria virado nota, e nada foi enviado. A nota fica por conta de"
        " quem emitia antes; se ela ainda falta, mande emitir depois de ativar.",
    ),
    "shadow_hold": _is(
        "nobody",
        "Modo sombra: esta venda teria ficado pendente, e nada foi enviado. A nota fica por conta"
        " de quem emitia antes.",
    ),
    "zero_amount": _is("nobody", "A fatura tem valor zero: não há nota a emitir."),
    "bill_canceled": _is("nobody", "A fatura foi cancelada na Vindi: não há nota a emitir."),
    "refunded": _is("nobody", "O pagamento foi estornado integralmente: não há nota a emitir."),
    "rule_never": _is(
        "nobody",
        "A regra diz que esta venda não gera nota. Se isso estiver errado, mude a regra ou mande"
        " emitir esta venda.",
    ),
    "charged_back": _is(
        "nobody",
        "O pagamento foi revertido (chargeback) e, pela regra, não se emite nota. Se a venda"
        " vale, mande emitir.",
    ),
    "canceled_by_person": _is(
        "nobody", "Uma pessoa decidiu não emitir esta nota. Para voltar atrás, mande emitir."
    ),
}

HOLDS: Final[dict[str, Message]] = {
    "substitution_denied": _is(
        "tenant",
        "A nota que substituiria a anterior foi negada; a anterior continua válida. Corrija o que"
        " a prefeitura aponta e peça a substituição de novo, ou cancele a nota e emita outra.",
    ),
    "substitution_elsewhere": _is(
        "tenant",
        "A nota foi emitida em outra conexão com o emissor e não pode ser substituída por uma"
        " emitida na atual. Cancele-a no portal da prefeitura e emita outra.",
    ),
    "substitution_untaken": _is(
        "tenant",
        "O emissor conectado não substitui notas. A nota anterior continua válida: cancele-a e"
        " emita outra.",
    ),
    "substitution_waits": _is(
        "nobody",
        "A substituição pedida aguarda a vez e segue automaticamente. Até lá a nota anterior"
        " continua válida.",
    ),
    "issued_as_test": _is(
        "tenant",
        "A nota desta venda saiu em homologação e não tem valor fiscal. Se a venda ainda deve uma"
        " nota, mande emitir; se já foi emitida de outro modo, cancele a venda.",
    ),
    "rule_manual": _is(
        "tenant", "A regra pede decisão manual. Mande emitir ou cancele esta venda."
    ),
    "partially_refunded": _is(
        "tenant",
        "Parte do pagamento foi estornada. Decida com o contador: emitir pelo valor da fatura,"
        " cancelar a nota ou deixar como está.",
    ),
    "payment_undone": _is(
        "tenant",
        "A fatura consta como paga, mas o pagamento foi revertido (chargeback?). Confira na Vindi e"
        " depois mande emitir ou cancele.",
    ),
    "activation_unclear": _is(
        "tenant",
        "A fatura foi paga antes da ativação, e a Vindi não informa quando soube do pagamento."
        " Confira se o sistema anterior já emitiu a nota: se não emitiu, mande emitir; se emitiu,"
        " cancele esta venda.",
    ),
    "payment_unclear": _is(
        "tenant",
        "A fatura consta como paga, mas a Vindi não informa a data do pagamento. Confira a"
        " cobrança na Vindi e tente de novo.",
    ),
    "mixed_rules": _is(
        "tenant",
        "Os produtos desta fatura pedem momentos de emissão diferentes. Ajuste a regra ou mande"
        " emitir esta venda.",
    ),
    "mixed_services": _is(
        "accountant",
        "Os produtos desta fatura pertencem a serviços diferentes, e a nota aceita um só. Ajuste"
        " os serviços na regra ou permita nela uma nota para cada serviço.",
    ),
    "parts_disagree": _is(
        "tenant",
        "A fatura mudou depois que uma de suas notas foi pedida, e as notas não"
        " correspondem mais aos itens dela. Corrija a fatura na Vindi, ou cancele o que foi emitido"
        " e mande emitir de novo.",
    ),
    "no_rule": _is("tenant", "Ainda não há regra de emissão. Crie a regra para continuar."),
    "amount_mismatch": _is(
        "tenant",
        "A soma dos itens difere do valor da fatura. Corrija a fatura na Vindi e tente de novo.",
    ),
    "customer_document_missing": _is(
        "customer",
        "Falta o CPF ou CNPJ do cliente. Peça-o ao cliente e complete o cadastro na Vindi.",
    ),
    "customer_name_missing": _is(
        "customer",
        "Falta o nome do cliente: o cadastro está em branco ou só tem pontuação. Peça-o ao cliente"
        " e complete o cadastro na Vindi.",
    ),
    "customer_document_invalid": _is(
        "customer",
        "O CPF ou CNPJ do cliente é inválido. Confirme com o cliente e corrija o cadastro na"
        " Vindi.",
    ),
    "customer_address_incomplete": _is(
        "customer",
        "O endereço do cliente está incompleto. Peça o que falta e complete o cadastro na Vindi.",
    ),
    "customer_not_found": _is(
        "tenant", "A Vindi não encontra o cliente desta fatura. Confira o cadastro na Vindi."
    ),
    "customer_unreadable": _is(
        "support", "O cliente veio da Vindi com dados que não entendemos. Fale com o suporte."
    ),
    "customer_city_unknown": _is(
        "customer",
        "A cidade do cliente não existe no estado informado, segundo o IBGE. Confirme cidade e"
        " estado com o cliente e corrija o cadastro na Vindi.",
    ),
    "customer_foreign": _is(
        "accountant",
        "O cliente tem endereço no exterior. Veja com o contador como emitir; se a nota pode sair"
        " sem CPF ou CNPJ, permita na regra clientes do exterior sem documento.",
    ),
    "customer_foreign_incomplete": _is(
        "customer",
        "Faltam dados do cliente do exterior para a nota: rua, cidade, código postal, ou o número"
        " fiscal do país dele (ou por que não tem um). Complete o cadastro na Vindi.",
    ),
    "customer_metadata_invalid": _is(
        "tenant",
        "Um metadado do cliente na Vindi tem um valor que não serve para a nota. Corrija-o no"
        " cadastro do cliente; a venda segue automaticamente.",
    ),
    "metadata_invalid": _is(
        "tenant",
        "Um metadado da fatura na Vindi tem um valor que não serve para a nota. Corrija-o na"
        " fatura.",
    ),
    "nota_values_impossible": _is(
        "accountant",
        "Os valores informados para esta nota não fecham. Confira com o contador a regra e os"
        " metadados do cliente e da fatura.",
    ),
    "withholding_contradicts": _is(
        "accountant",
        "O tipo de retenção de PIS, COFINS e CSLL informado não corresponde ao que é retido nesta"
        " nota. Corrija o tipo ou as alíquotas, ou deixe que ele seja calculado.",
    ),
    "issuer_lacks_field": _is(
        "accountant",
        "O emissor conectado não aceita um campo informado para esta nota. Tire-o da regra, do"
        " cliente ou da fatura.",
    ),
    "rps_series_missing": _is(
        "accountant",
        "A regra diz que o RPS é numerado pela empresa, mas não em que série. Informe a série"
        " (rps_series).",
    ),
    "rps_start_missing": _is(
        "tenant",
        "Falta dizer a partir de que número a série do RPS segue. Informe o próximo número dela"
        " para esta empresa e este ambiente: a venda segue automaticamente.",
    ),
    "competencia_month_closed": _is(
        "accountant",
        "A competência é de um mês já encerrado. Decida com o contador: mande emitir com a data"
        " de hoje, ou ajuste a regra.",
    ),
    "tenant_paused": _is(
        "tenant", "A emissão está pausada. Ative-a de novo para continuar de onde parou."
    ),
    "shadow_mode": _is(
        "tenant",
        "No modo sombra nenhuma nota sai. Esta venda segue quando a emissão for ativada.",
    ),
    "held_by_person": _is("tenant", "Retida manualmente. Libere a venda quando puder seguir."),
    "bill_unreadable": _is(
        "support", "A fatura veio da Vindi com dados que não entendemos. Fale com o suporte."
    ),
    "decision_failed": _is(
        "support",
        "Esta venda não pôde ser tratada por uma falha nossa, que já nos foi avisada. Ela é tentada"
        " de novo automaticamente; se a nota tem pressa, fale com o suporte.",
    ),
    "bill_not_found": _is(
        "support", "A Vindi não encontra esta fatura com a chave informada. Fale com o suporte."
    ),
}

CONNECTIONS: Final[dict[str, Message]] = {
    "vindi_key_refused": _is(
        "tenant", "A Vindi recusou a chave da API. Crie uma chave privada nova e conecte de novo."
    ),
    "vindi_key_too_narrow": _is(
        "tenant",
        "O perfil da chave da Vindi não permite todas as leituras. Amplie o perfil e conecte de"
        " novo.",
    ),
    "vindi_profile_too_narrow": _is(
        "tenant",
        "O perfil da chave da Vindi não permite todas as leituras. Amplie o perfil e conecte de"
        " novo.",
    ),
    "vindi_account_blocked": _is(
        "tenant",
        "A conta na Vindi está bloqueada. Regularize-a com a Vindi; depois a emissão continua"
        " automaticamente.",
    ),
    "vindi_not_connected": _is("tenant", "A Vindi não está conectada. Conecte-a para continuar."),
    "vindi_request_refused": _is(
        "support", "A Vindi recusou uma leitura que fazemos. Fale com o suporte."
    ),
    "issuer_key_refused": _is(
        "tenant", "O emissor recusou a chave da API. Confira a chave no eNotas e conecte de novo."
    ),
    "issuer_forbidden": _is(
        "tenant",
        "A chave do emissor não tem acesso à empresa. Confira a empresa no eNotas e conecte de"
        " novo.",
    ),
    "issuer_company_unknown": _is(
        "tenant",
        "O emissor não encontra a empresa. Confira o código da empresa e se ela está habilitada.",
    ),
    "issuer_company_incomplete": _is(
        "tenant", "O cadastro da empresa no emissor está incompleto. Complete-o no eNotas."
    ),
    "issuer_not_connected": _is(
        "tenant", "O emissor não está conectado. Conecte-o para continuar."
    ),
    "issuer_left_unreachable": _is(
        "tenant",
        "A nota foi negada na empresa anterior do emissor, que não aceita mais a nossa consulta."
        " Confira no portal da prefeitura que ela não vale lá e mande emitir: sai uma nota nova.",
    ),
    "issuer_unanswered": _is(
        "support",
        "Há horas o emissor não dá uma resposta que se entenda sobre esta nota. Continuamos a"
        " perguntar, e nada é reenviado às cegas. Confiram com o suporte o endereço do emissor; se"
        " houver pressa, veja no portal da prefeitura se a nota existe e informe aqui.",
    ),
    "issuer_stuck": _is(
        "support",
        "O emissor está há muito tempo sem responder sobre esta nota. Abra um chamado com ele; nada"
        " será reenviado às cegas.",
    ),
}

ATTENTIONS: Final[dict[str, Message]] = {
    "amount_chosen": _is(
        "nobody",
        "A soma dos itens diferia do valor da fatura, e uma pessoa escolheu o valor da nota.",
    ),
    "resend_given_up": _is(
        "tenant",
        "A nota foi negada e não é reenviada automaticamente: as tentativas acabaram, o mês da"
        " competência terminou, ou o texto fala de algo que já existe. Confira o texto da recusa, e"
        " no portal da prefeitura se a nota existe; depois reenvie.",
    ),
    "stated_by_person": _is(
        "nobody",
        "Uma pessoa conferiu no portal da prefeitura e informou que a nota existe. O emissor ainda"
        " não a confirmou.",
    ),
    "possible_duplicate": _is(
        "tenant",
        "O emissor já tem uma nota de mesmo cliente, valor e competência que não foi pedida por"
        " nós. Compare as duas e mande emitir ou cancele esta venda.",
    ),
    "bill_changed_after_issue": _is(
        "tenant",
        "O valor da fatura mudou depois da emissão. Decida com o contador se a nota deve ser"
        " cancelada e emitida de novo.",
    ),
    "issuer_status_unknown": _is(
        "support",
        "O emissor informou uma situação que não conhecemos. Continuamos a acompanhar; se não mudar"
        " em um dia, fale com o suporte.",
    ),
    "bill_moved_after_issue": _is(
        "tenant",
        "A fatura passou a outro cliente depois da emissão: a nota está em nome do anterior."
        " Decida com o contador se ela deve ser cancelada e emitida de novo.",
    ),
    "bill_reopened_after_issue": _is(
        "tenant",
        "A fatura estava paga e voltou a ficar em aberto depois da emissão. Confira o pagamento na"
        " Vindi e cancele a nota se a venda foi desfeita.",
    ),
    "refunded_above_payment": _is(
        "tenant",
        "Foi devolvido mais do que a fatura recebeu. Confira os estornos na Vindi; quanto à nota,"
        " vale a regra do estorno integral.",
    ),
    "kept_by_rule": _is(
        "nobody",
        "O pagamento foi estornado ou contestado, ou a fatura foi cancelada. A regra diz que a nota"
        " fica como está.",
    ),
    "cancel_window_over": _is(
        "accountant",
        "A nota devia ser cancelada, mas o prazo da prefeitura já passou: ela continua válida. Veja"
        " com o contador o que fazer, ou mande cancelar para tentar assim mesmo.",
    ),
    "paid_twice": _is(
        "tenant",
        "A fatura foi paga mais de uma vez. A nota vale pelo valor da fatura; devolva ao cliente o"
        " pagamento a mais.",
    ),
    "paid_after_cancel": _is(
        "tenant",
        "A nota foi cancelada e a fatura voltou a ser paga. Se a venda vale, mande emitir: sai uma"
        " nota nova.",
    ),
    "cancel_refused": _is(
        "accountant",
        "A prefeitura recusou o cancelamento: a nota continua válida. Veja com o contador e, se"
        " couber, cancele pelo portal da prefeitura e informe aqui que ela foi cancelada.",
    ),
    "cancel_deadline": _is(
        "accountant",
        "O prazo da prefeitura para cancelar já passou: a nota continua válida. Veja com o contador"
        " se cabe um pedido à prefeitura; se ela cancelar, informe aqui que a nota foi cancelada.",
    ),
    "cancel_by_portal": _is(
        "tenant",
        "Esta prefeitura não cancela por sistema: a nota continua válida. Cancele-a pelo portal da"
        " prefeitura e informe aqui que ela foi cancelada.",
    ),
    "cancel_account": _is(
        "tenant",
        "O eNotas bloqueou o cancelamento por pagamento em aberto na conta: a nota continua válida."
        " Regularize a conta no eNotas; pedimos o cancelamento de novo automaticamente.",
    ),
    "cancel_certificate": _is(
        "tenant",
        "O cancelamento não foi aceito por causa do certificado digital: a nota continua válida."
        " Renove o certificado no eNotas; pedimos o cancelamento de novo automaticamente.",
    ),
    "cancel_not_found": _is(
        "support",
        "O emissor disse que não encontrou a nota a cancelar: para nós ela continua válida. Pedimos"
        " de novo automaticamente; se não mudar em um dia, abra um chamado com o emissor.",
    ),
    "cancel_in_progress": _is(
        "nobody",
        "O emissor ainda está processando esta nota e não a cancela agora. Pedimos o cancelamento"
        " de novo automaticamente.",
    ),
    "cancel_outage": _is(
        "nobody",
        "O sistema da prefeitura não respondeu ao cancelamento: a nota continua válida. Pedimos de"
        " novo automaticamente.",
    ),
    "cancelled_elsewhere": _is(
        "tenant",
        "A nota foi cancelada fora do Notaponte, no painel do emissor ou pela prefeitura. Se a"
        " venda vale, mande emitir: sai uma nota nova.",
    ),
    "cancel_stated": _is(
        "nobody",
        "Uma pessoa conferiu no portal da prefeitura e informou que a nota está cancelada.",
    ),
    "nota_missing_at_issuer": _is(
        "support",
        "Para nós esta nota é válida, mas o emissor diz que não a tem. Confira no portal da"
        " prefeitura e abra um chamado com o emissor.",
    ),
    "second_nota_valid": _is(
        "accountant",
        "O emissor tem mais de uma nota válida para esta venda. Compare as duas e cancele a que"
        " não vale.",
    ),
    "issued_as_test": _is(
        "tenant",
        "A nota foi emitida em homologação e não tem valor fiscal. Passe o emissor para Produção"
        " e mande emitir.",
    ),
}

# Said when something is connected; those about another tenant stand in its health too.
NOTICES: Final[dict[str, Message]] = {
    "webhook_url_not_public": _is(
        "support",
        "A Vindi não alcança o endereço do webhook pela internet. As vendas são encontradas só pela"
        " leitura periódica; configure um endereço público (PUBLIC_WEBHOOK_URL).",
    ),
    "vindi_account_elsewhere": _is(
        "tenant",
        "Esta conta da Vindi já está conectada em outra empresa aqui. Com as duas ativas, cada"
        " venda teria duas notas. Se é isso mesmo que se quer, confirme ao ativar.",
    ),
    "issuer_company_elsewhere": _is(
        "tenant",
        "Esta empresa do emissor já está conectada em outra empresa aqui. Confira se as vendas não"
        " são as mesmas; se estiver certo, confirme ao ativar.",
    ),
    "open_notas_elsewhere": _is(
        "nobody",
        "Elas continuam lá, com a chave de lá: são consultadas, acompanhadas e canceladas na"
        " conexão em que nasceram. Nada é reenviado sob o mesmo id em outro lugar; se uma não"
        " existir lá, sai uma nota nova na conexão atual.",
    ),
    "test_sales_held": _is(
        "tenant",
        "Ficam pendentes até que alguém mande emitir as que ainda devem uma nota.",
    ),
    "test_sales_due": _is("nobody", "Saem agora em produção, com uma revisão nova."),
}

BRAKES: Final[dict[str, Message]] = {
    "brake_daily_count": _is(
        "tenant",
        "A emissão parou: o limite de notas por dia foi atingido. Confira as vendas e libere, ou"
        " aumente o limite.",
    ),
    "brake_daily_amount": _is(
        "tenant",
        "A emissão parou: o limite de valor por dia foi atingido. Confira as vendas e libere, ou"
        " aumente o limite.",
    ),
    "brake_nota_amount": _is(
        "tenant",
        "A emissão parou: uma nota passaria do limite de valor por nota. Confira a venda e libere,"
        " ou aumente o limite.",
    ),
    "brake_unusual": _is(
        "tenant",
        "A emissão parou: o dia tem muito mais notas do que esta conta costuma emitir. Confira as"
        " vendas e libere se estiver certo.",
    ),
    "brake_old_moments": _is(
        "tenant",
        "Várias notas de datas passadas seriam emitidas agora, mais do que esta conta costuma ter."
        " Confira se outro sistema já as emitiu: libere se devem sair, ou cancele as vendas.",
    ),
}

OUTAGES: Final[dict[str, Message]] = {
    "issuer_outage": _is(
        "nobody",
        "O emissor não responde. As vendas esperam na fila; testamos com uma nota e retomamos"
        " gradualmente.",
    ),
    "issuer_address_suspicious": _is(
        "support",
        "No endereço do emissor responde outra coisa (páginas HTML), e não o emissor. Nenhuma nota"
        " é enviada. Confiram o endereço configurado (ENOTAS_URL), o proxy e o firewall; depois a"
        " emissão é retomada automaticamente.",
    ),
    "city_outage": _is(
        "nobody",
        "A prefeitura está fora do ar. As vendas esperam na fila; testamos com uma nota e"
        " retomamos gradualmente.",
    ),
    "company_blocked": _is(
        "tenant",
        "A emissão desta empresa está parada, porque a recusa vale para todas as notas dela. As"
        " vendas esperam na fila e nada se perde: corrija a causa e mande tentar de novo as notas"
        " negadas, ou conecte o emissor de novo. Testamos com uma nota de tempos em tempos e"
        " retomamos gradualmente.",
    ),
    "issuer_host_outage": _is(
        "nobody",
        "O emissor está fora do ar para todos. As vendas esperam na fila; retomamos gradualmente.",
    ),
}

WAITS: Final[dict[str, Message]] = {
    "not_decided": _is(
        "nobody", "Esta venda acabou de chegar e ainda não foi avaliada. Aguarde alguns instantes."
    ),
    "vindi_budget": _is(
        "nobody",
        "Aguardando a vez de consultar a Vindi: o limite de consultas da conta está em uso.",
    ),
    "vindi_outage": _is(
        "nobody", "A Vindi não respondeu à consulta desta fatura. Tentaremos de novo."
    ),
    "issuer_pace": _is(
        "nobody",
        "Aguardando a vez de enviar: o emissor aceita um número limitado de notas por vez.",
    ),
    "database_restored": _is(
        "nobody",
        "O banco de dados foi restaurado: antes de emitir, conferimos na lista do emissor o que já"
        " foi emitido. A emissão recomeça em seguida.",
    ),
    "brake": _is(
        "tenant", "A emissão está parada por um limite da conta. Confira as vendas e libere."
    ),
}

DENIALS: Final[dict[str, Message]] = {
    "denied_certificate": _is(
        "tenant",
        "O certificado digital está vencido ou inválido. Envie um novo ao emissor e reenvie as"
        " notas negadas.",
    ),
    "denied_layout": _is(
        "issuer",
        "A prefeitura não aceitou o formato da nota. Cabe ao emissor corrigir; reenvie depois.",
    ),
    "denied_city": _is(
        "customer",
        f"A cidade do cliente não foi reconhecida. Corrija cidade e estado na Vindi: {_AGAIN}",
    ),
    "denied_document": _is(
        "customer",
        f"O CPF ou CNPJ do cliente foi recusado. Corrija o cadastro na Vindi: {_AGAIN}",
    ),
    "denied_address": _is(
        "customer",
        f"O endereço do cliente foi recusado. Corrija o cadastro na Vindi: {_AGAIN}",
    ),
    "denied_contact": _is(
        "customer",
        f"O telefone ou e-mail do cliente foi recusado. Corrija o cadastro na Vindi: {_AGAIN}",
    ),
    "denied_account": _is(
        "tenant", "A conta no emissor está bloqueada ou com pagamento em aberto. Regularize-a."
    ),
    "denied_issuer_setup": _is(
        "tenant",
        "A empresa não está pronta para emitir (credenciamento, acesso à prefeitura, regime)."
        " Complete o cadastro no emissor e reenvie.",
    ),
    "denied_numbering": _is(
        "tenant",
        "O número do RPS ou DPS já foi usado ou está fora da série. Confira no emissor se já existe"
        " uma nota antes de qualquer outra coisa: não reenviamos para não duplicar.",
    ),
    "denied_service": _is(
        "accountant",
        "O código do serviço, a alíquota ou a retenção foi recusada. Corrija a regra com o contador"
        " e reenvie: a nota mantém a data.",
    ),
    "denied_reform": _is(
        "accountant",
        "Faltam dados do IBS/CBS ou estão errados (NBS, classificação). Corrija a regra com o"
        " contador e reenvie.",
    ),
    "denied_competencia": _is(
        "accountant",
        "A competência foi recusada. Decida com o contador: reenvie com a mesma data, ou mande"
        " emitir com a data de hoje se a nota deve passar a este mês.",
    ),
    "denied_foreign": _is(
        "accountant",
        "A nota para cliente do exterior foi recusada. Veja com o contador como emiti-la.",
    ),
    "denied_outage": _is(
        "nobody", "A prefeitura ou o emissor estava fora do ar. Reenviamos automaticamente."
    ),
    "denied_unknown": _is(
        "support",
        "A nota foi negada por motivo que ainda não reconhecemos. Leia o texto da recusa, corrija o"
        " que ele pede e reenvie, ou fale com o suporte.",
    ),
}

# Said after what helps with one cause: what comes then, and that the nota keeps its day.
_SENT_AGAIN: Final = "Corrigido o cadastro, a nota é reenviada automaticamente."
_RESEND: Final = "Depois reenvie: a nota mantém a data."
_OTHER_DAY: Final = (
    "Reenvie com a mesma data, ou mande emitir com a data de hoje se a nota deve passar a este mês."
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
    "denied_numbering": "Não reenviamos, para não duplicar.",
}

_IMPORT_GOES_ON: Final = (
    "A importação espera e continua automaticamente, de onde parou, quando a conexão voltar."
)
_ASK_IMPORT_AGAIN: Final = "Peça a importação de novo: o que já entrou não entra outra vez."
# While it is open, and once it has failed of this.
IMPORTS: Final[dict[str, tuple[Message, Message]]] = {
    "vindi_unavailable": (
        _is("nobody", "A Vindi não responde bem agora. Tentamos de novo automaticamente."),
        _is("tenant", f"A Vindi ficou muito tempo sem responder bem. {_ASK_IMPORT_AGAIN}"),
    ),
    "issuer_unavailable": (
        _is(
            "nobody",
            "Antes de importar, conferimos no emissor o que já foi emitido, e ele não responde bem"
            " agora. Tentamos de novo automaticamente.",
        ),
        _is("tenant", f"O emissor ficou muito tempo sem responder bem. {_ASK_IMPORT_AGAIN}"),
    ),
    "internal_error": (
        _is("support", "Houve uma falha nossa. Tentamos de novo automaticamente."),
        _is(
            "support", f"Houve uma falha nossa. {_ASK_IMPORT_AGAIN} Se repetir, fale com o suporte."
        ),
    ),
    "rows_omitted": (
        _is("nobody", "A Vindi deixou vendas fora de uma lista. Lemos de novo automaticamente."),
        _is(
            "support",
            "A lista da Vindi deixou vendas de fora, mesmo lida várias vezes. Fale com o suporte.",
        ),
    ),
}

MESSAGES: Final[dict[str, Message]] = {
    **SKIPS,
    **HOLDS,
    **BRAKES,
    **NOTICES,
    **CONNECTIONS,
    **OUTAGES,
    **WAITS,
    **ATTENTIONS,
    **DENIALS,
}

# Held before it is sent: what would be refused, and where it is mended stands in the detail.
WOULD_BE_DENIED: Final[dict[str, Message]] = {
    "denied_document": _is(
        "tenant",
        "A nota seria recusada por causa do CPF ou CNPJ do cliente, e por isso não foi enviada."
        " Corrija o cadastro na Vindi, ou a retenção do ISS na regra: a venda segue"
        " automaticamente.",
    ),
    "denied_address": _is(
        "customer",
        "A nota seria recusada por causa do endereço do cliente, e por isso não foi enviada."
        " Confirme CEP e estado com o cliente e corrija o cadastro na Vindi: a venda segue"
        " automaticamente.",
    ),
    "denied_service": _is(
        "accountant",
        "A nota seria recusada por causa da retenção ou dos valores do serviço, e por isso não foi"
        " enviada. Corrija a regra com o contador: a venda segue automaticamente.",
    ),
}

_ENDING: Final = {
    "refunded": "O pagamento foi estornado integralmente",
    "partially_refunded": "Parte do pagamento foi estornada",
    "bill_canceled": "A fatura foi cancelada na Vindi",
    "canceled_by_person": "Uma pessoa pediu o cancelamento",
    "payment_undone": "O pagamento foi revertido (chargeback)",
}
_STATES: Final[tuple[tuple[SaleStatus, WhoActs, str], ...]] = (
    (SaleStatus.ISSUING, "nobody", "a nota será cancelada assim que for autorizada."),
    (SaleStatus.UNCERTAIN, "nobody", "se a nota existir, será cancelada."),
    (SaleStatus.CANCELLING, "nobody", "o cancelamento da nota está em andamento."),
    (SaleStatus.CANCELLED, "nobody", "a nota foi cancelada."),
    (
        SaleStatus.ISSUED,
        "tenant",
        "a nota continua válida. Decida com o contador se ela deve ser cancelada.",
    ),
)
_PARTLY_WHILE_ISSUING: Final = (
    "Parte do pagamento foi estornada enquanto a nota era emitida. Quando ela sair, decida com o"
    " contador: deixá-la como está, ou cancelá-la e emitir outra."
)
_IN_TIME: Final = "Se não for corrigido até o fim da garantia, a nota fica pendente."
IN_STATE: Final[dict[tuple[SaleStatus, str], Message]] = {
    **{
        (SaleStatus.IN_GUARANTEE, code): _is(message.who_acts, f"{message.text} {_IN_TIME}")
        for code, message in HOLDS.items()
        if code.startswith("customer_")
    },
    **{(SaleStatus.HELD, code): message for code, message in WOULD_BE_DENIED.items()},
    **{
        (status, code): _is(who, f"{cause}: {outcome}")
        for code, cause in _ENDING.items()
        for status, who, outcome in _STATES
    },
    (SaleStatus.ISSUED, "canceled_by_person"): _is(
        "nobody",
        "Uma das notas desta venda foi cancelada a pedido de uma pessoa; as outras continuam"
        " válidas. Para emiti-la de novo, mande emitir essa nota.",
    ),
    (SaleStatus.ISSUED, "partially_refunded"): _is(
        "tenant",
        "Parte do pagamento foi estornada depois da emissão. Decida com o contador: deixar a nota"
        " como está, ou cancelá-la e emitir outra.",
    ),
    **{
        (status, "partially_refunded"): _is("tenant", _PARTLY_WHILE_ISSUING)
        for status in (SaleStatus.ISSUING, SaleStatus.UNCERTAIN)
    },
}
# Of a nota that the issuer still has: what is said if it is to be cancelled, and if it is not.
WHILE_ISSUING: Final[dict[tuple[SaleStatus, str], tuple[Message, Message]]] = {
    (status, code): (
        _is(who, f"{cause}: {outcome}"),
        _is(
            "tenant",
            _PARTLY_WHILE_ISSUING
            if code == "partially_refunded"
            else f"{cause} enquanto a nota era emitida. Quando ela sair, decida com o contador se"
            " ela deve ser cancelada.",
        ),
    )
    for code, cause in _ENDING.items()
    for status, who, outcome in _STATES
    if status in (SaleStatus.ISSUING, SaleStatus.UNCERTAIN)
}
