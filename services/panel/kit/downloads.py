"""Files that are made while they are sent: some at once for each company, so that none takes all.

Each costs a core while it is made, and a workbook room on the disk until the last of it was taken.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from shared.domain.ids import TenantId

if TYPE_CHECKING:
    from services.panel.kit.page import Visit

AT_ONCE: Final = 4  # of one company, in one process: a few people who fetch a month's files


class TooManyDownloads(Exception):
    """The company has as many files under way as it may."""


@dataclass(slots=True, kw_only=True)
class Downloads:
    """What is under way, by company."""

    most: int = AT_ONCE
    _under_way: Counter[TenantId] = field(default_factory=Counter)

    def demand_room(self, tenant: TenantId) -> None:
        """Raise TooManyDownloads where there is none."""
        if self._under_way[tenant] >= self.most:
            raise TooManyDownloads

    async def counted(
        self, tenant: TenantId, pieces: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        """The same pieces, under way until the last was taken or nobody wants them any more."""
        self._under_way[tenant] += 1
        try:
            async for piece in pieces:
                yield piece
        finally:
            self._under_way[tenant] -= 1
            if not self._under_way[tenant]:
                del self._under_way[tenant]


class Download(StreamingResponse):
    """A file whose making ends with its sending, also where whoever asked has gone."""

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Send the pieces."""
        async with aclosing(self._pieces):
            await super().stream_response(send)


def download(
    visit: "Visit", pieces: AsyncIterator[bytes], *, media_type: str, headers: Mapping[str, str]
) -> Response:
    """A file of the visit's company; raises TooManyDownloads."""
    downloads, tenant = visit.resources.downloads, visit.tenant.id
    downloads.demand_room(tenant)
    return Download(downloads.counted(tenant, pieces), media_type=media_type, headers=headers)
