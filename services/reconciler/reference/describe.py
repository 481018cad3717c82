"""The description in full words: what every field, parameter, group and refusal means."""

from collections.abc import Iterator, Mapping
from typing import Final

from services.reconciler.reference.examples import example_of
from services.reconciler.reference.words import NOTHING, Json, refusals, said_of, word_of

# The order in which a reader meets them: setting up, every day, at the month's end.
_ORDER: Final = (
    "Tenants",
    "Connections",
    "Rules",
    "Official tables",
    "Sales",
    "Denials",
    "Health",
    "Limits",
    "Backfills",
    "Closing",
    "Status webhook",
    "People",
    "Privacy",
    "Restores",
)
_PRIVACY: Final = "What is kept of people: told, erased, and what becomes of a tenant that leaves."
# The first piece that a path holds says its group.
_GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "/rule/preview": (
        "Backfills",
        "Past sales: bringing them in, or seeing what would come of it.",
    ),
    "/backfills": ("Backfills", "Past sales: bringing them in, or seeing what would come of it."),
    "/closing": ("Closing", "A month's comparison of Vindi, our notas and the issuer's list."),
    "/status-webhook": (
        "Status webhook",
        "Telling the tenant's own systems what became of a sale.",
    ),
    "/sales": ("Sales", "What became of each bill, and what may be asked for."),
    "/denials": ("Denials", "Refused notas by cause."),
    "/rule": ("Rules", "When notas are issued and what they say."),
    "/tables": ("Official tables", "The codes that rules are held against."),
    "/limits": ("Limits", "Brakes: how much may be issued in a day."),
    "/vindi": ("Connections", "The Vindi account and the issuer's company."),
    "/issuer": ("Connections", "The Vindi account and the issuer's company."),
    "/health": ("Health", "What stops a tenant, and since when."),
    "/invitations": ("People", "Who may sign in to the panel."),
    "/activity": ("Health", "What stops a tenant, and since when."),
    "/restores": ("Restores", "What a restored database may lack, and how far that is looked for."),
    "/privacy": ("Privacy", _PRIVACY),
    "/departure": ("Privacy", _PRIVACY),
    "{tenant_id}/export": ("Privacy", _PRIVACY),
    "/test-nota": ("Tenants", "The companies whose notas are issued."),
    "/tenants": ("Tenants", "The companies whose notas are issued."),
}
OTHER: Final = "Other"


def in_full_words(description: Json) -> Json:
    """Add to a description what it lacks for a reader: meanings, groups, examples.

    Changes `description` and gives it back. What has no words yet stays without: a test tells.
    """
    schemas = description["components"]["schemas"]
    for model, schema in schemas.items():
        _describe_fields(model, schema)
    groups: dict[str, str] = {}
    for path, operation in operations_of(description):
        group, about = group_of(path)
        groups[group] = about
        operation["tags"] = [group]
        _describe_parameters(operation, schemas)
        _describe_refusals(operation)
        for content in _contents(operation):
            _add_example(content, schemas)
    in_order = sorted(groups, key=lambda name: (*_ORDER, name).index(name))
    description["tags"] = [{"name": name, "description": groups[name]} for name in in_order]
    return description


def operations_of(description: Json) -> Iterator[tuple[str, Json]]:
    """Every operation with its path."""
    for path, methods in description["paths"].items():
        for operation in methods.values():
            yield path, operation


def group_of(path: str) -> tuple[str, str]:
    """The group that a path belongs to, and what that is about."""
    for piece, group in _GROUPS.items():
        if piece in path:
            return group
    return OTHER, "What belongs to no other group."


def _describe_fields(model: str, schema: Json) -> None:
    for name, field in schema.get("properties", {}).items():
        text = said_of(word_of(model, name), field.get("description") or _within(field))
        if text:
            field["description"] = text


def _within(field: Json) -> str | None:
    """What the one option says that is not null."""
    said = [one["description"] for one in field.get("anyOf", ()) if "description" in one]
    return said[0] if said else None


def _describe_parameters(operation: Json, schemas: Json) -> None:
    for parameter in operation["parameters"]:
        schema, name = parameter["schema"], parameter["name"]
        word = word_of("", name)
        own = parameter.get("description") or schema.get("description") or _within(schema)
        text = said_of(word, own)
        if text:
            parameter["description"] = text
        if parameter["in"] == "path" or parameter.get("required"):
            said = word.example if word else NOTHING
            parameter["example"] = said if said is not NOTHING else example_of(schema, schemas)


def _describe_refusals(operation: Json) -> None:
    for status, response in operation["responses"].items():
        codes = response.pop("x-codes", None)
        if codes is None:
            continue
        known = refusals()
        lines = [f"* `{code}`: {known[code]}" if code in known else f"* `{code}`" for code in codes]
        response["description"] += "\n\n" + "\n".join(lines)
        problem = response["content"]["application/problem+json"]
        problem["example"] = {
            "title": response["description"].partition(":")[0],
            "status": int(status),
            "code": codes[0],
            "detail": known.get(codes[0], codes[0]),
        }


def _contents(operation: Json) -> Iterator[Json]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for response in operation["responses"].values():
        yield from response["content"].values()


def _add_example(content: Json, schemas: Json) -> None:
    if "schema" in content and "example" not in content:
        content["example"] = example_of(content["schema"], schemas)
