"""`provision schema`: the JSON Schema of the profile, so that editors complete it."""

from __future__ import annotations

import json
import sys


def schema() -> None:
    """Print the JSON Schema of `workstation.toml`."""
    from provision.profile.schema import json_schema

    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
