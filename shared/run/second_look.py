"""A refusal is believed only after a second look, some seconds later.

A firewall, a deploy or a clumsy minute on the other side may refuse one request with the very words
of a key that was revoked. A tenant is stopped for neither.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from shared.domain.errors import PipelineError, TenantBlockedError, TransientError

LOOK_AFTER: Final = timedelta(seconds=5)


class RefusalPassed(TransientError):
    """What was refused is granted now: the refusal was of a moment, or of one request."""

    def __init__(self) -> None:
        super().__init__("a refusal that passed")


class SecondLook:
    """Looks again for all who met the same refusal; whoever comes meanwhile waits for that look."""

    def __init__(self, after: timedelta = LOOK_AFTER) -> None:
        self.after = after
        self._looks: dict[str, asyncio.Task[TenantBlockedError | TransientError]] = {}

    async def judge(
        self, key: str, prove: Callable[[], Awaitable[object]]
    ) -> TenantBlockedError | TransientError:
        """Say what a refusal of this account means: stop the tenant, or try again later.

        `prove` tries all that is needed of it. Hold no connection while waiting here.
        """
        look = self._looks.get(key)
        if look is None:
            look = asyncio.create_task(self._look(prove), name="second-look")
            self._looks[key] = look
            look.add_done_callback(lambda _: self._looks.pop(key, None))
        return await asyncio.shield(look)

    async def _look(
        self, prove: Callable[[], Awaitable[object]]
    ) -> TenantBlockedError | TransientError:
        await asyncio.sleep(self.after.total_seconds())
        try:
            await prove()
        except (TenantBlockedError, TransientError) as error:
            return error
        except PipelineError as error:
            return TransientError(str(error))
        return RefusalPassed()
