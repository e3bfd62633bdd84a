"""Which line of a source file gave a name its value, read from the file's own syntax tree."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from parametry.core.value import UNSET

__all__ = ["Binding", "Scope", "class_scopes_of", "scopes_of"]

Kind: TypeAlias = Literal["assigned", "argument", "looped", "imported", "defined"]

# What gives a loop chosen values, one after another; any other call gives data, or counts.
_SWEEPS = frozenset(
    {"product", "permutations", "combinations", "linspace", "logspace", "geomspace"}
    | {"sorted", "reversed", "list", "tuple", "set", "ParameterGrid", "items", "keys", "values"}
)
_EMPTY = frozenset({"list", "dict", "set", "OrderedDict", "Counter", "deque", "defaultdict"})


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a name gets a value.

    Attributes:
        line: The line.
        kind: An assignment; a function's argument; the variable of a loop, of ``with``, ``except``
            or ``match``; an import; a class.
        literal: Whether the value is a constant, or a container of constants; of a loop, whether
            it goes through chosen values rather than data or a count.
        loops: The first and last lines of the loops that it lies in, within its scope.
        origin: For an import, the module and the name there.
        empty: Whether the value is an empty container, to be filled as the program runs.
        value: The constant where it is one, of an argument its default; else UNSET.
    """

    line: int
    kind: Kind
    literal: bool = False
    loops: tuple[tuple[int, int], ...] = ()
    origin: tuple[str, str] | None = None
    empty: bool = False
    value: object = UNSET


