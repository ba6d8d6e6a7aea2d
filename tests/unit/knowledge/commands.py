"""The wish that a `provision explain …` command asks for, read without the command line's own code."""

from __future__ import annotations

import argparse
import datetime as dt
import shlex

from provision.knowledge.stack import AUTO, Wish


def wish_of(text: str, today: dt.date) -> Wish:
    """Return the wish of the command between backticks in `text`; raises `ValueError` where there is none."""
    words = shlex.split(text.split("`provision explain ", 1)[1].split("`", 1)[0])
    parser = argparse.ArgumentParser(exit_on_error=False)
    for option in ("--gpu", "--cuda", "--framework"):
        parser.add_argument(option, action="append", default=[])
    for option in ("--os", "--driver", "--flavour", "--origin", "--python"):
        parser.add_argument(option, default=AUTO)
    parser.add_argument("--architecture", default="amd64")
    parser.add_argument("--secure-boot", action=argparse.BooleanOptionalAction)
    parser.add_argument("--headless", action="store_true")
    asked, strange = parser.parse_known_args(words)
    if strange:
        raise ValueError(f"{text!r}: {strange}")
    return Wish(
        system=asked.os,
        gpus=() if asked.gpu == ["none"] else tuple(asked.gpu),
        today=today,
        secure_boot=asked.secure_boot,
        architecture=asked.architecture,
        desktop=not asked.headless,
        branch=asked.driver,
        flavour=asked.flavour,
        origin=asked.origin,
        toolkits=() if asked.cuda == ["none"] else tuple(asked.cuda) or (AUTO,),
        frameworks=tuple(asked.framework),
        python=asked.python,
    )
