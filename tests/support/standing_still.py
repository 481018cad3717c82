"""A process that stands still at statements of its work, while something else happens."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.statement_proxy import Statement, When

Happens = Callable[[], Awaitable[object]]


@dataclass(slots=True, kw_only=True)
class StandingStill:
    """Goes through its stations in order: each is reached when a statement of that name is next.

    The server has not heard the statement then, so nothing is locked that it would lock, and
    whatever the process had read before is as old as the station lasts.
    """

    stations: list[tuple[str, Happens]] = field(default_factory=list)
    reached: int = 0

    async def look(self, one: Statement) -> None:
        if one.when is not When.UNHEARD or self.reached >= len(self.stations):
            return
        name, happens = self.stations[self.reached]
        if one.name.startswith(name):
            self.reached += 1
            await happens()

    @property
    def done(self) -> bool:
        """Whether it stood at each of them."""
        return self.reached == len(self.stations)
