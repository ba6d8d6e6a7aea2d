"""Templates: strict, and never a way for a secret to become text."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from provision.catalog import templates
from provision.errors import InputError
from provision.resources import Secret


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    templates._environment.cache_clear()
    monkeypatch.setattr(templates, "folder", lambda _name: tmp_path)
    yield tmp_path
    templates._environment.cache_clear()


def test_values_are_filled_in_and_nothing_else_is_touched(shipped: Path) -> None:
    (shipped / "a.conf.j2").write_text("user {{ user }}\n{% for k in keys %}{{ k }} & <{{ k }}>\n{% endfor %}\n")
    assert templates.template("a.conf.j2", user="me", keys=("x", "y")) == "user me\nx & <x>\ny & <y>\n\n"


def test_a_plain_text_is_given_as_it_is(shipped: Path) -> None:
    (shipped / "a.conf").write_text("{{ not a template }}\n")
    assert templates.template("a.conf") == "{{ not a template }}\n"
    with pytest.raises(InputError, match="takes no values"):
        templates.template("a.conf", user="me")


def test_a_missing_value_is_an_error(shipped: Path) -> None:
    (shipped / "a.j2").write_text("{{ user }}")
    with pytest.raises(InputError, match=r"template `a.j2`: 'user' is undefined"):
        templates.template("a.j2")


@pytest.mark.parametrize("name", ["nothing.j2", "nothing", "../../etc/passwd.j2"])
def test_an_unknown_template_is_an_error(shipped: Path, name: str) -> None:
    with pytest.raises(InputError, match="no template"):
        templates.template(name)


@pytest.mark.parametrize("value", [Secret("canary"), (Secret("canary"),), {"a": (Secret("canary"),)}])
def test_secrets_are_refused_and_not_repeated(shipped: Path, value: object) -> None:
    (shipped / "a.j2").write_text("{{ token }}")
    with pytest.raises(InputError, match="a secret must not go through a template: `token`") as caught:
        templates.template("a.j2", token=cast("templates.Value", value))
    assert "canary" not in repr(caught.value)


def test_a_value_that_looks_like_a_template_stays_a_value(shipped: Path) -> None:
    (shipped / "a.j2").write_text("{{ user }}")
    assert templates.template("a.j2", user="{{7*7}}") == "{{7*7}}"


def test_jinja_is_not_imported_by_roles_that_render_nothing() -> None:
    code = """
import sys
from provision.catalog.compile import compile_catalog, select_roles
from provision.catalog.load import load_roles
from provision.catalog.templates import template
load_roles(); template("jupyter/config.py")
print("jinja2" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout == "False\n"
