"""Drafts as the JSON that is kept, sealed, beside their nota."""

from typing import Final

from msgspec.json import Decoder, Encoder

from shared.domain.nota import NotaDraft

_ENCODER: Final = Encoder()
_DECODER: Final = Decoder(NotaDraft)


def draft_to_json(draft: NotaDraft) -> bytes:
    """Write a draft; equal drafts give equal bytes."""
    return _ENCODER.encode(draft)


def draft_from_json(body: bytes) -> NotaDraft:
    """Read a draft that `draft_to_json` wrote."""
    return _DECODER.decode(body)
