"""Bad weather at either stand-in: errors, silence and cut lines, by share or by count."""

import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from services.sandbox.wire import Answer, Call, dump

HTML_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway"
HTML_PAGE += b"</h1></center><hr><center>nginx</center></body></html>"

VINDI_ERROR = {"errors": [{"id": "error", "parameter": None, "message": "Erro"}]}
ENOTAS_ERROR = [{"codigo": "ERR", "mensagem": "Erro"}]


@dataclass(slots=True, kw_only=True)
class Storm:
    """A rule that spoils some calls.

    A call is hit while `count` lasts (None: for ever), with `percent` likelihood,
    or every `every`-th matching one. `when` says whether the work was done: "before"
    nothing is stored, "after" the work is done and only its answer is lost.
    `kind`: "json", "html", "empty" with `status`; "hang_up"; "time_out" (silence for
    `seconds`, real, then cut).
    """

    kind: str = "json"
    status: int = 500
    when: str = "before"
    percent: float = 100.0
    count: int | None = None
    every: int | None = None
    method: str | None = None
    path_has: str = ""
    query_has: str = ""  # as it is before it is encoded: "id=7"
    retry_after: str | None = None
    seconds: float = 60.0
    seen: int = 0

    def strikes(self, call: Call, rng: random.Random) -> bool:
        """Decide about one call, and remember the decision."""
        if self.method and call.method != self.method.upper():
            return False
        if self.path_has not in call.raw_path or self.count == 0:
            return False
        if self.query_has not in unquote(call.raw_query):
            return False
        self.seen += 1
        if self.every is not None and self.seen % self.every:
            return False
        if self.percent < 100 and rng.random() * 100 >= self.percent:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    def answer(self, error: Any) -> Answer:
        """Give the spoilt answer; `error` is how the stand-in writes one."""
        extra = (("Retry-After", self.retry_after),) if self.retry_after else ()
        match self.kind:
            case "hang_up":
                return Answer(hang_up=True)
            case "time_out":
                return Answer(hang_up=True, delay=self.seconds)
            case "html":
                return Answer(
                    status=self.status, body=HTML_PAGE, content_type="text/html", headers=extra
                )
            case "empty":
                return Answer(status=self.status, headers=extra)
            case _:
                return Answer(status=self.status, body=dump(error), headers=extra)


@dataclass(slots=True, kw_only=True)
class Weather:
    """The storms now over one account."""

    error: Any = field(default_factory=lambda: VINDI_ERROR)
    storms: list[Storm] = field(default_factory=list)

    @classmethod
    def of_enotas(cls) -> "Weather":
        """Weather whose errors are written as eNotas writes them."""
        return cls(error=ENOTAS_ERROR)

    def add(self, **rule: Any) -> Storm:
        """Let a storm begin; fields as in Storm."""
        storm = Storm(**rule)
        self.storms.append(storm)
        return storm

    def clear(self) -> None:
        """End every storm."""
        self.storms.clear()

    def strike(self, call: Call, when: str, rng: random.Random) -> Answer | None:
        """Give the first spoilt answer for a call, if any storm hits it."""
        for storm in self.storms:
            if storm.when == when and storm.strikes(call, rng):
                return storm.answer(self.error)
        return None
