"""`python -m deploy.privacy_page`: writes the inventory of data into its page."""

import sys
from pathlib import Path
from typing import Final

from shared.domain.privacy.inventory import rendered

PAGE: Final = Path(__file__).parents[1] / "docs" / "privacy.md"
BEGIN: Final = "<!-- made by `python -m deploy.privacy_page`; nobody edits it -->\n"
END: Final = "<!-- made until here -->\n"


def page_of(text: str) -> str:
    """The page with its table as the inventory says it now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{rendered()}{END}{after}"


def main() -> None:
    """Write the page and say so."""
    PAGE.write_text(page_of(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(PAGE.parents[1])}\n")


if __name__ == "__main__":
    main()
