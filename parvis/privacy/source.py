"""Reads our own modules as text: what a function takes and gives, what a class holds, what a module imports.

Nothing is imported or run, so that a page about the detector needs no detector. Names are dotted paths:
``edge.track.Tracker.update`` is a method, ``edge.records.Frame`` a class, ``edge.spool_settle.SENT_S`` a constant.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import contract

ROOT: Final = Path(contract.__file__).parent.parent
_ARITHMETIC: Final = {ast.Mult: int.__mul__, ast.Add: int.__add__, ast.Sub: int.__sub__}


class SourceError(LookupError):
    """A name that the code no longer has: a table here is out of date, which its test tells first."""


class Source:
    """The packages that lie side by side in one folder."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._tree = cache(self._parse)
        self._imported = cache(self._imports)
        self._home = cache(self._find_home)

    def modules(self, package: str) -> list[str]:
        """The modules of a package, by name."""
        paths = sorted((self._root / package).rglob("*.py"))
        return [".".join(path.relative_to(self._root).with_suffix("").parts) for path in paths]

    def imports(self, module: str) -> set[str]:
        """Every module that a module imports anywhere, dotted."""
        return {name for names in self._imported(module).values() for name in names}

    def returns(self, call: str) -> str:
        """The annotation of what a function returns, or of a field; of a class, the class itself."""
        node = self._find(call)
        if isinstance(node, ast.ClassDef):
            return node.name
        if isinstance(node, ast.AnnAssign):
            return _spelt(node.annotation)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.returns is None:
            raise SourceError(f"{call} is no annotated function")
        return _spelt(node.returns)

    def takes(self, call: str, parameter: str) -> str:
        """The annotation of a parameter."""
        argument, _ = self._argument(call, parameter)
        if argument.annotation is None:
            raise SourceError(f"{call} does not say what its {parameter} is")
        return _spelt(argument.annotation)

    def default(self, call: str, parameter: str) -> int | float:
        """The default of a parameter that is a number."""
        _, default = self._argument(call, parameter)
        if default is None:
            raise SourceError(f"{call} has no default for {parameter}")
        return _number(default)

    def constant(self, name: str) -> int | float:
        """A module's constant, or the default of a class's field, that is a number."""
        node = self._find(name)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is None:
            raise SourceError(f"{name} is no constant")
        return _number(value)

    def fields(self, name: str) -> dict[str, str]:
        """The annotated fields of a class, those of its bases first."""
        node = self._find(name)
        if not isinstance(node, ast.ClassDef):
            raise SourceError(f"{name} is no class")
        found: dict[str, str] = {}
        for base in node.bases:
            home = self.home(name.rpartition(".")[0], _spelt(base))
            if home is not None:
                found |= self.fields(home)
        return found | {
            item.target.id: _spelt(item.annotation)
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        }

    def protocol(self, name: str) -> set[str]:
        """The properties that a protocol asks for; empty for what is no protocol of properties alone."""
        node = self._find(name)
        if not isinstance(node, ast.ClassDef) or "Protocol" not in {_spelt(base) for base in node.bases}:
            return set()
        members = [item for item in node.body if isinstance(item, ast.FunctionDef)]
        plain = [item for item in members if "property" not in {_spelt(mark) for mark in item.decorator_list}]
        return set() if plain else {item.name for item in members}

    def module_of(self, name: str) -> str:
        """The module of a dotted name."""
        return self._cut(name)[0]

    def is_class(self, name: str) -> bool:
        """Whether a dotted name is a class."""
        return isinstance(self._find(name), ast.ClassDef)

    def home(self, module: str, word: str) -> str | None:
        """Where a name that a module uses is defined, among our packages; None for foreign and built-in names."""
        return self._home(module, word)

    def value(self, module: str, word: str) -> str | None:
        """How a module spells what it calls ``word``, where that is an alias of a type; None for a class."""
        node = _names(self._tree(module)).get(word)
        return _spelt(node.value) if isinstance(node, ast.Assign) else None

    def _find_home(self, module: str, word: str) -> str | None:
        for name in self._imported(module).get(word, ()):
            parent, _, last = name.rpartition(".")
            if parent and self._path(parent).exists():
                return self._home(parent, last) or name
        return f"{module}.{word}" if word in _names(self._tree(module)) else None

    def _imports(self, module: str) -> dict[str, set[str]]:
        """What a module imports, by the name under which it uses it; whole modules under ``""``."""
        found: dict[str, set[str]] = {"": set()}
        for node in ast.walk(self._tree(module)):
            if isinstance(node, ast.Import):
                found[""].update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found[""].add(node.module)
                for alias in node.names:
                    found.setdefault(alias.asname or alias.name, set()).add(f"{node.module}.{alias.name}")
        return found

    def _parse(self, module: str) -> ast.Module:
        path = self._path(module)
        if not path.exists():
            raise SourceError(f"there is no module {module}")
        return ast.parse(path.read_text("utf-8"))

    def _path(self, module: str) -> Path:
        path = self._root.joinpath(*module.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def _find(self, name: str) -> ast.AST:
        module, inside = self._cut(name)
        node: ast.AST = self._tree(module)
        for part in inside:
            inner = _names(node).get(part)
            if inner is None:
                raise SourceError(f"there is no {name}")
            node = inner
        return node

    def _cut(self, name: str) -> tuple[str, list[str]]:
        parts = name.split(".")
        for count in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:count])
            if self._path(module).exists():
                return module, parts[count:]
        raise SourceError(f"there is no module of {name}")

    def _argument(self, call: str, parameter: str) -> tuple[ast.arg, ast.expr | None]:
        node = self._find(call)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            raise SourceError(f"{call} is no function")
        given = node.args
        plain = [*given.posonlyargs, *given.args]
        defaults: list[ast.expr | None] = [
            *[None] * (len(plain) - len(given.defaults)),
            *given.defaults,
            *given.kw_defaults,
        ]
        for argument, default in zip([*plain, *given.kwonlyargs], defaults, strict=True):
            if argument.arg == parameter:
                return argument, default
        raise SourceError(f"{call} takes no {parameter}")


def words(annotation: str) -> Iterator[str]:
    """The names in an annotation, outermost first: ``tuple[Track, ...]`` gives tuple, Track."""
    for node in ast.walk(ast.parse(annotation, mode="eval")):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from words(node.value)


def _names(node: ast.AST) -> Mapping[str, ast.AST]:
    """What a module or class defines, by name; the last definition wins."""
    found: dict[str, ast.AST] = {}
    for item in getattr(node, "body", ()):
        if isinstance(item, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found[item.name] = item
        elif isinstance(item, ast.Assign):
            found |= {target.id: item for target in item.targets if isinstance(target, ast.Name)}
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = item
    return found


def _spelt(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _number(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return _ARITHMETIC[type(node.op)](int(_number(node.left)), int(_number(node.right)))
    raise SourceError(f"{ast.unparse(node)} is no number")
