"""`parvis server`: run the server, and administer it.

Exit codes: 0 done; 2 the command was used wrongly; 8 the data or an account refused. Results go to stdout, as
JSON with --json; everything else to stderr.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from server import accounts, data_cli, desk_cli, simulate_cli, site_cli
from server.cli_parts import AsJson, Data, done, reported, say, show, when, with_store
from server.settings import PublicSite, Settings
from server.suppression import LEAST_K, K

app = typer.Typer(no_args_is_help=True, help="Run and administer the server.", add_completion=False)
admin = typer.Typer(no_args_is_help=True, help="Devices, users, and what is kept for how long.")
device = typer.Typer(no_args_is_help=True, help="The boxes that may deliver.")
user = typer.Typer(no_args_is_help=True, help="The people who may log in.")
app.add_typer(admin, name="admin")
admin.add_typer(device, name="device")
admin.add_typer(user, name="user")
data_cli.add_to(admin)
site_cli.add_to(admin)
desk_cli.add_to(admin)
app.command()(simulate_cli.simulate)

FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _public_site(text: str) -> PublicSite:
    name, _, devices = text.partition("=")
    return PublicSite(name, tuple(devices.split(",")))


@app.command()
def run(
    data: Data,
    host: Annotated[str, typer.Option(help="Address to bind to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port.", min=0, max=65535)] = 8000,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="Name under which the server is reached; repeatable.")
    ] = None,
    behind_tls: Annotated[
        bool,
        typer.Option("--behind-tls", help="A reverse proxy serves HTTPS: cookies are Secure, HSTS is sent."),
    ] = False,
    public_site: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DEVICE,...", help="Publish the table of these devices; repeatable."),
    ] = None,
    tile_url: Annotated[
        str, typer.Option(help="Map tiles, as https://host/{z}/{x}/{y}.png; browsers then ask that host.")
    ] = "",
    tile_attribution: Annotated[str, typer.Option(help="Whose map it is.")] = "",
    public_k: Annotated[int, typer.Option(help="Counts below it are not published.", min=LEAST_K)] = K,
    operator: Annotated[str, typer.Option(help="Who answers for the figures; stands on public pages.")] = "",
    contact: Annotated[str, typer.Option(help="An address to write to; stands on public pages.")] = "",
) -> None:
    """Serve until stopped."""
    import uvicorn

    from server.app import create_app

    try:
        settings = Settings(
            data_dir=data,
            host=host,
            port=port,
            allowed_hosts=tuple(allowed_host or ()),
            https_only_cookies=behind_tls,
            public_sites=tuple(_public_site(text) for text in public_site or ()),
            public_k=public_k,
            tile_url=tile_url,
            tile_attribution=tile_attribution,
            operator=operator,
            contact=contact,
        )
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    if not settings.on_loopback:
        say(
            f"warning: listening on {host}, so passwords and tokens cross the network. Put a reverse proxy with "
            "TLS in front, bind to an address that only it can reach, and pass --behind-tls and --allowed-host."
        )
    with reported():
        application = create_app(settings)
    say(f"listening on http://{host}:{port} (data in {data})")
    # Headers naming the software help nobody but attackers; request lines are the reverse proxy's to log.
    uvicorn.run(
        application, host=host, port=port, server_header=False, access_log=False, timeout_keep_alive=30
    )


def _token(token: str, name: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"device": name, "token": token}))
        return
    print(token)
    say("Copy this token to the box now: it is stored nowhere and is not shown again.")


@device.command("add")
def device_add(
    name: Annotated[str, typer.Argument(metavar="ID")], data: Data, as_json: AsJson = False
) -> None:
    """Allow a box to deliver, and print its token once."""
    _token(with_store(data, lambda store: accounts.add_device(store, name)), name, as_json)


@device.command("rotate")
def device_rotate(
    name: Annotated[str, typer.Argument(metavar="ID")], data: Data, as_json: AsJson = False
) -> None:
    """Replace a box's token (the old one ends at once), and print the new one once."""
    _token(with_store(data, lambda store: accounts.rotate_device(store, name)), name, as_json)


@device.command("revoke")
def device_revoke(
    name: Annotated[str, typer.Argument(metavar="ID")], data: Data, as_json: AsJson = False
) -> None:
    """Refuse a box from its next request on."""
    with_store(data, lambda store: accounts.revoke_device(store, name))
    done({"device": name, "revoked": True}, f"{name} is revoked", as_json)


@device.command("list")
def device_list(data: Data, as_json: AsJson = False) -> None:
    """List the boxes."""
    found = with_store(data, lambda store: store.accounts.devices())
    rows = [
        {
            "device": d.id,
            "created": when(d.created_at),
            "revoked": when(d.revoked_at),
            "last_received": when(d.last_received),
        }
        for d in found
    ]
    show(rows, as_json, "no device yet; add one with `parvis server admin device add ID`")


def _password(from_stdin: bool) -> str:
    """A password from stdin or a prompt; never from the arguments, which every process can read."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


@user.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help="viewer, crew, planner, technician or administrator.")],
    data: Data,
    password_stdin: FromStdin = False,
    as_json: AsJson = False,
) -> None:
    """Create a user; the password is prompted for."""
    password = _password(password_stdin)
    with_store(data, lambda store: accounts.add_user(store, name, role, password))
    done({"user": name, "role": role}, f"{name} may log in as {role}", as_json)


@user.command("passwd")
def user_passwd(name: str, data: Data, password_stdin: FromStdin = False, as_json: AsJson = False) -> None:
    """Change a password; the user's sessions end."""
    password = _password(password_stdin)
    with_store(data, lambda store: accounts.set_password(store, name, password))
    done({"user": name, "changed": True}, f"the password of {name} is changed", as_json)


@user.command("disable")
def user_disable(name: str, data: Data, as_json: AsJson = False) -> None:
    """Refuse a user from the next request on."""
    with_store(data, lambda store: accounts.disable_user(store, name))
    done({"user": name, "disabled": True}, f"{name} may no longer log in", as_json)


@user.command("list")
def user_list(data: Data, as_json: AsJson = False) -> None:
    """List the users."""
    found = with_store(data, lambda store: store.accounts.users())
    rows = [
        {"user": u.name, "role": u.role, "created": when(u.created_at), "disabled": u.disabled} for u in found
    ]
    show(rows, as_json, "no user yet; add one with `parvis server admin user add NAME --role ROLE`")
