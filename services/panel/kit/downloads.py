"""Files that are made while they are sent: some at once for each company, so that none takes all.

Each costs a core while it is made, and a workbook room on the disk until the last of it was taken.
One that takes minutes is broken off for whoever is signed out, or loses their role, meanwhile.
"""

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from weakref import finalize

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.commands.sign_in import find_session_at
from shared.domain.ids import TenantId
from shared.domain.people import RIGHTS

if TYPE_CHECKING:
    from services.panel.kit.page import Visit

log = structlog.get_logger()

AT_ONCE: Final = 4  # of one company, in one process: a few people who fetch a month's files
LOOK_EVERY: Final = 5.0  # seconds after which it is looked at again who is let in


class TooManyDownloads(Exception):
    """The company has as many files under way as it may."""


class AccessWithdrawn(ClientDisconnect):
    """Whoever fetches a file may not see its company any more: it ends as if they had gone."""


@dataclass(slots=True, kw_only=True, eq=False)
class DownloadPlace:
    """One file's room, from when it is promised until its last piece was taken.

    As a context: free behind the block, unless a download has it by then.
    """

    tenant: TenantId
    counted: Counter[TenantId]
    is_held: bool = False  # by a download
    is_free: bool = False

    def free(self) -> None:
        """Give it back; once, however often it is said."""
        if self.is_free:
            return
        self.is_free = True
        self.counted[self.tenant] -= 1
        if not self.counted[self.tenant]:
            del self.counted[self.tenant]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.is_held:
            self.free()


@dataclass(slots=True, kw_only=True)
class Downloads:
    """What is under way, by company."""

    most: int = AT_ONCE
    _under_way: Counter[TenantId] = field(default_factory=Counter)

    def place(self, tenant: TenantId) -> DownloadPlace:
        """Room for one file, taken at once; raises TooManyDownloads where there is none."""
        if self._under_way[tenant] >= self.most:
            raise TooManyDownloads
        self._under_way[tenant] += 1
        return DownloadPlace(tenant=tenant, counted=self._under_way)


class Download(StreamingResponse):
    """A file whose making ends with its sending, also where whoever asked has gone."""

    def __init__(
        self,
        place: DownloadPlace,
        pieces: AsyncIterator[bytes],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._place = place
        self._pieces = pieces
        place.is_held = True
        finalize(self, place.free).atexit = False  # one that is never sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; its place is free then, however that ended."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.free()

    async def stream_response(self, send: Send) -> None:
        """Send the pieces."""
        async with AsyncExitStack() as stack:
            if isinstance(self._pieces, AsyncGenerator):
                await stack.enter_async_context(aclosing(self._pieces))
            await super().stream_response(send)


def download(
    visit: "Visit",
    pieces: AsyncIterator[bytes],
    *,
    media_type: str,
    headers: Mapping[str, str],
    place: DownloadPlace | None = None,
) -> Response:
    """A file of the visit's company; raises TooManyDownloads where no place was taken before."""
    place = place or visit.resources.downloads.place(visit.tenant.id)
    return Download(place, _while_let_in(visit, pieces), media_type=media_type, headers=headers)


async def _while_let_in(visit: "Visit", pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, for as long as whoever asked for them may see the company."""
    looked = time.monotonic()
    async with AsyncExitStack() as stack:
        if isinstance(pieces, AsyncGenerator):
            await stack.enter_async_context(aclosing(pieces))
        async for piece in pieces:
            if time.monotonic() - looked >= LOOK_EVERY:
                if not await _is_let_in(visit):
                    log.warning("download_broken_off", tenant_id=visit.tenant.id)
                    raise AccessWithdrawn
                looked = time.monotonic()
            yield piece


async def _is_let_in(visit: "Visit") -> bool:
    """Whether the session goes on, with all that its person might do here when they asked."""
    at = await find_session_at(visit.resources.pool, visit.bound_to, visit.tenant.id)
    now = at and (at.role or at.session.person.staff)
    if not now or visit.standing is None:
        return False
    return RIGHTS[visit.standing] <= RIGHTS[now]
