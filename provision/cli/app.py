"""The verbs, and the one place where errors become words and exit codes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from provision import __version__
from provision.cli import (
    apply,
    attach,
    doctor,
    explain,
    facts,
    init,
    knowledge,
    lock,
    plan,
    rehearse,
    roles,
    runs,
    schema,
    trust,
    verify,
)
from provision.errors import Exit, InputError, ProvisionError

_UsageError: type[Exception] = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")
"""click's own base of usage errors; typer carries its own copy of click in some releases and not in others."""

app = typer.Typer(
    name="provision",
    help="Turns a fresh Ubuntu or Debian machine into a deep-learning workstation that is proved to work.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        typer.echo(f"provision {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    _version_wanted: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),  # noqa: FBT001, FBT003 - typer's way
) -> None: ...


def _interruptible(verb: Callable[..., None]) -> Callable[..., None]:
    """Let Ctrl-C end `verb` in words; typer itself would make it a bare exit code."""

    @functools.wraps(verb)
    def interruptible(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever typer read
        try:
            verb(*args, **kwargs)
        except KeyboardInterrupt:
            hint = "a run that began goes on by itself: `provision attach`"
            raise ProvisionError("interrupted", hint=hint, exit=Exit.INTERRUPTED) from None

    return interruptible


for _verb in (
    init.init,
    facts.facts,
    explain.explain,
    plan.plan,
    apply.apply,
    lock.lock,
    verify.verify,
    doctor.doctor,
    attach.attach,
    runs.runs,
    rehearse.rehearse,
    roles.roles,
    schema.schema,
    trust.trust,
):
    app.command(_verb.__name__)(_interruptible(_verb))

_knowledge = typer.Typer(help="What the tables know of GPUs, drivers and builds, and whether it is still so.")
for _part in (knowledge.show, knowledge.check):
    _knowledge.command(_part.__name__)(_interruptible(_part))
app.add_typer(_knowledge, name="knowledge")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code. Whatever goes wrong is said in words, never as a traceback."""
    as_json = "--json" in arguments
    if not arguments:
        app(["--help"], prog_name="provision", standalone_mode=False)
        return int(Exit.BAD_INPUT)
    try:
        result = app(list(arguments), prog_name="provision", standalone_mode=False)
        sys.stdout.flush()
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "provision"
        said = error.format_message() if hasattr(error, "format_message") else str(error)
        failure: ProvisionError = InputError(said.rstrip("."), hint=f"`{where} --help`")
    except ProvisionError as error:
        failure = error
    except (KeyboardInterrupt, typer.Abort):
        failure = ProvisionError(
            "interrupted", hint="a run that began goes on by itself: `provision attach`", exit=Exit.INTERRUPTED
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # who read is gone; let the interpreter's own flush succeed
        return int(Exit.FAILED)
    else:
        return int(result or 0)
    _say(failure, as_json=as_json)
    return int(failure.exit)


def _say(error: ProvisionError, *, as_json: bool) -> None:
    if as_json:
        from provision.render.jsonl import JsonUi

        JsonUi(sys.stdout).failed("", error)
        return
    from provision.render.failure import failure_lines
    from provision.render.screen import Screen

    screen = Screen.of(sys.stderr, os.environ)
    screen.write(failure_lines(error.message, screen.page, evidence=error.evidence, hint=error.hint))
