"""What a text for a tenant is."""

from msgspec import Struct

from shared.domain.refusals import WhoActs


class Message(Struct, frozen=True, kw_only=True):
    """A text in Portuguese that says what to do, and who has to do it."""

    text: str
    who_acts: WhoActs


def says(who: WhoActs, text: str) -> Message:
    """One line of a table of texts."""
    return Message(text=text, who_acts=who)
