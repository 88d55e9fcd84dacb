"""``parvis``: one command for the box, the server and the demo.

Exit codes: 0 done; 1 an unexpected failure; 2 wrong usage; 3 configuration; 4 video or camera; 5 model; 6 spool;
7 the way to the server; 8 the server's own data or settings; 9 the doctor found something red;
130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from contract.version import VERSION
from edge.errors import EdgeError
from server.errors import ServerError


def _version(value: bool) -> None:
    if value:
        print(VERSION)
        raise typer.Exit


def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Count people and vehicles next to the camera and send only numbers."""


def build(words: Sequence[str]) -> typer.Typer:
    """The command tree. A box never loads the server's packages and a server never the box's: what the first word
    does not ask for is not imported.
    """
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(root)
    first = words[0] if words else ""
    if first not in {"server", "privacy"}:
        _mount(app, "edge", asked=first == "edge")
    if first not in {"edge", "privacy"}:
        _mount(app, "server", asked=first == "server")
    from parvis.demo_cli import demo

    app.command()(demo)
    if first not in {"edge", "server"}:
        from parvis.privacy.cli import privacy_app

        app.add_typer(privacy_app, name="privacy")
    return app


def _mount(app: typer.Typer, part: str, *, asked: bool) -> None:
    """Add a part's commands; one that is not installed is missed only when it is asked for."""
    try:
        commands: typer.Typer = importlib.import_module(f"{part}.cli").app
    except ModuleNotFoundError:
        if asked:
            raise
        return
    app.add_typer(commands, name=part)


def main() -> None:
    """The entry point: expected failures end with one paragraph and their exit code, never a traceback."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        build(sys.argv[1:])()
    except (EdgeError, ServerError) as exc:
        console.print(f"error: {exc}", style="red", markup=False)
        sys.exit(exc.exit_code)
    except ModuleNotFoundError as exc:
        name = (exc.name or "").partition(".")[0]
        part = "server" if name in {"fastapi", "uvicorn", "sqlite_utils", "jinja2"} else "edge"
        if sys.argv[1:2] == ["privacy"] and name in {"jinja2", "markupsafe"}:
            part = "documents"
        console.print(
            f"error: this installation lacks {exc.name}. Install it with: pip install 'parvis[{part}]'",
            markup=False,
        )
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
