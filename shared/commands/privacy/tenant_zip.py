"""All that is kept of a tenant, as a ZIP that is written while it is sent.

A line of JSON a row, sealed values opened, a closing a month, and at the end a manifest that counts
rows and gives each file's SHA-256: a download that broke off has none. Memory holds a page. PDF and
XML are the issuer's; `…/closing/export` gives them a month at a time.
"""

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.commands.closing import span_of
from shared.commands.files.closing_csv import render_csv
from shared.commands.files.zip_stream import Unseekable, entry_of
from shared.commands.privacy.opened import opened_row
from shared.crypto.seal import Sealer
from shared.db.closing import closing_read
from shared.db.connection import Pool
from shared.db.distribution import DISTRIBUTED_TABLES
from shared.db.people import memberships_store
from shared.db.privacy import departures_store, tenant_rows
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Month
from shared.domain.moment import local_day

PAGE: Final = 500
# Hashes of secrets, and what is made anew from the rest.
NOT_GIVEN: Final = frozenset(
    {
        "webhook_secrets",
        "idempotency_keys",
        "person_links",
        "memberships",  # as people, with their names
        "month_files",
        "month_file_pieces",
        "kept_figures",
        tenant_rows.OUTLIVES,
    }
)
README: Final = """Exportação de {name}
Gerada em {at} (UTC).

dados/*.jsonl       um registro por linha (JSON), tabela por tabela; valores em centavos
dados/pessoas.jsonl quem tem acesso à empresa no painel
fechamentos/*.csv   um fechamento por mês, uma linha por fatura
manifesto.json      quantos registros há em cada arquivo e o SHA-256 de cada um; é o último arquivo:
                    se ele não estiver aqui, o download foi interrompido e deve ser repetido

Guarde as notas (também XML e PDF, que o emissor fornece) por cinco anos completos depois do ano do
fato (CTN, arts. 173, 174 e 195): depois da exclusão, nada disto fica conosco.
"""


class _File(Struct, frozen=True, kw_only=True):
    """What the manifest says of a file."""

    name: str
    rows: int
    sha256: str


class _Writer:
    """Writes files into the ZIP, counts their rows, and hands out what came of it."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._out = Unseekable()
        self._archive = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)
        self.files: list[_File] = []

    async def write(
        self, name: str, pieces: AsyncIterator[tuple[bytes, int]]
    ) -> AsyncIterator[bytes]:
        """One file, from its pieces and how many rows each has; empty ones are left out."""
        digest, rows, entry = hashlib.sha256(), 0, None
        async for piece, count in pieces:
            if entry is None:
                entry = self._archive.open(entry_of(name, self._at), "w", force_zip64=True)
            rows += count
            digest.update(piece)
            await asyncio.to_thread(entry.write, piece)
            yield self._out.take()
        if entry is not None:
            entry.close()
            self.files.append(_File(name=name, rows=rows, sha256=digest.hexdigest()))
            yield self._out.take()

    def close(self) -> bytes:
        """The end of the ZIP."""
        self._archive.close()
        return self._out.take()


async def tenant_zip(
    pool: Pool, sealer: Sealer, tenant: Tenant, *, at: datetime, people_from: Pool | None = None
) -> AsyncIterator[bytes]:
    """Everything of a tenant; `at` is written on every file.

    `people_from` where `pool` sees the tenant alone, since people are of no tenant.
    """
    out = _Writer(at)
    for name, pieces in _files(pool, people_from or pool, sealer, tenant, at):
        async for part in out.write(name, pieces):
            yield part
    for month in await _months(pool, tenant, at):
        async for part in out.write(f"fechamentos/{month}.csv", _closing(pool, tenant, month)):
            yield part
    manifest = msgspec.json.encode({"tenant": tenant.id, "at": at, "files": out.files})
    async for part in out.write("manifesto.json", _once(manifest)):
        yield part
    yield out.close()


def _files(
    pool: Pool, people: Pool, sealer: Sealer, tenant: Tenant, at: datetime
) -> Iterator[tuple[str, AsyncIterator[tuple[bytes, int]]]]:
    readme = README.format(name=tenant.name, at=f"{at:%Y-%m-%d %H:%M}").encode()
    yield "LEIA-ME.txt", _once(readme)
    yield "dados/pessoas.jsonl", _people(people, tenant)
    for table in DISTRIBUTED_TABLES:
        if table not in NOT_GIVEN:
            yield f"dados/{table}.jsonl", _table(pool, sealer, tenant, table)


async def _once(text: bytes) -> AsyncIterator[tuple[bytes, int]]:
    yield text, 1


async def _people(pool: Pool, tenant: Tenant) -> AsyncIterator[tuple[bytes, int]]:
    async with pool.acquire() as conn:
        found = await memberships_store.members(conn, tenant.id)
    if found:
        yield msgspec.json.Encoder().encode_lines(found), len(found)


async def _table(
    pool: Pool, sealer: Sealer, tenant: Tenant, table: str
) -> AsyncIterator[tuple[bytes, int]]:
    encoder = msgspec.json.Encoder()
    async with pool.acquire() as conn:
        rows = await tenant_rows.first_page(conn, table, tenant.id, limit=PAGE)
    while rows:
        opened = [opened_row(sealer, tenant.id, table, row) for row in rows]
        yield encoder.encode_lines(opened), len(rows)
        if len(rows) < PAGE or not tenant_rows.KEYS[table]:
            return
        after = tenant_rows.key_of(table, rows[-1])
        async with pool.acquire() as conn:
            rows = await tenant_rows.next_page(conn, table, tenant.id, after, limit=PAGE)


async def _months(pool: Pool, tenant: Tenant, at: datetime) -> list[Month]:
    async with pool.acquire() as conn:
        first = await departures_store.first_moment(conn, tenant.id)
    if first is None:
        return []
    zone = ZoneInfo(tenant.timezone)
    start, end = local_day(first, zone), local_day(at, zone)
    count = (end.year - start.year) * 12 + end.month - start.month
    places = (start.month - 1 + number for number in range(count + 1))
    return [Month(year=start.year + place // 12, month=place % 12 + 1) for place in places]


async def _closing(pool: Pool, tenant: Tenant, month: Month) -> AsyncIterator[tuple[bytes, int]]:
    async with pool.acquire() as conn:
        span = await span_of(conn, tenant, month)
    async for piece in render_csv(closing_read.lines(pool, span), tenant.timezone):
        yield piece, piece.count(b"\n")
