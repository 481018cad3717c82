"""Whatever is sent, the answer is one that the description allows."""

import asyncio
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema_rs import meta
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.domain.sale import SaleStatus
from tests.services.api.support import TOKEN, Api, World

# A longer run by hand: API_FUZZ_EXAMPLES=200 pytest tests/services/api/test_description.py
EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "4"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


async def test_the_description_is_sound(api: Api) -> None:
    reply = await api.call("GET", "/openapi.json", headers={"Authorization": ""})

    assert reply.status == 200
    assert reply.body["openapi"].startswith("3.1")
    for schema in reply.body["components"]["schemas"].values():
        assert meta.is_valid(schema)


@pytest.mark.timeout(3600)
async def test_no_request_gets_an_answer_that_is_not_described(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.ISSUED, nota="issued")
    await world.sale(tenant, 2, SaleStatus.HELD, code="no_rule")

    statuses = await asyncio.to_thread(_fuzz, world.api.base, tenant)

    assert {200, 202, 404, 422} <= statuses


def _fuzz(base: str, tenant: str) -> set[int]:
    """Send valid and invalid requests to every operation; the statuses that came back."""
    schema = schemathesis.openapi.from_url(f"{base}/internal/v1/openapi.json")
    seen: set[int] = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
                continue
            _fuzz_operation(operation, mode, tenant, seen)
    return seen


def _can_be_wrong(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters)


def _fuzz_operation(operation: Any, mode: GenerationMode, tenant: str, seen: set[int]) -> None:
    # Half of the requests name a tenant and a bill that are there.
    known = st.one_of(st.none(), st.sampled_from([1, 2]))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), bill=known)
    def send(case: Any, bill: int | None) -> None:
        if bill is not None and "tenant_id" in case.path_parameters:
            case.path_parameters["tenant_id"] = tenant
            if "bill_id" in case.path_parameters:
                case.path_parameters["bill_id"] = bill
        response = case.call(headers={"Authorization": f"Bearer {TOKEN}"})
        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)

    send()