@dataclass(slots=True)
class Scope:
    """The names of one function or class, or of the module.

    Attributes:
        name: Its name.
        line: Its first line, decorators included.
        parent: The scope around it.
        of_class: Whether it is a class's body.
        qualified: Its qualified name, as Python has it in ``__qualname__``.
        bindings: Each name's bindings, in the file's order.
        attributes: Of a class, what its methods assign to ``self``.
        added_to: The names that something is added to or taken from, and what.
        elsewhere: The names that ``global`` and ``nonlocal`` declare, with the scope they are of.
        stars: The modules of which all names are imported, with the line.
    """

    name: str
    line: int
    parent: Scope | None = None
    of_class: bool = False
    qualified: str = ""
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    added_to: set[str] = field(default_factory=set)
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    stars: list[tuple[str, int]] = field(default_factory=list)

    def find(self, name: str) -> list[Binding]:
        """The bindings of a name here, or in the functions around for a closure's."""
        scope: Scope | None = self
        while scope is not None:
            # A method does not see the names of the class around it.
            if name in scope.bindings and (scope is self or not scope.of_class):
                return scope.bindings[name]
            if scope.parent is None:
                return [
                    Binding(line, "imported", origin=(module, name)) for module, line in scope.stars
                ]
            scope = scope.parent
        return []

    def counts(self, name: str) -> bool:
        """Whether the name is only a counter or a sum: it begins at 0, or 1, and is added to."""
        scope: Scope | None = self
        while scope is not None and name not in scope.bindings:
            scope = scope.parent
        if scope is None or name not in scope.added_to:
            return False
        starts = [b.value for b in scope.bindings[name] if b.kind == "assigned" and b.literal]
        return bool(starts) and all(
            start == 0 or (type(start), start) == (int, 1) for start in starts
        )


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.module = Scope("<module>", 0)
        self.scopes: dict[tuple[str, int], Scope] = {("<module>", 0): self.module}
        self._scope = self.module
        self._loops: tuple[tuple[int, int], ...] = ()
        self._self: str | None = None

    # ------------------------------------------------ binding names

    def _add(self, name: str, binding: Binding) -> None:
        scope = self._scope.elsewhere.get(name, self._scope)
        scope.bindings.setdefault(name, []).append(binding)

    def _bind(self, target: ast.expr, kind: Kind, literal: bool = False) -> None:
        """Bind the names of a target to values that are not written there."""
        if isinstance(target, ast.Name):
            self._add(target.id, Binding(target.lineno, kind, literal, self._loops))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for item in target.elts:
                self._bind(item, kind, literal)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, kind, literal)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        """Bind the names of a target to a value, item by item where both are written out."""
        if isinstance(target, (ast.Tuple, ast.List)):
            items = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            starred = any(isinstance(item, ast.Starred) for item in (*target.elts, *items))
            if len(items) == len(target.elts) and not starred:
                for inner, item in zip(target.elts, items, strict=True):
                    self._assign(inner, item)
            else:
                self._bind(target, "assigned", _literal(value) is not UNSET)
            return
        known = _literal(value)
        binding = Binding(
            target.lineno,
            "assigned",
            known is not UNSET,
            self._loops,
            empty=_is_empty(value),
            value=known,
        )
        if isinstance(target, ast.Name):
            self._add(target.id, binding)
            if isinstance(value, ast.BinOp) and _is_name(value.left, target.id):
                self._note_addition(target.id, value.op)  # total = total + loss
        elif isinstance(target, ast.Attribute) and _is_name(target.value, self._self):
            owner = self._scope.parent
            if owner is not None:
                owner.attributes.setdefault(target.attr, []).append(binding)
        elif isinstance(target, ast.Subscript) and not self._loops:
            self._assign_entry(target)

    def _assign_entry(self, target: ast.Subscript) -> None:
        """A configuration may be written down entry by entry; what a loop fills is no constant."""
        if isinstance(target.slice, ast.Constant):
            self._bind(target.value, "assigned")

    def _note_addition(self, name: str, operator: ast.operator) -> None:
        if isinstance(operator, (ast.Add, ast.Sub)):
            self._scope.elsewhere.get(name, self._scope).added_to.add(name)

    # ------------------------------------------------ statements

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._assign(node.target, node.value)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._note_addition(node.target.id, node.op)
            self._bind(node.target, "assigned")
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self._scope.elsewhere.update(dict.fromkeys(node.names, self.module))

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            scope = self._scope.parent
            while scope is not None and (name not in scope.bindings or scope.of_class):
                scope = scope.parent
            if scope is not None:
                self._scope.elsewhere[name] = scope

    def _visit_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        outer = self._loops
        if not isinstance(node, ast.While):
            self._bind_loop(node.target, node.iter)
        self._loops = (*outer, (node.lineno, node.end_lineno or node.lineno))
        self.generic_visit(node)
        self._loops = outer

    visit_For = visit_AsyncFor = visit_While = _visit_loop  # noqa: N815

    def _bind_loop(self, target: ast.expr, source: ast.expr) -> None:
        called = _called(source)
        arguments = source.args if isinstance(source, ast.Call) else []
        items = target.elts if isinstance(target, ast.Tuple) else []
        if called == "enumerate" and len(items) == 2 and arguments:
            self._bind(items[0], "looped")
            self._bind_loop(items[1], arguments[0])
        elif called == "zip" and len(items) == len(arguments):
            for item, argument in zip(items, arguments, strict=True):
                self._bind_loop(item, argument)
        elif called == "tqdm" and arguments:
            self._bind_loop(target, arguments[0])
        else:
            self._bind(target, "looped", _goes_through_choices(source))

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._bind(node.optional_vars, "looped")
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name is not None:
            self._add(node.name, Binding(node.lineno, "looped"))
        self.generic_visit(node)

    def _visit_match(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name is not None:
            self._add(name, Binding(node.lineno, "looped"))
        self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = visit_MatchMapping = _visit_match  # noqa: N815

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._add(name, Binding(node.lineno, "imported"))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self._scope.stars.append((module, node.lineno))
                continue
            binding = Binding(node.lineno, "imported", origin=(module, alias.name))
            self._add(alias.asname or alias.name, binding)

    # ------------------------------------------------ scopes

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._add(node.name, Binding(node.lineno, "defined", loops=self._loops))
        self._enter(node, None)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._enter(node, node.args)

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        return  # its arguments are nobody's constants

    def _visit_comprehension(self, node: ast.AST) -> None:
        return  # its variables live in it alone

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    def _enter(
        self,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
        arguments: ast.arguments | None,
    ) -> None:
        outer, loops, own = self._scope, self._loops, self._self
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        around = f"{outer.qualified}{'.' if outer.of_class else '.<locals>.'}"
        qualified = (around if outer.qualified else "") + node.name
        self._scope = Scope(node.name, line, outer, arguments is None, qualified)
        self._loops, self._self = (), None
        self.scopes[node.name, line] = self._scope
        if arguments is not None:
            if outer.of_class and not any(_is_name(d, "staticmethod") for d in node.decorator_list):
                self._self = next((a.arg for a in (*arguments.posonlyargs, *arguments.args)), None)
            for argument, default in _all_arguments(arguments):
                binding = Binding(argument.lineno, "argument", value=default)
                self._add(argument.arg, binding)
        for statement in node.body:
            self.visit(statement)
        self._scope, self._loops, self._self = outer, loops, own


def _all_arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, object]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults = [*missing, *arguments.defaults, *arguments.kw_defaults]
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        yield argument, UNSET if default is None else _literal(default)
    for rest in (arguments.vararg, arguments.kwarg):
        if rest is not None:
            yield rest, UNSET


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNSET


def _is_name(node: ast.expr, name: str | None) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _called(node: ast.expr) -> str | None:
    """The last name of the function that an expression calls, if it calls one."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, (ast.List, ast.Set)):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    called = _called(node)
    if not isinstance(node, ast.Call) or called not in _EMPTY:
        return False
    return called == "defaultdict" or not (node.args or node.keywords)


def _goes_through_choices(source: ast.expr) -> bool:
    """Whether a loop goes through values that somebody chose, rather than data or a count."""
    if not isinstance(source, ast.Call):
        return True
    return _called(source) in _SWEEPS and all(map(_goes_through_choices, source.args))


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


def class_scopes_of(filename: str, qualified: str) -> list[Scope]:
    """The bodies of the classes of that qualified name in a file; more than one if it is reused."""
    scopes = (scopes_of(filename) or {}).values()
    return [scope for scope in scopes if scope.of_class and scope.qualified == qualified]
