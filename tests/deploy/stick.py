"""A stick with a stand-in for Parvis: small enough to be installed many times, by the real scripts and the real pip."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent.parent
HERE = ROOT / "deploy" / "raspberry-pi"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PROGRAM = """\
import sys

def main():
    words = sys.argv[1:]
    if words == ["--version"]:
        print("{version}")
    elif words[:3] == ["edge", "validate", "--config"]:
        sys.exit(3 if "broken" in open(words[3]).read() else 0)
    else:
        sys.exit(2)
"""


def builder() -> ModuleType:
    """`build_wheelhouse.py` as a module; its folder is no package."""
    spec = importlib.util.spec_from_file_location("build_wheelhouse", HERE / "build_wheelhouse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, name: str, version: str, files: dict[str, str], scripts: str = "") -> Path:
    """A pure wheel with these files."""
    info = f"{name}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": scripts,
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        for inner, text in files.items():
            out.writestr(inner, text)
        out.writestr(f"{info}/RECORD", "".join(f"{inner},,\n" for inner in files) + f"{info}/RECORD,,\n")
    return path


def pip_wheel(folder: Path) -> None:
    """The pip of this Python, as a wheel."""
    spec = importlib.util.find_spec("pip")
    assert spec is not None
    assert spec.origin is not None
    home = Path(spec.origin).parent
    with zipfile.ZipFile(folder / "pip-1-py3-none-any.whl", "w") as out:
        for path in home.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                out.write(path, path.relative_to(home.parent))


def make_stick(folder: Path, version: str) -> Path:
    """A whole unpacked stick of the stand-in, made by the real `assemble`; the folder of its install.sh."""
    build = builder()
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    files = {
        "stand_in.py": PROGRAM.format(version=version),
        "edge/__init__.py": "",
        "edge/zones.yaml": "device: a\n",
    }
    wheel(wheels, "parvis", version, files, "[console_scripts]\nparvis = stand_in:main\n")
    pip_wheel(wheels)
    locks = []
    for lock in ("edge", "faces", "headless", "pip"):
        path = folder.parent / f"{lock}.lock"
        one = wheel(wheels, f"tiny{lock}", "1.0", {f"tiny{lock}.py": ""})
        path.write_text(f"tiny{lock}==1.0 --hash=sha256:{hashlib.sha256(one.read_bytes()).hexdigest()}\n")
        locks.append(path)
    build.LOCKS = tuple(locks)
    build.assemble(folder, [build.Target(platform.machine(), PYTHON)], "0" * 40)
    return folder


def sh(script: Path, *words: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script of the installer, with this Python as python3 and stand-ins from ``path`` before all."""
    before = [str(path)] if path else []
    search = os.pathsep.join(
        [*before, str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin"]
    )
    return subprocess.run(
        ["sh", str(script), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": search, "HOME": "/nonexistent"},
    )


def tree(root: Path) -> dict[str, tuple[int, str]]:
    """Every path below ``root``: its mode, and its link or contents."""
    found = {}
    for path in sorted(root.rglob("*")):
        what = str(path.readlink()) if path.is_symlink() else ""
        if path.is_file() and not path.is_symlink():
            what = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = (path.lstat().st_mode, what)
    return found
