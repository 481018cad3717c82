"""Commands, calls and names in the documents, and in what the program says, are there as told."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.core import TyperGroup
from typer.main import get_command

from services.reconciler.api.kit.operation import AnyOperation
from services.reconciler.app import OPERATIONS
from shared.ops.commands import app
from tests.support.curl import Curl, curls
from tests.support.typed import DOCUMENTS, ROOT, Typed, pieces, verbs_with_variables

PIECES = [*pieces(DOCUMENTS)]
RUNBOOKS = [one for one in PIECES if one.document.parent.name == "runbooks"]
OURS = ("shared", "services", "deploy")
API = "http://127.0.0.1:8082/internal/v1"
# A call as a sentence tells it: its method, and its path with or without what comes before.
SPOKEN = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (\$T|\$API|…|/internal/v1)(/[^\s`]+)")
MODULE = re.compile(r"(?:python -m|\$NP) ([\w.-]+)((?: +[\w.…:-]+)*)")
MAKE = re.compile(r"(?:`|\brun )make ([a-z]+(?:-[a-z]+)*)((?: [A-Z_]+=\S+)*)(?=[`.;]|$)")
FILE = re.compile(
    r"(?<![\w/.])(?:docs|deploy|tests|shared|services|requirements)(?:/[\w.-]+)*/[\w-]+\.\w+\b"
)
BEFORE_MAKE = re.compile(r"\b([A-Z][A-Z0-9_]+)=\S+(?= .*\bmake )")
WORD = re.compile(r"[a-z]+(?:_[a-z]+)+")
FILLED_IN = re.compile(r"…|\$[A-Z]+")  # by whoever types it, or by the shell
MADE_LATER = "deploy/base-image.lock"  # by `make image`, where an engine is
# Words of PostgreSQL, Redis, PgBouncer, HAProxy and Kubernetes in the runbooks.
OF_OTHERS = {
    *(
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "max_connections",
    ),
    *("log_error_verbosity", "log_parameter_max_length", "log_min_duration_statement", "work_mem"),
    *(
        "citus_create_restore_point",
        "pg_dist_authinfo",
        "conn_cur",
        "pg_terminate_backend",
        "any_tenant",
    ),
}


@pytest.mark.parametrize(
    "piece", [one for one in PIECES if "curl" in one.text], ids=lambda p: p.where
)
def test_a_call_of_the_documents_is_one_that_the_api_takes(piece: Typed) -> None:
    wrong = [fault for call in curls(piece) if (fault := fault_of(call))]

    assert not wrong, piece.where


WRONG = (
    ("curl $T/sales/4711/retry", "no such call: GET /tenants/"),
    ("curl -X PUT $T/pause", "no such call: PUT /tenants/"),
    ("curl $T/sales?stauts=held", "stauts"),
    ("""curl $T/limits/release -d '{"raeson":"checked"}'""", "raeson"),
    ("""curl -X PUT $T/limits -d '{"notas_a_day":"many"}'""", "notas_a_day"),
    ('curl -X PUT $T/vindi -d @a.json   # {"api_key":"…","environment":"prod"}', "environment"),
    ("curl http://127.0.0.1:8082/reayz", "no such address"),
)


@pytest.mark.parametrize(("command", "told"), WRONG)
def test_a_call_that_it_does_not_take_is_told(command: str, told: str) -> None:
    piece = Typed(document=ROOT / "README.md", line=1, language="sh", text=command)

    [call] = curls(piece)
    assert told in fault_of(call)


def test_a_call_that_is_spoken_of_is_one_of_the_api() -> None:
    lost = []
    for piece in PIECES:
        if "sandbox" in piece.document.parts:  # the stand-ins' own calls
            continue
        for method, base, path in SPOKEN.findall(piece.text):
            begin = {"$T": "/tenants/{}", "…": "(?:/[^/]+)*"}.get(base, "")
            wanted = re.compile(f"{begin}{shape(path.rstrip(',.'))}".replace("{}", "[^/]+"))
            if not any(
                one.method == method and wanted.fullmatch(shape(one.path)) for one in OPERATIONS
            ):
                lost.append(f"{piece.where}: {method} {base}{path}")

    assert not lost


def test_every_module_that_is_named_runs_and_knows_its_options() -> None:
    wrong = []
    for where, text in [*written(), *said()]:
        for module, rest in MODULE.findall(text):
            wrong += [f"{where}: {fault}" for fault in faults_of(module, rest.split())]

    assert not wrong


def test_options_that_are_not_there_are_told() -> None:
    assert faults_of("shared.ops", ["token", "--name", "ana", "--scoop"]) == ["token --scoop"]
    assert faults_of("shared.ops", ["restor"]) == ["no verb restor"]
    assert faults_of("deploy.shema", []) == ["no module deploy.shema"]
    assert faults_of("deploy.secrets_scan", ["--acept"]) == ["deploy.secrets_scan --acept"]


def test_what_the_program_tells_to_make_can_be_made() -> None:
    verbs = verbs_with_variables()
    told = [(where, *found) for where, text in said() for found in MAKE.findall(text)]

    assert len(told) > 20
    for where, verb, variables in told:
        assert verb in verbs, where
        assert set(re.findall(r"([A-Z_]+)=", variables)) <= verbs[verb], where


def test_every_file_that_is_named_is_there() -> None:
    lost = [
        f"{where}: {path}"
        for where, text in [*written(), *said()]
        for path in FILE.findall(text)
        if not (ROOT / path).exists() and path != MADE_LATER
    ]

    assert not lost


def test_every_variable_before_make_is_read_by_somebody() -> None:
    sources = source(*OURS, "tests")
    for piece in PIECES:
        for name in BEFORE_MAKE.findall(piece.text):
            assert f'"{name}"' in sources, piece.where


def test_words_of_the_runbooks_are_words_of_the_program() -> None:
    known = set(WORD.findall(source(*OURS))) | OF_OTHERS

    lost = [
        f"{piece.where}: {word}"
        for piece in RUNBOOKS
        if not piece.language
        for word in WORD.findall(re.sub(r"\bM \d+ \w+|\S+\.py\b", "", piece.text))
        if word not in known
    ]
    assert not lost


def fault_of(call: Curl) -> str:
    """What the API would say to a call; nothing of what it takes, or of other servers."""
    url = call.url.replace("$API", API).replace("$T", f"{API}/tenants/{{}}")
    if not url.startswith(API):
        return "" if is_elsewhere(url) else f"no such address: {url}"
    path, _, query = url.removeprefix(API).partition("?")
    found = operation(call.method, path)
    if found is None:
        return f"no such call: {call.method} {path}"
    names = {one.partition("=")[0] for one in query.split("&") if one}
    unknown = names - {field.alias or name for name, field in found.query.model_fields.items()}
    if unknown:
        return f"no such parameter: {', '.join(sorted(unknown))}"
    if call.body is None:
        return ""
    try:
        found.body.model_validate_json(FILLED_IN.sub("exemplo1", call.body))
    except ValidationError as error:
        return str(error)
    return ""


def operation(method: str, path: str) -> AnyOperation | None:
    fits = (one for one in OPERATIONS if one.method == method)
    return next((one for one in fits if fits_path(one.path, path)), None)


def fits_path(declared: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(declared)), path) is not None


def is_elsewhere(url: str) -> bool:
    """The stand-ins, what each service tells of itself, and what a reader has to fill in."""
    ports = r"http://127\.0\.0\.1:(?:\$1|\$port|808[0-4])/(?:readyz|metrics)"
    return (
        not url
        or url.startswith("$C/")
        or re.fullmatch(rf"{ports}|http://127\.0\.0\.1:8090/api/v1/bills/\d+", url) is not None
    )


def shape(path: str) -> str:
    return re.sub(r"\{[^}]+\}|\b\d[\d-]*\b", "{}", path.partition("?")[0])


def faults_of(module: str, words: list[str]) -> Iterator[str] | list[str]:
    """What would be refused of `python -m module words`."""
    if module in commands():  # `$NP doctor`
        module, words = "shared.ops", [module, *words]
    if module.partition(".")[0] not in {*OURS, "tests"}:
        return []
    options = [word for word in words if word.startswith("--")]
    if module == "shared.ops":
        return [*faults_of_verb(words[0], options)] if words and words[0] != "VERB" else []
    if (path := file_of(module)) is None:
        return [f"no module {module}"]
    text = path.read_text("utf-8")
    return [f"{module} {one}" for one in options if f'"{one}"' not in text]


def faults_of_verb(verb: str, options: list[str]) -> Iterator[str]:
    if verb not in commands():
        yield f"no verb {verb}"
        return
    yield from (f"{verb} {one}" for one in options if one not in commands()[verb])


@cache
def commands() -> dict[str, set[str]]:
    """The verbs of the command line, each with its options."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return {
        name: {option for one in command.params for option in one.opts}
        for name, command in group.commands.items()
    }


def file_of(module: str) -> Path | None:
    """What `python -m` would run."""
    path = ROOT / module.replace(".", "/")
    files = (path / "__main__.py", path.with_suffix(".py"))
    return next((one for one in files if one.exists()), None)


def written() -> Iterator[tuple[str, str]]:
    return ((piece.where, piece.text) for piece in PIECES)


@cache
def said() -> list[tuple[str, str]]:
    """Every text in the code: what is told to people, and to who reads it."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node.value)
        for folder in OURS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@cache
def source(*folders: str) -> str:
    """What lies there, as text, documents aside."""
    suffixes = {".py", ".sql", ".yaml", ".txt", ".toml", ".tsv", ".cfg", ".html"}
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return "\n".join(
        path.read_text("utf-8") for path in files if path.suffix in suffixes and path.is_file()
    )
