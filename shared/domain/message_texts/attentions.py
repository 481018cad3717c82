"""What somebody should look at although the sale is where it is, and what the issuer says."""

from typing import Final

from shared.domain.message_texts.message import Message, says

ATTENTIONS: Final[dict[str, Message]] = {
    "amount_chosen": says(
        "nobody",
        "A soma dos itens diferia do valor da fatura, ou parte do pagamento foi estornada, e uma"
        " pessoa escolheu o valor da nota.",
    ),
    "resend_given_up": says(
        "tenant",
        "A nota foi negada e não é reenviada automaticamente: as tentativas acabaram, o mês da"
        " competência terminou, ou o texto fala de algo que já existe. Confira o texto da recusa, e"
        " no portal da prefeitura se a nota existe; depois escolha Tentar de novo.",
    ),
    "stated_by_person": says(
        "nobody",
        "Uma pessoa conferiu no portal da prefeitura e informou que a nota existe. O emissor ainda"
        " não a confirmou.",
    ),
    "possible_duplicate": says(
        "tenant",
        "O emissor já tem uma nota de mesmo cliente, valor e competência que não foi pedida por"
        " nós. Compare as duas: se esta nota ainda falta, escolha Emitir agora; senão cancele a"
        " venda.",
    ),
    "bill_changed_after_issue": says(
        "tenant",
        "O valor da fatura mudou depois da emissão. Decida com o contador se a nota deve ser"
        " cancelada e emitida de novo.",
    ),
    "issuer_status_unknown": says(
        "support",
        "O emissor informou uma situação que não conhecemos. Continuamos a acompanhar; se não mudar"
        " em um dia, fale com o suporte.",
    ),
    "bill_moved_after_issue": says(
        "tenant",
        "A fatura passou a outro cliente depois da emissão: a nota está em nome do anterior."
        " Decida com o contador se ela deve ser cancelada e emitida de novo.",
    ),
    "bill_of_another_account": says(
        "support",
        "A Vindi mostra com este número outra fatura, criada em outro momento: a conta conectada"
        " não é a desta venda. Esta venda fica como está, e a outra fatura não recebe nota por"
        " aqui. Confira a conta da Vindi e fale com o suporte.",
    ),
    "bill_reopened_after_issue": says(
        "tenant",
        "A fatura estava paga e voltou a ficar em aberto depois da emissão. Confira o pagamento na"
        " Vindi e cancele a nota se a venda foi desfeita.",
    ),
    "refunded_above_payment": says(
        "tenant",
        "Foi devolvido mais do que a fatura recebeu. Confira os estornos na Vindi; quanto à nota,"
        " vale a regra do estorno integral.",
    ),
    "kept_by_rule": says(
        "nobody",
        "O pagamento foi estornado ou contestado, ou a fatura foi cancelada. A regra diz que a nota"
        " fica como está.",
    ),
    "cancel_window_over": says(
        "accountant",
        "A nota devia ser cancelada, mas o prazo da prefeitura já passou: ela continua válida. Veja"
        " com o contador o que fazer, ou escolha Cancelar a nota para tentar assim mesmo.",
    ),
    "paid_twice": says(
        "tenant",
        "A fatura foi paga mais de uma vez. A nota vale pelo valor da fatura; devolva ao cliente o"
        " pagamento a mais.",
    ),
    "paid_after_cancel": says(
        "tenant",
        "A nota foi cancelada e a fatura voltou a ser paga. Se a venda vale, escolha Emitir"
        " agora: sai uma nota nova.",
    ),
    "cancel_refused": says(
        "accountant",
        "A prefeitura recusou o cancelamento: a nota continua válida. Veja com o contador e, se"
        " couber, cancele pelo portal da prefeitura e informe aqui que ela foi cancelada.",
    ),
    "cancel_deadline": says(
        "accountant",
        "O prazo da prefeitura para cancelar já passou: a nota continua válida. Veja com o contador"
        " se cabe um pedido à prefeitura; se ela cancelar, informe aqui que a nota foi cancelada.",
    ),
    "cancel_by_portal": says(
        "tenant",
        "Esta prefeitura não cancela por sistema: a nota continua válida. Cancele-a pelo portal da"
        " prefeitura e informe aqui que ela foi cancelada.",
    ),
    "cancel_account": says(
        "tenant",
        "O eNotas bloqueou o cancelamento por pagamento em aberto na conta: a nota continua válida."
        " Regularize a conta no eNotas; pedimos o cancelamento de novo automaticamente.",
    ),
    "cancel_certificate": says(
        "tenant",
        "O cancelamento não foi aceito por causa do certificado digital: a nota continua válida."
        " Renove o certificado no eNotas; pedimos o cancelamento de novo automaticamente.",
    ),
    "cancel_not_found": says(
        "support",
        "O emissor disse que não encontrou a nota a cancelar: para nós ela continua válida. Pedimos"
        " de novo automaticamente; se não mudar em um dia, abra um chamado com o emissor.",
    ),
    "cancel_unexplained": says(
        "support",
        "O emissor não aceitou o cancelamento e não disse por quê: a nota continua válida. Pedimos"
        " de novo automaticamente; se não mudar em um dia, abra um chamado com o emissor.",
    ),
    "cancel_in_progress": says(
        "nobody",
        "O emissor ainda está processando esta nota e não a cancela agora. Pedimos o cancelamento"
        " de novo automaticamente.",
    ),
    "cancel_outage": says(
        "nobody",
        "O sistema da prefeitura não respondeu ao cancelamento: a nota continua válida. Pedimos de"
        " novo automaticamente.",
    ),
    "cancelled_elsewhere": says(
        "tenant",
        "A nota foi cancelada fora do Notaponte, no painel do emissor ou pela prefeitura. Se a"
        " venda vale, escolha Emitir agora: sai uma nota nova.",
    ),
    "cancel_stated": says(
        "nobody",
        "Uma pessoa conferiu no portal da prefeitura e informou que a nota está cancelada.",
    ),
    "nota_missing_at_issuer": says(
        "support",
        "Para nós esta nota é válida, mas o emissor diz que não a tem. Confira no portal da"
        " prefeitura e abra um chamado com o emissor.",
    ),
    "second_nota_valid": says(
        "accountant",
        "O emissor tem mais de uma nota válida para esta venda. Compare as duas e cancele a que"
        " não vale.",
    ),
    "issued_as_test": says(
        "tenant",
        "A nota foi emitida em homologação e não tem valor fiscal. Passe o emissor para Produção"
        " e escolha Emitir agora.",
    ),
}

