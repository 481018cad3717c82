from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.ops.image import lay_out


@pytest.fixture(scope="session")
def image() -> Iterator[Path]:
    """The image's folders, laid out once."""
    with TemporaryDirectory(prefix="notaponte-image-") as folder:
        yield lay_out(Path(folder))
