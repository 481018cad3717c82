"""The reference says all there is, and nothing that is not so."""

import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from jsonschema_rs import validator_for

from services.reconciler.api.kit.openapi import describe
from services.reconciler.app import OPERATIONS
from services.reconciler.reference.describe import OTHER, operations_of
from services.reconciler.reference.words import HERE, refusals
from shared.domain.sale import SaleStatus
from tests.services.api.support import Api, World

Json = dict[str, Any]


@pytest.fixture(scope="module")
def description() -> Json:
    return describe(OPERATIONS)


def test_no_field_goes_undescribed(description: Json) -> None:
    assert not [
        f"{model}.{name}"
        for model, schema in description["components"]["schemas"].items()
        for name, field in schema.get("properties", {}).items()
        if len(field.get("description", "")) < 9  # a unit alone says nothing
    ]


def test_no_parameter_and_no_group_goes_undescribed(description: Json) -> None:
    assert not [
        f"{path} {parameter['name']}"
        for path, operation in operations_of(description)
        for parameter in operation["parameters"]
        if not parameter.get("description")
    ]
    assert {OTHER} & {tag["name"] for tag in description["tags"]} == set()


def test_every_refusal_has_its_words_and_every_word_its_refusal(description: Json) -> None:
    given = {
        code
        for _, operation in operations_of(description)
        for response in operation["responses"].values()
        for code in re.findall(r"^\* `(\w+)`", response["description"], flags=re.MULTILINE)
    }
    # What no operation declares: the answers of an unknown path and of a bug.
    beyond = {"not_found", "method_not_allowed", "refused", "internal_error"}
    assert given | beyond == set(refusals())


def test_no_word_is_about_a_field_that_is_gone(description: Json) -> None:
    schemas = description["components"]["schemas"]
    names = {name for schema in schemas.values() for name in schema.get("properties", {})}
    names |= {
        p["name"] for _, operation in operations_of(description) for p in operation["parameters"]
    }
    fields = {
        f"{model}.{name}" for model, one in schemas.items() for name in one.get("properties", {})
    }
    lines = (HERE / "fields.txt").read_text(encoding="utf-8").splitlines()
    said = [line.split(" | ")[0] for line in lines if line and not line.startswith("#")]
    assert not set(said) - names - fields
    assert len(said) == len(set(said))


def test_every_example_is_one_that_its_schema_allows(description: Json) -> None:
    wrong = []
    seen = 0
    for _, operation in operations_of(description):
        for content in contents(operation):
            if "schema" not in content:
                continue
            seen += 1
            schema = {**content["schema"], "components": description["components"]}
            check = validator_for(schema, validate_formats=True)
            wrong += [
                f"{operation['operationId']} {error.instance_path} {error.message}"
                for error in check.iter_errors(content["example"])
            ]
    assert seen > 400
    assert not wrong


def test_what_an_example_sends_is_what_the_call_would_take(description: Json) -> None:
    """The schema is not all: a rule, for one, is held against itself when it is read."""
    for operation in OPERATIONS:
        if operation.takes_body:
            path = description["paths"][f"/internal/v1{operation.path}"][operation.method.lower()]
            content = path["requestBody"]["content"]["application/json"]
            operation.body.model_validate(content["example"])


async def test_pages_are_served_whole_and_ask_nobody_else(api: Api) -> None:
    root = api.base + "/internal/docs"
    headers = {"Authorization": ""}
    async with api.http.get(root, headers=headers) as answer:
        index = await answer.text()
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    pages = {index}
    links = set(re.findall(r'(?:href|src)="([^"]+)"', index))
    assert len(links) > 12
    for link in sorted(links):
        assert link.startswith("/internal/")
        async with api.http.get(api.base + link.split("#")[0], headers=headers) as answer:
            assert answer.status == 200, link
            pages.add(await answer.text())

    whole = "\n".join(pages)
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in whole
    assert "<script" not in whole
    anchors = {link.split("#")[1] for link in links if "#" in link}
    assert anchors == {operation.name for operation in OPERATIONS}
    async with api.http.get(f"{root}/nowhere", headers=headers) as answer:
        assert answer.status == 404


def contents(operation: Json) -> list[Json]:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [content for body in bodies for content in body.get("content", {}).values()]


async def test_every_example_is_taken_by_the_api_that_it_describes(
    world: World, description: Json
) -> None:
    """As it stands, to a tenant that there is: refused for a state perhaps, never for its shape."""
    tenant = await world.active_tenant()
    await world.sale(tenant, 4711, SaleStatus.ISSUED, nota="issued")
    wrong, seen = [], 0
    for one in OPERATIONS:
        method, path = one.method, f"/internal/v1{one.path}"
        operation = description["paths"][path][method.lower()]
        query = {}
        for parameter in operation["parameters"]:
            example = parameter.get("example")
            if parameter["in"] == "path":
                told = tenant if parameter["name"] == "tenant_id" else example
                path = path.replace(f"{{{parameter['name']}}}", quote(str(told), safe=""))
            elif parameter["in"] == "query" and example is not None:
                query[parameter["name"]] = str(example)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        call = f"{path.removeprefix('/internal/v1')}{'?' + urlencode(query) if query else ''}"
        reply = await world.api.call(method, call, body.get("example"))
        seen += 1
        if reply.status in {400, 405, 415} or reply.status >= 500:
            wrong.append(f"{method} {call}: {reply.status} {reply.body}")
        if reply.status == 422 and reply.code == "invalid_request":
            wrong.append(f"{method} {call}: {reply.body}")

    assert seen == len(OPERATIONS)
    assert not wrong, "\n".join(wrong)