# Said when something is connected; those about another tenant stand in its health too.
NOTICES: Final[dict[str, Message]] = {
    "webhook_url_not_public": says(
        "support",
        "A Vindi não alcança o nosso endereço de avisos pela internet. As vendas são encontradas só"
        " pela leitura periódica, minutos mais tarde. Peça ao suporte um endereço público.",
    ),
    "vindi_account_elsewhere": says(
        "tenant",
        "Esta conta da Vindi já está conectada em outra empresa aqui. Com as duas ativas, cada"
        " venda teria duas notas. Se é isso mesmo que se quer, confirme ao ativar.",
    ),
    "issuer_company_elsewhere": says(
        "tenant",
        "Esta empresa do emissor já está conectada em outra empresa aqui. Confira se as vendas não"
        " são as mesmas; se estiver certo, confirme ao ativar.",
    ),
    "open_notas_elsewhere": says(
        "nobody",
        "Elas continuam lá, com a chave de lá: são consultadas, acompanhadas e canceladas na"
        " conexão em que nasceram. Nada é reenviado com o mesmo número de pedido em outro lugar; se"
        " uma não existir lá, sai uma nota nova na conexão atual.",
    ),
    "test_sales_held": says(
        "tenant",
        "Ficam pendentes até que alguém escolha Emitir agora nas que ainda devem uma nota.",
    ),
    "test_sales_due": says("nobody", "Saem agora em produção, com um pedido novo."),
}
