"""Privacidade, and leaving."""

from typing import Final

PRIVACY: Final[dict[str, str]] = {
    "privacy.title": "Privacidade",
    "privacy.text": "Atenda pedidos de clientes pela LGPD: entregar os dados guardados, ou"
    " eliminá-los.",
    "privacy.go": "Atender um pedido",
    "privacy.who": "Cliente",
    "privacy.who_help": "CPF, CNPJ ou o número do cliente na Vindi",
    "privacy.who_wrong": "Digite um CPF ou CNPJ válido, ou o número do cliente na Vindi.",
    "privacy.ticket": "Protocolo do pedido",
    "privacy.ticket_help": "Fica no registro: sem nome nem documento.",
    "privacy.ticket_missing": "Digite o protocolo do pedido.",
    "privacy.no_names": "Sem CPF, CNPJ nem e-mail: isto fica guardado no registro.",
    "privacy.tell": "Entregar os dados",
    "privacy.tell_text": "Um arquivo com tudo o que é guardado sobre o cliente: vendas, notas,"
    " cadastro e mensagens recebidas.",
    "privacy.tell_page": "Baixar para ler",
    "privacy.tell_json": "Baixar para sistemas (JSON)",
    "privacy.erase": "Eliminar os dados",
    "privacy.erase_text": "Não há como desfazer. O que está em notas fica até o prazo da lei (cinco"
    " anos completos depois do ano da nota), e vendas em andamento ficam até terminarem. O que"
    " chegar depois também é eliminado. Na Vindi e no emissor, peça a eliminação lá.",
    "privacy.erase_go": "Conferir e eliminar",
    "privacy.sure": "Confira antes: {sales} deste cliente.",
    "privacy.sure_none": "Nenhuma venda deste cliente foi encontrada. Confira o que você digitou.",
    "privacy.sure_names": "Nas vendas mais recentes:",
    "privacy.sure_text": "Se é este o cliente, confirme abaixo. Não há como desfazer.",
    "privacy.sure_tell": "Se é este o cliente, baixe o arquivo.",
    "privacy.erase_sure": "Eliminar de vez",
    "privacy.erasures": "Pedidos de eliminação",
    "privacy.asked": "Pedido em",
    "privacy.erased": "Registros eliminados",
    "privacy.kept_law": "Ficam por lei",
    "privacy.kept_open": "Em andamento",
    "privacy.kept_said": "Citados no registro ou em regras",
    "erasure.queued": "Na fila",
    "erasure.running": "Em andamento",
    "erasure.completed": "Feito",
    "leaving.title": "Encerrar conta",
    "leaving.text": "Leve todos os dados, desconecte a empresa e peça a exclusão.",
    "leaving.go": "Ver como encerrar",
    "leaving.export": "Baixar tudo",
    "leaving.export_text": "Um ZIP com vendas, notas, fechamentos e histórico. XML e PDF das notas"
    " são baixados por mês, em Fechamento, enquanto o emissor estiver conectado. Guarde as notas"
    " por cinco anos completos: depois da exclusão, nada fica conosco.",
    "leaving.ask": "Pedir a exclusão",
    "leaving.ask_text": "A Vindi e o emissor são desconectados na hora: nenhuma nota sai mais e"
    " ninguém acompanha as que estão em andamento. Até o fim do prazo dá para voltar atrás, e as"
    " conexões precisam ser feitas de novo.",
    "leaving.name": "Nome da empresa",
    "leaving.name_help": "Digite exatamente como aparece no menu.",
    "leaving.name_differs": "Este não é o nome da empresa.",
    "leaving.reason_help": "Fica no registro, com o seu nome.",
    "leaving.days": "Excluir depois de quantos dias",
    "leaving.days_help": "De 7 a 365",
    "leaving.confirm": "Desconectar mesmo assim",
    "leaving.ask_go": "Desconectar e pedir a exclusão",
    "leaving.waiting": "Esta empresa será excluída",
    "leaving.waiting_text": "Ela está desconectada. Tudo é excluído a partir de:",
    "leaving.asked_by": "Pedido por",
    "leaving.stay": "Voltar atrás",
    "leaving.too_late": "Nada espera para ser excluído: já foi cancelado, ou a exclusão começou.",
    "leaving.already": "A exclusão já foi pedida.",
    "leaving.nothing_new": "A exclusão desta empresa foi pedida: nenhum endereço novo é aceito."
    " Para ficar, volte atrás em Configurações, Encerrar conta.",
}
