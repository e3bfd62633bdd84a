"""Which line of a source file gave a name its value, read from the file's own syntax tree."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from parametry.core.value import UNSET

__all__ = ["Binding", "Scope", "scopes_of"]

Kind: TypeAlias = Literal["assigned", "argument", "looped", "imported", "defined"]


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a name gets a value.

    Attributes:
        line: The line.
        kind: An assignment, a function's argument, a loop's own variable, an import, a class.
        literal: Whether the right-hand side is a constant, or a container of constants.
        empty: Whether it is an empty container, to be filled as the program runs.
        loops: The first and last lines of the loops that it lies in, within its scope.
        origin: For an import, the module and the name there.
        default: For an argument, its default where that is a literal; else UNSET.
    """

    line: int
    kind: Kind
    literal: bool = False
    loops: tuple[tuple[int, int], ...] = ()
    origin: tuple[str, str] | None = None
    empty: bool = False
    default: object = UNSET


@dataclass(slots=True)
class Scope:
    """The names of one function, or of the module."""

    name: str
    line: int
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)

    def find(self, name: str) -> list[Binding]:
        """The bindings of a name here, or in the functions around for a closure's."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings and name not in scope.nonlocals:
                return scope.bindings[name]
            scope = scope.parent
        return []

    def counts(self, name: str) -> bool:
        """Whether the name is only a counter: it begins at 0 and is added to."""
        return name in self.counted


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.module = Scope("<module>", 0, None)
        self.scopes: dict[tuple[str, int], Scope] = {("<module>", 0): self.module}
        self._scope = self.module
        self._loops: tuple[tuple[int, int], ...] = ()

    def _bind(self, target: ast.expr, kind: Kind, literal: bool, empty: bool = False) -> None:
        if isinstance(target, ast.Name):
            binding = Binding(target.lineno, kind, literal, self._loops, empty=empty)
            self._scope.bindings.setdefault(target.id, []).append(binding)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for item in target.elts:
                self._bind(item, kind, literal)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, kind, literal)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, "assigned", _is_literal(node.value), _is_empty(node.value))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, "assigned", _is_literal(node.value))
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._bind(node.target, "assigned", False)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and isinstance(node.op, (ast.Add, ast.Sub)):
            self._scope.counted.add(node.target.id)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self._scope.nonlocals.update(node.names)

    visit_Nonlocal = visit_Global  # type: ignore[assignment]

    def _visit_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        outer = self._loops
        if not isinstance(node, ast.While):
            counter = isinstance(node.iter, ast.Call)
            self._bind(node.target, "looped", not counter)
        self._loops = (*outer, (node.lineno, node.end_lineno or node.lineno))
        self.generic_visit(node)
        self._loops = outer

    visit_For = visit_AsyncFor = visit_While = _visit_loop

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._scope.bindings.setdefault(name, []).append(Binding(node.lineno, "imported"))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            origin = ("." * node.level + (node.module or ""), alias.name)
            binding = Binding(node.lineno, "imported", origin=origin)
            self._scope.bindings.setdefault(alias.asname or alias.name, []).append(binding)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        binding = Binding(node.lineno, "defined", loops=self._loops)
        self._scope.bindings.setdefault(node.name, []).append(binding)
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        self._enter(node.name, first, node.body, None)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        self._enter(node.name, first, node.body, node.args)

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function

    def visit_Lambda(self, node: ast.Lambda) -> None:
        return  # its arguments are nobody's constants

    def _visit_comprehension(self, node: ast.AST) -> None:
        return  # its variables live in it alone

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension

    def _enter(
        self, name: str, line: int, body: list[ast.stmt], arguments: ast.arguments | None
    ) -> None:
        outer, loops = self._scope, self._loops
        self._scope = Scope(name, line, outer)
        self._loops = ()
        self.scopes[name, line] = self._scope
        if arguments is not None:
            for argument, default in _all_arguments(arguments):
                binding = Binding(argument.lineno, "argument", default=default)
                self._scope.bindings.setdefault(argument.arg, []).append(binding)
        for statement in body:
            self.visit(statement)
        self._scope, self._loops = outer, loops


def _all_arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, object]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults = [*missing, *arguments.defaults, *arguments.kw_defaults]
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        yield argument, UNSET if default is None else _literal(default)
    if arguments.kwarg is not None:
        yield arguments.kwarg, UNSET


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNSET


def _is_literal(node: ast.expr) -> bool:
    return _literal(node) is not UNSET


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, (ast.List, ast.Set)):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    return isinstance(node, ast.Call) and not node.args and not node.keywords


@lru_cache(maxsize=256)
def _read(filename: str, source: str) -> dict[tuple[str, int], Scope] | None:
    try:
        tree = ast.parse(source, filename)
        reader = _Reader()
        reader.visit(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return reader.scopes


def scopes_of(filename: str) -> dict[tuple[str, int], Scope] | None:
    """The scopes of a source file by name and first line; ``("<module>", 0)`` is the module's own.

    Args:
        filename: A code object's ``co_filename``; notebook cells have their source in `linecache`.

    Returns:
        None where there is no source, or it cannot be parsed.
    """
    lines = linecache.getlines(filename)
    return _read(filename, "".join(lines)) if lines else None
