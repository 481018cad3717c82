"""The operator's command line; the Makefile's verbs call it.

A command loads what it alone needs: `up` stays in memory for as long as it runs, and is small.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from shared.config.env import Env, SettingsError
from shared.config.secret import Secret
from shared.config.settings import database_url, exit_with
from shared.crypto.seal import Sealer
from shared.db.connection import connect
from shared.db.logins import LOGINS, let_in
from shared.db.server_log import keep_rows_out
from shared.keys import accept_keys
from shared.local.backup import KEEP
from shared.local.home import known_settings
from shared.ops.plain_errors import plain_errors
from shared.ops.typed import refuse_slips
from shared.ops.up.programs import SERVICES, OurService
from shared.telemetry.version import __version__, commit

if TYPE_CHECKING:
    from shared.api_client.models import BackfillNew, ErasureIn
    from shared.ops.rotate import Rotated

INTERRUPTED: Final = 130  # as shells say it of Ctrl-C

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def begin(context: typer.Context) -> None:
    """What operators type; `make` alone lists the verbs."""
    try:
        refuse_slips(os.environ, context)
    except SettingsError as error:
        exit_with(error)


@app.command()
def up(
    services: Annotated[
        str, typer.Option(help="Only these, comma-separated, e.g. webhook,panel.")
    ] = "",
    timings: Annotated[
        bool, typer.Option("--timings", help="Say on stderr when each step of the start was done.")
    ] = False,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    from shared.ops.up.command import up as run_up

    with plain_errors():
        run_up(os.environ, _chosen(services), timings=timings)


@app.command(name="closing")
def closing_command(
    tenant: Annotated[str, typer.Option(help="The tenant's id.")],
    month: Annotated[str, typer.Option(help="Such as 2026-10, in the tenant's zone.")],
) -> None:
    """Print a month's closing; exit 1 when it does not balance."""
    from rich.console import Console

    from shared.ops.closing import run_closing

    with plain_errors():
        code = asyncio.run(run_closing(os.environ, tenant, month, Console()))
    raise typer.Exit(code)


@app.command(name="erase-customer")
def erase_command(
    tenant: Annotated[str, typer.Option(help="The tenant's id.")],
    ticket: Annotated[str, typer.Option(help="The desk's ticket; names no person.")],
    reason: Annotated[str, typer.Option(help="Why; names no person.")],
    customer: Annotated[int, typer.Option(help="Vindi's number; 0 asks for CPF or CNPJ.")] = 0,
) -> None:
    """Erase one customer of a tenant, as far as no law keeps them, and say what stays."""
    asked: ErasureIn = {"ticket": ticket, "reason": reason}
    if customer:
        asked["customer_id"] = customer
    else:  # asked for, since histories of shells and lists of processes keep what is typed here
        asked["document"] = typer.prompt("CPF or CNPJ")

    from rich.console import Console

    from shared.ops.erase import run_erasure

    with plain_errors():
        code = asyncio.run(run_erasure(os.environ, tenant, asked, Console()))
    raise typer.Exit(code)


@app.command(name="migrate")
def migrate_command(
    citus: Annotated[bool, typer.Option(help="Spread the tables over a Citus cluster.")] = False,
    sql: Annotated[bool, typer.Option(help="Print the SQL, change nothing.")] = False,
) -> None:
    """Bring the database to the schema this version needs."""
    from shared.db.migrate import migrate, offline_sql

    if sql:
        typer.echo(offline_sql(), nl=False)
        return
    with plain_errors():
        with Env(values=known_settings(os.environ)) as var:
            url = database_url(var)
            given = {login: var.password(setting) for setting, login in LOGINS.items()}
        logins = {login: password for login, password in given.items() if password is not None}
        revision = asyncio.run(migrate(url.reveal(), citus=citus))
        typer.echo(f"The database is at {revision}.")
        asyncio.run(_let_in(url.reveal(), logins))
        if logins:
            typer.echo(f"Services may log in as {', '.join(logins)}.")


