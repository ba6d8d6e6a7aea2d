"""Python text without what only readers need, and what it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _Shrink(ast.NodeTransformer):
    def __init__(self) -> None:
        self._in_function = 0

    def _function(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if argument is not None:
                argument.annotation = None
        self._in_function += 1
        self.generic_visit(node)
        self._in_function -= 1
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        node.value = self.visit(node.value)  # and its format stays
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Turn an f-string with a string inside into `format`: Python 3.12 would write both with one kind of quotes."""
        self.generic_visit(node)
        arguments: list[ast.expr] = []
        text = ast.Constant(value=_template(node, arguments))
        inner = (each for argument in arguments for each in ast.walk(argument))
        if not any(isinstance(each, ast.Constant) and isinstance(each.value, (str, bytes)) for each in inner):
            return node
        return ast.Call(func=ast.Attribute(value=text, attr="format", ctx=ast.Load()), args=arguments, keywords=[])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if not self._in_function:  # a class's fields are what dataclasses read
            return node
        if node.value is None:
            return ast.Pass()
        return ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)


def shrink(text: str) -> str:
    """Return `text` so that it does the same with fewer bytes; line numbers are lost."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED):
            node.body = [item for item in node.body if not _is_text(item)] or [ast.Pass()]
        if isinstance(node, ast.ClassDef) and node.decorator_list:  # without any, a dataclass makes up one: 0.3 ms each
            node.body.insert(0, ast.Expr(ast.Constant(" ")))
    return ast.unparse(_Shrink().visit(tree))


def _template(node: ast.JoinedStr, arguments: list[ast.expr]) -> str:
    """Return an f-string as `str.format` has it; what it shows is added to `arguments`, in order."""
    text = ""
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            arguments.append(value.value)
            conversion = f"!{chr(value.conversion)}" if value.conversion > 0 else ""
            form = f":{_template(value.format_spec, arguments)}" if isinstance(value.format_spec, ast.JoinedStr) else ""
            text += f"{{{conversion}{form}}}"
        elif isinstance(value, ast.Constant):
            text += str(value.value).replace("{", "{{").replace("}", "}}")
    return text


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def imports(text: str) -> Iterator[str]:
    """Yield what `text` imports when it runs, in functions too; for `from x import y` both `x` and `x.y`."""
    tree = ast.parse(text)
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
