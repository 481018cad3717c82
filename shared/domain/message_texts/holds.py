"""What keeps a sale from its nota until somebody acts."""

from typing import Final

from shared.domain.message_texts.message import Message, says

HOLDS: Final[dict[str, Message]] = {
    "substitution_denied": says(
        "tenant",
        "A nota que substituiria a anterior foi negada; a anterior continua válida. Corrija o que"
        " a prefeitura aponta e peça a substituição de novo, ou cancele a nota e emita outra.",
    ),
    "substitution_elsewhere": says(
        "tenant",
        "A nota foi emitida em outra conexão com o emissor e não pode ser substituída por uma"
        " emitida na atual. Cancele-a no portal da prefeitura e emita outra.",
    ),
    "substitution_untaken": says(
        "tenant",
        "O emissor conectado não substitui notas. A nota anterior continua válida: cancele-a e"
        " emita outra.",
    ),
    "substitution_waits": says(
        "nobody",
        "A substituição pedida aguarda a vez e segue automaticamente. Até lá a nota anterior"
        " continua válida.",
    ),
    "issued_as_test": says(
        "tenant",
        "A nota desta venda saiu em homologação e não tem valor fiscal. Se a venda ainda deve uma"
        " nota, escolha Emitir agora; se já foi emitida de outro modo, cancele a venda.",
    ),
    "rule_manual": says(
        "tenant", "A regra pede decisão manual. Escolha Emitir agora ou cancele esta venda."
    ),
    "partially_refunded": says(
        "tenant",
        "Parte do pagamento foi estornada. Decida com o contador: escolha Emitir agora para uma"
        " nota do que resta ou do valor inteiro, ou cancele esta venda.",
    ),
    "payment_undone": says(
        "tenant",
        "A fatura consta como paga, mas o pagamento parece ter sido revertido (chargeback)."
        " Confira na Vindi e depois escolha Emitir agora ou cancele a venda.",
    ),
    "activation_unclear": says(
        "tenant",
        "A fatura foi paga antes da ativação, e a Vindi não informa quando soube do pagamento."
        " Confira se o sistema anterior já emitiu a nota: se não emitiu, escolha Emitir agora; se"
        " emitiu, cancele esta venda.",
    ),
    "account_elsewhere": says(
        "tenant",
        "A venda é de quando esta conta da Vindi estava conectada a outra empresa, que pode já ter"
        " emitido a nota. Confira: se não emitiu, escolha Emitir agora; se emitiu, cancele esta"
        " venda.",
    ),
    "payment_unclear": says(
        "tenant",
        "A fatura consta como paga, mas a Vindi não informa a data do pagamento. Confira a"
        " cobrança na Vindi e escolha Tentar de novo.",
    ),
    "mixed_rules": says(
        "tenant",
        "Os produtos desta fatura pedem momentos de emissão diferentes. Ajuste a regra, ou escolha"
        " Emitir agora para esta venda.",
    ),
    "mixed_services": says(
        "accountant",
        "Os produtos desta fatura pertencem a serviços diferentes, e a nota aceita um só. Ajuste"
        " os serviços na regra ou permita nela uma nota para cada serviço.",
    ),
    "parts_disagree": says(
        "tenant",
        "A fatura mudou depois que uma de suas notas foi pedida, e as notas não"
        " correspondem mais aos itens dela. Corrija a fatura na Vindi, ou cancele o que foi emitido"
        " e escolha Emitir agora.",
    ),
    "no_rule": says("tenant", "Ainda não há regra de emissão. Crie a regra para continuar."),
    "amount_mismatch": says(
        "tenant",
        "A soma dos itens difere do valor da fatura. Corrija a fatura na Vindi e"
        " escolha Tentar de novo.",
    ),
    "customer_document_missing": says(
        "customer",
        "Falta o CPF ou CNPJ do cliente. Peça-o ao cliente e complete o cadastro na Vindi.",
    ),
    "customer_name_missing": says(
        "customer",
        "Falta o nome do cliente: o cadastro está em branco ou só tem pontuação. Peça-o ao cliente"
        " e complete o cadastro na Vindi.",
    ),
    "customer_document_invalid": says(
        "customer",
        "O CPF ou CNPJ do cliente é inválido. Confirme com o cliente e corrija o cadastro na"
        " Vindi.",
    ),
    "customer_address_incomplete": says(
        "customer",
        "O endereço do cliente está incompleto. Peça o que falta e complete o cadastro na Vindi.",
    ),
    "customer_not_found": says(
        "tenant", "A Vindi não encontra o cliente desta fatura. Confira o cadastro na Vindi."
    ),
    "customer_unreadable": says(
        "support", "O cliente veio da Vindi com dados que não entendemos. Fale com o suporte."
    ),
    "customer_city_unknown": says(
        "customer",
        "A cidade do cliente não existe no estado informado, segundo o IBGE. Confirme cidade e"
        " estado com o cliente e corrija o cadastro na Vindi.",
    ),
    "customer_foreign": says(
        "accountant",
        "O cliente tem endereço no exterior. Veja com o contador como emitir; se a nota pode sair"
        " sem CPF ou CNPJ, permita na regra clientes do exterior sem documento.",
    ),
    "customer_foreign_incomplete": says(
        "customer",
        "Faltam dados do cliente do exterior para a nota: rua, cidade, código postal, ou o número"
        " fiscal do país dele (ou por que não tem um). Complete o cadastro na Vindi.",
    ),
    "customer_metadata_invalid": says(
        "tenant",
        "Um metadado do cliente na Vindi tem um valor que não serve para a nota. Corrija-o no"
        " cadastro do cliente; a venda segue automaticamente.",
    ),
    "metadata_invalid": says(
        "tenant",
        "Um metadado da fatura na Vindi tem um valor que não serve para a nota. Corrija-o na"
        " fatura.",
    ),
    "nota_values_impossible": says(
        "accountant",
        "Os valores informados para esta nota não fecham. Confira com o contador a regra e os"
        " metadados do cliente e da fatura.",
    ),
    "withholding_contradicts": says(
        "accountant",
        "O tipo de retenção de PIS, COFINS e CSLL informado não corresponde ao que é retido nesta"
        " nota. Corrija o tipo ou as alíquotas, ou deixe que ele seja calculado.",
    ),
    "issuer_lacks_field": says(
        "accountant",
        "O emissor conectado não aceita um campo informado para esta nota. Tire-o da regra, do"
        " cliente ou da fatura.",
    ),
    "rps_series_missing": says(
        "accountant",
        "A regra diz que o RPS é numerado pela empresa, mas não em que série. Informe a série"
        " na regra.",
    ),
    "rps_start_missing": says(
        "tenant",
        "Falta dizer a partir de que número a série do RPS segue. Informe o próximo número dela"
        " para esta empresa e este ambiente: a venda segue automaticamente.",
    ),
    "competencia_month_closed": says(
        "accountant",
        "A competência é de um mês já encerrado. Decida com o contador: escolha Emitir agora para"
        " que a nota saia com a data de hoje, ou ajuste a regra.",
    ),
    "tenant_paused": says(
        "tenant", "A emissão está pausada. Ative-a de novo para continuar de onde parou."
    ),
    "shadow_mode": says(
        "tenant",
        "No modo sombra nenhuma nota sai. Esta venda segue quando a emissão for ativada.",
    ),
    "held_by_person": says(
        "tenant", "Retida manualmente. Quando a venda puder seguir, escolha Liberar."
    ),
    "bill_unreadable": says(
        "support", "A fatura veio da Vindi com dados que não entendemos. Fale com o suporte."
    ),
    "decision_failed": says(
        "support",
        "Esta venda não pôde ser tratada por uma falha nossa, que já nos foi avisada. Ela é tentada"
        " de novo automaticamente; se a nota tem pressa, fale com o suporte.",
    ),
    "bill_not_found": says(
        "support", "A Vindi não encontra esta fatura com a chave informada. Fale com o suporte."
    ),
}
