"""The real `parvis edge run` where nothing can hide: a network of its own, every system call that gives bytes away noted.

`watch` starts this module again in a new network namespace, whose only interface is its loopback and whose only other
process is a server that records (`tests.privacy.recorder`). There the box runs under strace until it has counted
over the end of an interval, and is then told to stop.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import psutil

from tests.privacy.recorder import Recorder

ROOT = Path(__file__).parent.parent.parent
PORT = 8080
CAMERA_PORT = 8554  # nobody is there
STATUS_PORT = 9109  # the box's own page, where it is unless told otherwise
PAGES = ("healthz", "metrics")
NOTIFY = "@parvis-watched"

OPENING = ("open", "openat", "openat2", "creat")
WRITING = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg")
# Ways to hand bytes on that show no bytes: none of them has a use in this program.
UNSEEN = (
    "sendfile", "splice", "tee", "vmsplice", "copy_file_range", "io_uring_setup", "process_vm_writev",
    "shmget", "mq_open", "msgsnd",
)  # fmt: skip
OTHER = ("connect", "bind", "listen", "execve", "memfd_create", "prctl")
_TRACED = ",".join(f"?{name}" for name in (*OPENING, *WRITING, *UNSEEN, *OTHER))
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_PATH = re.compile(r"<((?:\\x[0-9a-f]{2})+)>")
_TARGET = re.compile(r"(?:\d+|AT_FDCWD)<((?:->|[^>])*)>")


@dataclass(frozen=True)
class Call:
    """One system call: its text with paths readable, the strings in it, and what its descriptor is."""

    pid: int
    name: str
    text: str
    strings: tuple[bytes, ...]
    target: str

    @property
    def data(self) -> bytes:
        return b"".join(self.strings)

    @property
    def path(self) -> str:
        """What an opening call opens."""
        return os.path.normpath(Path(self.target or "/") / os.fsdecode(self.strings[0]))


def calls(folder: Path) -> list[Call]:
    """Every call of every thread, as they came: one connection may be used by two threads in turn."""
    found = []
    for path in sorted(folder.glob("trace.*")):
        for line in path.read_text("ascii").splitlines():
            at, _, call = line.partition(" ")
            name, bracket, rest = call.partition("(")
            if bracket and name.isidentifier():
                found.append((float(at), _call(int(path.suffix[1:]), name, rest)))
    return [call for _, call in sorted(found, key=itemgetter(0))]


def _call(pid: int, name: str, rest: str) -> Call:
    strings = _STRING.findall(rest)
    assert not any(cut for _, cut in strings), f"strace cut off what {name} wrote"
    text = _PATH.sub(lambda match: f"<{_plain(match[1]).decode(errors='replace')}>", rest)
    target = _TARGET.match(text)
    return Call(pid, name, text, tuple(_plain(found) for found, _ in strings), target[1] if target else "")


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(frozen=True)
class Watched:
    """What the run left: ``heard`` is what the server got, by the port it came from."""

    folder: Path
    calls: list[Call]
    heard: dict[int, bytes]
    seen: dict[str, object]

    @property
    def said(self) -> bytes:
        return (self.folder / "said.txt").read_bytes()


def obstacle() -> str | None:
    """Why no run can be watched here."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    if shutil.which("unshare") is None:
        return "unshare of util-linux is not installed"
    tried = subprocess.run([*_apart(), "strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if tried.returncode:
        return f"network namespaces or tracing are not permitted here ({tried.stderr.decode().strip()[:100]})"
    return None


def _apart() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def watch(folder: Path, seconds: float) -> Watched:
    """Run the box of ``folder``/box.yaml, its camera live for so long; raises when it did not come to its end."""
    for name in ("home", "tmp", "cwd", "heard", "asked"):
        (folder / name).mkdir()
    inner = [*_apart(), sys.executable, "-m", "tests.privacy.watched", str(folder), str(seconds)]
    subprocess.run(inner, cwd=ROOT, check=True, timeout=300)
    heard = {int(path.name): path.read_bytes() for path in (folder / "heard").iterdir()}
    return Watched(folder, calls(folder), heard, json.loads((folder / "seen.json").read_text()))


def environment(folder: Path) -> dict[str, str]:
    """A box's: nothing of the developer's that could keep a library quiet, such as CI=1."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _inside(folder: Path, seconds: float) -> None:
    _raise_loopback()
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(
        resource.RLIMIT_CORE, (most, most)
    )  # as far as it goes, so that the box has to forbid it
    with Recorder(PORT) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + NOTIFY[1:])
        box = _start(folder)
        try:
            seen = _follow(folder, box, seconds)
        finally:
            if box.poll() is None:
                box.kill()
    for port, data in server.heard.items():
        (folder / "heard" / str(port)).write_bytes(data)
    seen["interfaces"] = [name for _, name in socket.if_nameindex()]
    (folder / "seen.json").write_text(json.dumps(seen))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS


def _start(folder: Path) -> subprocess.Popen[bytes]:
    trace = [
        "strace",
        "-ff",
        "--seccomp-bpf",
        "-ttt",
        "-yy",
        "-xx",
        "-s",
        "1000000",
        "-e",
        f"trace={_TRACED}",
    ]
    trace += ["-e", "signal=none", "-o", str(folder / "trace")]
    box = [sys.executable, "-m", "parvis", "edge", "run", "-v", "--config", str(folder / "box.yaml")]
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(
            [*trace, *box],
            stdout=said,
            stderr=said,
            cwd=folder / "cwd",
            env=environment(folder) | {"NOTIFY_SOCKET": NOTIFY, "WATCHDOG_USEC": "60000000"},
        )


def _follow(folder: Path, strace: subprocess.Popen[bytes], seconds: float) -> dict[str, object]:
    """Let it count, look at it from outside, tell it to stop."""
    deadline = time.monotonic() + 120
    while b"is live" not in (folder / "said.txt").read_bytes():
        assert strace.poll() is None, (folder / "said.txt").read_text()
        assert time.monotonic() < deadline, (folder / "said.txt").read_text()
        time.sleep(0.1)
    time.sleep(seconds)
    box = psutil.Process(strace.pid).children()[0]
    family = [box, *box.children(recursive=True)]
    limits = {" ".join(one.cmdline()): Path(f"/proc/{one.pid}/limits").read_text() for one in family}
    shutil.copytree(folder / "state", folder / "during")
    for page in PAGES:
        (folder / "asked" / page).write_bytes(_asked(page))
    box.send_signal(signal.SIGTERM)
    code = strace.wait(60)
    return {"code": code, "limits": limits, "left": [one.pid for one in family if one.is_running()]}


def _asked(page: str) -> bytes:
    """All that the box answers to who asks for a page of its own."""
    got = b""
    with socket.create_connection(("127.0.0.1", STATUS_PORT), timeout=30) as link:
        link.sendall(f"GET /{page} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n".encode())
        while part := link.recv(65536):
            got += part
    return got


if __name__ == "__main__":
    _inside(Path(sys.argv[1]), float(sys.argv[2]))
