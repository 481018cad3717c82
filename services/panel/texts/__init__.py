"""Every text of the panel, in Portuguese, by a word of ours; a module an area.

What is said of a sale, of a code or of a status stands in `shared/domain/messages.py`, since the
internal API says it too.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from services.panel.texts.accepted import ACCEPTED
from services.panel.texts.activation import ACTIVATION
from services.panel.texts.attention import ATTENTION
from services.panel.texts.audit import AUDIT
from services.panel.texts.bulk import BULK
from services.panel.texts.closing import CLOSING
from services.panel.texts.door import DOOR
from services.panel.texts.frame import FRAME
from services.panel.texts.hooks import HOOKS
from services.panel.texts.limits import LIMITS
from services.panel.texts.mail import MAIL
from services.panel.texts.overview import OVERVIEW
from services.panel.texts.past import PAST
from services.panel.texts.people import PEOPLE
from services.panel.texts.privacy import PRIVACY
from services.panel.texts.rps import RPS
from services.panel.texts.rule import RULE
from services.panel.texts.rule_tests import RULE_TESTS
from services.panel.texts.said import SAID
from services.panel.texts.sale import SALE
from services.panel.texts.sales import SALES
from services.panel.texts.settings import SETTINGS
from services.panel.texts.start import START
from services.panel.texts.support import SUPPORT

_AREAS: Final[tuple[Mapping[str, str], ...]] = (
    FRAME,
    DOOR,
    OVERVIEW,
    SALES,
    BULK,
    SALE,
    ATTENTION,
    RULE,
    RULE_TESTS,
    ACTIVATION,
    START,
    SETTINGS,
    PEOPLE,
    PRIVACY,
    MAIL,
    AUDIT,
    LIMITS,
    RPS,
    HOOKS,
    CLOSING,
    ACCEPTED,
    PAST,
    SUPPORT,
    SAID,
)


def _whole(areas: tuple[Mapping[str, str], ...]) -> dict[str, str]:
    """All texts together; a word that two areas have would hide one of them."""
    found = dict(chain.from_iterable(area.items() for area in areas))
    if len(found) != sum(len(area) for area in areas):
        raise AssertionError("two texts have the same word")
    return found


TEXTS: Final[dict[str, str]] = _whole(_AREAS)


def text(key: str, **values: object) -> str:
    """A text with its values filled in; KeyError for one that is not in the catalogue."""
    found = TEXTS[key]
    return found.format_map(values)
