"""Python text without what only readers need means the same."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import provision
from provision.run import payload
from provision.run.shrink import imports, shrink

HOME = Path(provision.__file__).parent
SHIPPED = sorted(payload._paths())


def shrunk(path: Path) -> str:
    return payload._modules()[payload._name(path)[0]][1]


every_module = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(HOME.parent)))


@every_module
def test_shrinking_again_changes_nothing(path: Path) -> None:
    assert shrink(shrunk(path)) == shrunk(path)


def spoken(text: str) -> Counter[str]:
    """Every name that a text speaks of, outside of annotations."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if hasattr(node, name) and (getattr(node, name) is None or name == "annotation"):
                setattr(node, name, ast.Constant(value=None))
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            node.body = [inner for inner in node.body if not (isinstance(inner, ast.AnnAssign) and inner.value is None)]
    names = (str(getattr(node, part)) for node in ast.walk(tree) for part in ("id", "attr", "name", "arg") if hasattr(node, part))
    return Counter(name for name in names if name != "format")


@every_module
def test_nothing_is_lost_that_runs(path: Path) -> None:
    assert spoken(shrunk(path)) == spoken(path.read_text())


@every_module
def test_fields_of_dataclasses_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.stem in {"stage1", "__main__"} or "@dataclass" not in path.read_text():
        return
    parts = ("provision", *path.relative_to(HOME).with_suffix("").parts)
    real = importlib.import_module(".".join(parts))
    module = ModuleType("shrunk")
    monkeypatch.setitem(sys.modules, "shrunk", module)
    exec(compile(shrunk(path), str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - our own text
    seen = 0
    for name, value in vars(real).items():
        if dataclasses.is_dataclass(value) and value.__module__ == real.__name__:
            assert described(getattr(module, name)) == described(value)
            seen += 1
    assert seen


def described(cls: Any) -> list[tuple[str, object, str]]:  # noqa: ANN401 - a dataclass
    return [(field.name, field.kw_only, repr(field.default)) for field in dataclasses.fields(cls)]


SAMPLE = '''
"""Docs."""
from dataclasses import dataclass
@dataclass
class A:
    """Docs."""
    x: int = 1
    """About x."""
def f(a: int, /, b: "B" = 2, *c: str, d: int = 3, **e: object) -> None:
    """Docs."""
    local: int
    other: int = a + b
    class Inner:
        field: int = 5
    def g() -> int:
        """Only docs."""
    return other, g(), Inner.field, c, d, e
class Empty:
    """Only docs."""
'''


def test_a_sample_does_the_same_with_fewer_bytes() -> None:
    text = shrink(SAMPLE)
    assert "Docs" not in text
    assert "About" not in text
    assert "-> None" not in text
    assert "x: int = 1" in text
    space: dict[str, object] = {}
    exec(text, space)  # noqa: S102 - our own text
    function = space["f"]
    assert callable(function)
    assert function(1, 2, "c", e=1) == (3, None, 5, ("c",), 3, {"e": 1})


F_STRINGS = (
    """f'{d["k"]}'""",
    """f'{{{d["k"]!r:>9}}} and {d["k"]:{"<"}{w}} {w:03}'""",
    """f'{"".join(f"<{x}>" for x in d)}{{}}'""",
    """f'{w} {w!s:>{w}}'""",
    """f'{d.get("k", "")}\\n{w=}'""",
)


@pytest.mark.parametrize("text", F_STRINGS)
def test_strings_within_f_strings_need_no_new_python(text: str) -> None:
    space = {"d": {"k": "v"}, "w": 7}
    less = shrink(text)
    assert eval(less, dict(space)) == eval(text, dict(space))  # noqa: S307 - our own text
    nested = [node for node in ast.walk(ast.parse(less)) if isinstance(node, ast.FormattedValue)]
    assert not any(
        isinstance(inner, ast.Constant) and isinstance(inner.value, str) for n in nested for inner in ast.walk(n.value)
    )


def test_what_runs_is_an_import_and_what_is_only_for_types_is_not() -> None:
    text = (
        "import os, sys as s\nfrom a.b import c\nfrom . import d\nif TYPE_CHECKING:\n    import never\n    from n import m\n"
        "def f():\n    from late import r\nif OTHER:\n    import yes\n"
    )
    assert sorted(set(imports(text))) == ["a.b", "a.b.c", "late", "late.r", "os", "sys", "yes"]
