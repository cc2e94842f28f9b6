"""Mutants: a module's source, changed in one place.

The operators are mutmut's, and some of ours (`OPERATORS`). mutmut's own runner changes nothing but the bodies of
undecorated functions; the error tree's codes, the table of statuses and properties are what must be tested here. So
each mutant is a whole file, and everything in it is changed but docstrings, types and decorators.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators


class Mutant(NamedTuple):
    """A changed module: the first changed line, the lines before and after, and the whole source."""

    line: int
    was: str
    becomes: str
    source: str


def _one_less(node: cst.Integer) -> Iterator[cst.CSTNode]:
    if node.evaluated_value > 0:
        yield node.with_changes(value=str(node.evaluated_value - 1))


def _returns_none(node: cst.Return) -> Iterator[cst.CSTNode]:
    if node.value is not None and not _is_name(node.value, "None"):
        yield node.with_changes(value=cst.Name("None"))


def _left_out(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.Raise) or isinstance(node.value, cst.Call):
        yield cst.Pass()


def _negated(node: Any) -> Iterator[cst.CSTNode]:
    parenthesized = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), parenthesized))


Operator = Callable[[Any], Iterator[cst.CSTNode]]

OPERATORS: Final[tuple[tuple[Any, Operator], ...]] = (
    *mutation_operators,
    (cst.Integer, _one_less),
    (cst.Return, _returns_none),
    ((cst.Raise, cst.Expr), _left_out),
    ((cst.If, cst.While, cst.CompIf), _negated),
)


def mutants_of(source: str, leaving_out: Collection[str] = ()) -> list[Mutant]:
    """Every mutant of a module, without twins, but those of the functions and constants called ``leaving_out``."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    lines = wrapper.resolve(PositionProvider)
    found: dict[str, Mutant] = {}
    for node in _changeable(wrapper.module, leaving_out):
        for kind, operator in OPERATORS:
            for changed in operator(node) if isinstance(node, kind) else ():
                text = wrapper.module.deep_replace(node, changed).code
                if text != source and _compiles(text):
                    found.setdefault(text, _mutant(source, text, lines[node].start.line))
    return sorted(found.values())


def controls_of(source: str) -> dict[str, Mutant]:
    """Changes of a module whose verdict is known: none, every function empty, and one that cannot be imported."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = ast.parse("raise AssertionError").body
    sources = {"survived": source, "killed": ast.unparse(tree), "stillborn": f"{source}\nraise ImportError\n"}
    return {verdict: Mutant(1, "", verdict, text) for verdict, text in sources.items()}


def _changeable(node: cst.CSTNode, leaving_out: Collection[str]) -> Iterator[cst.CSTNode]:
    """The nodes of a tree that may be changed: no types, decorators, docstrings or what is left out."""
    if isinstance(node, cst.Annotation | cst.Decorator | cst.ImportFrom | cst.Import) or _is_type(node):
        return
    if isinstance(node, cst.FunctionDef) and node.name.value in leaving_out:
        return
    if isinstance(node, cst.AnnAssign) and any(_is_name(node.target, name) for name in leaving_out):
        return
    if isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString):
        return
    if isinstance(node, cst.If) and _is_name(node.test, "TYPE_CHECKING"):
        return
    yield node
    for child in node.children:
        yield from _changeable(child, leaving_out)


def _is_type(node: cst.CSTNode) -> bool:
    """Whether a statement gives a type its name, such as ``Outcome = Literal["pass", "fail"]``."""
    if not isinstance(node, cst.Assign) or not isinstance(node.value, cst.Subscript):
        return False
    name = node.targets[0].target
    return isinstance(name, cst.Name) and re.fullmatch(r"_?([A-Z][a-z]+)+", name.value) is not None


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and bool(node.value == name)


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _mutant(source: str, text: str, line: int) -> Mutant:
    pairs = difflib.ndiff(source.splitlines(), text.splitlines())
    changed = [(pair[0], pair[2:].strip()) for pair in pairs if pair[0] in "+-"]
    was, becomes = ("\n".join(text for sign, text in changed if sign == wanted) for wanted in "-+")
    return Mutant(line, was, becomes, text)
