"""A ZIP that is written while it is sent: one document in memory at a time, nothing on disk."""

import asyncio
import hashlib
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from shared.commands.files.cells import no_formula, write_rows
from shared.commands.files.zip_stream import Unseekable, entry_of
from shared.db.closing.closing_read import ValidNota
from shared.domain.errors import PipelineError, TenantBlockedError, TransientError
from shared.domain.money import show_reais
from shared.issuer.interface import DocumentKind, Issuer, NotReady

log = structlog.get_logger()

KINDS: Final[tuple[DocumentKind, ...]] = ("xml", "pdf")
PAUSES: Final = (1.0, 5.0, 15.0)  # seconds before a document that failed is asked for again
LONGEST_PAUSE: Final = timedelta(seconds=60)
MANIFEST: Final = "manifest.csv"
_HEADER: Final = (
    "file",
    "sha256",
    "bytes",
    "bill_id",
    "external_id",
    "nota_number",
    "status",
    "amount",
    "missing",
)
_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What goes in, and where documents come from; `at` is the time written on every file."""

    notas: AsyncIterator[list[ValidNota]]
    issuer_of: Callable[[ValidNota], Issuer | None]
    at: datetime


async def stream_zip(wanted: Export) -> AsyncIterator[bytes]:
    """Write every document as the issuer gives it, then the manifest.

    A document that the issuer does not give, after some patience, is named in the manifest with
    the reason; a key that the issuer refuses ends the asking with it, not the file.
    """
    out, manifest = Unseekable(), _Manifest()
    fetch = _Fetcher(wanted.issuer_of)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.filelist, archive.NameToInfo = _Entries(wanted.at), _Names()
        async for notas in wanted.notas:
            for nota in notas:
                for kind in KINDS:
                    document = await fetch(nota, kind)
                    manifest.add(nota, kind, document)
                    if isinstance(document, bytes):
                        archive.writestr(
                            entry_of(f"{nota.external_id}.{kind}", wanted.at), document
                        )
                        yield out.take()
        with archive.open(entry_of(MANIFEST, wanted.at), "w") as entry:
            for piece in manifest.pieces():
                entry.write(piece)
                yield out.take()
    log.info("closing_exported", count=manifest.count, missing=manifest.missing)
    yield out.take()


class _Entries(list[zipfile.ZipInfo]):
    """What the end of a ZIP lists, once, kept packed meanwhile.

    As objects, the entries of a hundred thousand notas were most of the memory of their export.
    """

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at = at
        self._count = 0
        self._packer = zlib.compressobj()
        self._packed = bytearray()

    def append(self, info: zipfile.ZipInfo, /) -> None:
        sizes = (info.flag_bits, info.CRC, info.compress_size, info.file_size, info.header_offset)
        line = f"{info.filename} {' '.join(map(str, sizes))}\n"
        self._packed += self._packer.compress(line.encode())
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[zipfile.ZipInfo]:
        self._packed += self._packer.flush()
        unpacker, rest = zlib.decompressobj(), b""
        for start in range(0, len(self._packed), _PIECE):
            piece = rest + unpacker.decompress(self._packed[start : start + _PIECE])
            *lines, rest = piece.split(b"\n")
            for line in lines:
                yield self._unpacked(line.decode())

    def _unpacked(self, line: str) -> zipfile.ZipInfo:
        name, *sizes = line.split(" ")
        info = entry_of(name, self._at)
        info.flag_bits, info.CRC, info.compress_size, info.file_size, info.header_offset = map(
            int, sizes
        )
        return info


class _Names(dict[str, zipfile.ZipInfo]):
    """Names are told apart by their ids already: none is remembered."""

    def __setitem__(self, name: str, info: zipfile.ZipInfo, /) -> None:
        pass


class _Fetcher:
    """Asks the issuer for documents; answers with the document, or the word of why not."""

    def __init__(self, issuer_of: Callable[[ValidNota], Issuer | None]) -> None:
        self._issuer_of = issuer_of
        self._blocked: dict[int | None, str] = {}  # by connection

    async def __call__(self, nota: ValidNota, kind: DocumentKind) -> bytes | str:
        issuer = self._issuer_of(nota)
        if issuer is None:
            return "issuer_not_connected"
        for pause in (*PAUSES, None):
            if nota.connection_id in self._blocked:
                break
            try:
                found = await issuer.documents(nota.external_id, kind)
            except TenantBlockedError as error:
                self._blocked[nota.connection_id] = error.code
            except TransientError as error:
                if pause is None:
                    break
                await asyncio.sleep(_pause(error, pause))
            except PipelineError:
                return "issuer_refused"
            else:
                return "document_not_ready" if isinstance(found, NotReady) else found
        return self._blocked.get(nota.connection_id, "issuer_unreachable")


def _pause(error: TransientError, usual: float) -> float:
    if error.retry_after is None:
        return usual
    return min(error.retry_after, LONGEST_PAUSE).total_seconds()


class _Manifest:
    """The lines of the manifest, kept compressed until the documents are through."""

    def __init__(self) -> None:
        self.count = self.missing = 0
        self._packer = zlib.compressobj()
        self._packed = bytearray()
        self._write(_HEADER)

    def add(self, nota: ValidNota, kind: DocumentKind, document: bytes | str) -> None:
        given = isinstance(document, bytes)
        self.count += given
        self.missing += not given
        self._write(
            (
                f"{nota.external_id}.{kind}",
                hashlib.sha256(document).hexdigest() if isinstance(document, bytes) else "",
                len(document) if given else 0,
                nota.bill_id,
                nota.external_id,
                no_formula(nota.number or ""),  # the city's text
                nota.status,
                show_reais(nota.amount),
                "" if given else document,
            )
        )

    def pieces(self) -> Iterator[bytes]:
        """The manifest, in pieces; once, after everything was added."""
        self._packed += self._packer.flush()
        unpacker = zlib.decompressobj()
        rest = bytes(self._packed)
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, _PIECE)
            rest = unpacker.unconsumed_tail

    def _write(self, row: tuple[object, ...]) -> None:
        self._packed += self._packer.compress(write_rows([row]))