async def _let_in(url: str, logins: Mapping[str, Secret]) -> None:
    conn = await connect(url)
    try:
        await keep_rows_out(conn)  # where it may not, the doctor says so
        for login, password in logins.items():
            await let_in(conn, login, password)
    finally:
        await conn.close()


@app.command(name="rotate-keys")
def rotate_command() -> None:
    """Seal every secret afresh under the first of SECRET_KEYS."""
    with plain_errors():
        with Env(values=known_settings(os.environ)) as var:
            keys = var.secret_keys("SECRET_KEYS")
        done = asyncio.run(_rotate([key.reveal() for key in keys]))
    if done.broken:
        typer.echo(
            f"{done.broken} values are damaged, under a key that is not configured, or not what"
            " they should be. They stay as they are:\n"
            + "\n".join(f"  {place}" for place in done.named)
        )
    if done.waiting:
        typer.echo(
            f"{done.changed} values changed. The issuer's lists of {done.waiting} companies are"
            " read again, within minutes: then run this again, and keep the old key until then."
        )
        raise typer.Exit(1)
    typer.echo(
        f"{done.changed} values changed, {done.rows - done.broken} rows open under the first key."
        " Once every service has it, the old key may go; backups need it for as long as you keep"
        " them."
    )
    if done.broken:
        raise typer.Exit(1)


async def _rotate(keys: list[str]) -> "Rotated":
    from shared.ops.at_rest import database_for
    from shared.ops.rotate import rotate

    async with database_for(os.environ) as url:
        return await rotate(url, keys, _tell)


@app.command(name="token")
def token_command(
    name: Annotated[str, typer.Option(help="Whose it is; none lists all.")] = "",
    scope: Annotated[str, typer.Option(help="read, support or operator.")] = "read",
    days: Annotated[str, typer.Option(help="How long it is valid.")] = "90",
    revoke: Annotated[bool, typer.Option("--revoke", help="End it at once.")] = False,
) -> None:
    """Make, list or end tokens of the internal API."""
    from rich.console import Console

    from shared.ops.tokens import run_tokens

    by = os.environ.get("USER") or "operator"
    with plain_errors():
        asyncio.run(
            run_tokens(
                os.environ, Console(), name=name, scope=scope, days=days, revoke=revoke, by=by
            )
        )


