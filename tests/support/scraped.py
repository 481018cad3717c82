"""Reading metrics as a scraper does: by the text of /metrics, what changed since before."""

from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from shared.telemetry.exposed import exposed

Series = tuple[str, frozenset[tuple[str, str]]]


def read(text: str) -> dict[Series, float]:
    """Every series of a text in Prometheus' format."""
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@dataclass(slots=True)
class Scraped:
    """What this process shows, against what it showed when this was made."""

    before: dict[Series, float] = field(default_factory=lambda: read(exposed().decode()))

    def risen(self, name: str, **labels: str) -> float:
        """By how much a series rose."""
        series = (name, frozenset(labels.items()))
        return now(name, **labels) - self.before.get(series, 0.0)


def now(name: str, **labels: str) -> float:
    """A series as it is shown now; 0 where it is not."""
    return read(exposed().decode()).get((name, frozenset(labels.items())), 0.0)
