"""Avisos ao seu sistema."""

from typing import Final

HOOKS: Final[dict[str, str]] = {
    "hooks.title": "Avisos ao seu sistema",
    "hooks.text": "A cada nota emitida, negada ou cancelada e a cada venda retida, avisamos um"
    " endereço do seu sistema. Cada aviso é assinado (Standard Webhooks, versão 1).",
    "hooks.go": "Ver os avisos",
    "hooks.address": "Endereço",
    "hooks.address_help": "De um sistema seu, começando com https://. Quem cuida do sistema sabe"
    " qual é.",
    "hooks.now": "Avisamos este endereço, com a chave de assinatura terminada em {hint}.",
    "hooks.new_secret": "Criar outra chave de assinatura",
    "hooks.new_secret_help": "A anterior deixa de valer na hora.",
    "hooks.secret": "Chave de assinatura",
    "hooks.secret_text": "Entregue-a a quem cuida do seu sistema. Não a mostramos de novo.",
    "hooks.test": "Enviar um teste",
    "hooks.test_text": "O teste aparece abaixo, com a resposta do seu sistema.",
    "hooks.remove": "Remover o endereço",
    "hooks.remove_text": "Nenhum aviso é mais enviado, e os que esperam são descartados.",
    "hooks.deliveries": "Entregas",
    "hooks.what": "Aviso",
    "hooks.when": "Quando",
    "hooks.answer": "Resposta do seu sistema",
    "hooks.next": "Próxima tentativa:",
    "hooks.tries": "{count}",
    "hooks.resend": "Reenviar",
    "hooks.resend_one": "Reenviar o aviso {number}",
    "hooks.none": "Nenhum aviso nos últimos 30 dias.",
    "hooks.older": "Avisos anteriores",
    "hooks.no_status_webhook": "Não há endereço para onde enviar. Salve um antes.",
    "hooks.delivery_unknown": "Este aviso não existe mais: guardamos os dos últimos 30 dias.",
}