@app.command(name="staff")
def staff_command(
    role: Annotated[str, typer.Option(help="support or operator: invite one.")] = "",
    email: Annotated[str, typer.Option(help="Whose it is; without one, whoever follows.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="End their access at once.")] = False,
) -> None:
    """Invite, list or dismiss our own people, who see every company in the panel.

    What removes an address ends an invitation of it too; a role alone, those without an address.
    """
    from rich.console import Console

    from shared.ops.staff import run_staff

    by = os.environ.get("USER") or "operator"
    with plain_errors():
        asyncio.run(run_staff(os.environ, Console(), role=role, email=email, remove=remove, by=by))


@app.command(name="accept-keys")
def accept_command() -> None:
    """Let services start under SECRET_KEYS although a key that sealed something is lost."""
    with plain_errors():
        with Env(values=known_settings(os.environ)) as var:
            keys = var.secret_keys("SECRET_KEYS")
        asyncio.run(_accept(Sealer.from_text(key.reveal() for key in keys)))
    typer.echo("Services start now. What the lost key sealed stays shut: connect tenants afresh.")


async def _accept(sealer: Sealer) -> None:
    """Also while no `up` runs: without this it does not start."""
    from shared.ops.at_rest import database_for

    async with database_for(os.environ) as url:
        conn = await connect(url)
        try:
            await accept_keys(conn, sealer)
        finally:
            await conn.close()


def _tell(table: str, rows: int, changed: int) -> None:
    typer.echo(f"{table}: {rows} rows, {changed} values changed")


@app.command(name="backfill")
def backfill_command(
    tenant: Annotated[str, typer.Option(help="The tenant's id.")],
    since: Annotated[str, typer.Option(help="The first local day, such as 2026-01-01.")],
    until: Annotated[str, typer.Option(help="The last local day; else to this day.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Foresee, change nothing.")] = False,
    competencia: Annotated[str, typer.Option(help="original, or today.")] = "original",
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "make backfill",
) -> None:
    """Bring in past sales, and watch until that is done."""
    from rich.console import Console

    from shared.ops.backfill import run_backfill

    asked: BackfillNew = {
        "since": since,
        "dry_run": dry_run,
        "competencia": cast("Any", competencia),  # the API refuses what is neither
        "requested_by": os.environ.get("USER") or "operator",
        "reason": reason,
    }
    if until:
        asked["until"] = until
    with plain_errors():
        try:
            code = asyncio.run(run_backfill(os.environ, tenant, asked, Console()))
        except KeyboardInterrupt:
            code = INTERRUPTED
    raise typer.Exit(code)


@app.command(name="version")
def version_command() -> None:
    """Say which version and commit this is."""
    typer.echo(f"notaponte {__version__} ({commit() or 'commit unknown'})")


@app.command(name="backup")
def backup_command(
    keep: Annotated[int, typer.Option(min=1, help="Copies to keep, the newest.")] = KEEP,
) -> None:
    """Copy the embedded database; from the first copy on its WAL is kept too."""
    from shared.ops.backup import run_backup

    with plain_errors():
        backup = asyncio.run(run_backup(os.environ, keep=keep))
    typer.echo(
        f"{backup.folder}: proved whole."
        " Keep a copy of secret-keys elsewhere: without it nothing sealed opens again."
    )


@app.command(name="restore")
def restore_command(
    at: Annotated[
        str, typer.Option(help="The moment, 2026-11-29T14:05 (Brasília); else the latest.")
    ] = "",
) -> None:
    """Put the embedded database back to a moment, while `up` does not run."""
    from shared.ops.backup import run_restore

    with plain_errors():
        asyncio.run(run_restore(os.environ, at, typer.echo))


@app.command(name="restored")
def restored_command(
    since: Annotated[str, typer.Option(help="From when on data are missing.")] = "",
) -> None:
    """Say that the database was restored by others: what was issued is looked up before sending."""
    from shared.ops.backup import run_restored

    with plain_errors():
        restore = asyncio.run(run_restored(os.environ, since))
    typer.echo(
        f"Noted as restore {restore.restore_id}, missing since {restore.since.isoformat()}:"
        " issuers' lists are read before anything more is issued."
    )


@app.command(name="psql")
def psql_command(
    sql: Annotated[str, typer.Option(help="One statement; else what is typed.")] = "",
) -> None:
    """Look into the database with psql, reading only; also while `up` rests."""
    from shared.ops.look_into import look_into

    with plain_errors():
        code = asyncio.run(look_into(os.environ, sql))
    raise typer.Exit(code)


@app.command(name="doctor")
def doctor_command(
    tenant: Annotated[str, typer.Option(help="Only this tenant's accounts.")] = "",
    questions: Annotated[
        bool, typer.Option("--questions", help="Ask the accounts what documentation leaves open.")
    ] = False,
    report: Annotated[str, typer.Option(help="Where to write a report that can be sent.")] = "",
) -> None:
    """Look at everything that has to be right, and say what was found; exit 1 if it is wrong."""
    from rich.console import Console

    from shared.ops.doctor.command import run_doctor

    with plain_errors():
        code = asyncio.run(
            run_doctor(
                os.environ,
                Console(),
                tenant=tenant,
                questions=questions,
                report=Path(report) if report else None,
            )
        )
    raise typer.Exit(code)


def _chosen(names: str) -> tuple[OurService, ...]:
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = wanted - {service.name for service in SERVICES}
    if unknown:
        raise SettingsError((f"--services does not know: {', '.join(sorted(unknown))}.",))
    return tuple(service for service in SERVICES if not wanted or service.name in wanted)
