from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A value that must not be seen: neither `repr` nor `str` shows anything of it.

    `reveal()` is the only way to the value, so that a search for the word finds every use.
    """

    _value: str = field(repr=False)

    @classmethod
    def of(cls, value: str) -> Self:
        return cls(_value=value)

    def reveal(self) -> str:
        return self._value
