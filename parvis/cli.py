"""``parvis``: one command for the box, the server and the demo.

Exit codes: 0 done; 1 an unexpected failure; 2 wrong usage; 3 configuration; 4 video or camera; 5 model; 6 spool;
7 the way to the server; 8 the server's own data or settings; 130 interrupted.
"""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from contract.version import VERSION
from edge.cli import app as edge_app
from edge.errors import EdgeError
from parvis.demo_cli import demo
from server.cli import app as server_app
from server.errors import ServerError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Counts people and vehicles next to the camera and sends only numbers.",
)
app.add_typer(edge_app, name="edge")
app.add_typer(server_app, name="server")
app.command()(demo)


def _version(value: bool) -> None:
    if value:
        print(VERSION)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Parvis."""


def main() -> None:
    """The entry point: expected failures end with one paragraph and their exit code, never a traceback."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app()
    except (EdgeError, ServerError) as exc:
        console.print(f"error: {exc}", style="red", markup=False)
        sys.exit(exc.exit_code)
    except ModuleNotFoundError as exc:
        part = "server" if exc.name in {"fastapi", "uvicorn", "sqlite_utils", "jinja2"} else "edge"
        console.print(
            f"error: this installation lacks {exc.name}. Install it with: pip install 'parvis[{part}]'",
            markup=False,
        )
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
