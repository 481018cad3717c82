"""How much room eNotas, and the cities behind it, have for each text of a nota.

Lengths are those seen in denials of real cities (enotas-api, section 4.2). Latin-1 everywhere:
the national layout takes nothing else in an address, and what lies behind many cities takes
nothing else at all (fiscal-domain, section 6).
"""

from typing import Final

from shared.domain.text.form import Form, Width

FORM: Final = Form(
    name=Width(most=75),
    street=Width(most=60),
    number=Width(most=10),
    complement=Width(most=30),
    district=Width(most=50),
    city=Width(most=60),
    country=Width(most=60),
    description=Width(most=2000),
    observations=Width(most=2000),
    city_text=Width(most=600),
    extra=Width(most=255),
)
