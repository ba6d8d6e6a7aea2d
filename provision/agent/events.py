"""The numbered events of a run: one JSON object a line in the journal, the same on the wire and on `--json` stdout.

Every event has `seq` (1, 2, 3… within its run), `time` (seconds since the epoch), `event` (its name) and:

| event | fields |
| --- | --- |
| `run-started` | `run`, `pid`, `total` (resources to change) |
| `resource-started` | `key`, `role`, `title` |
| `progress` | `key`, `says` ("downloading"…), `fraction` (0 to 1), `bytes`, `total_bytes`; null: not known |
| `resource-done` | `key`, `role`, `title`, `result` ("changed", "ok"), `seconds` |
| `resource-failed` | `key`, `role`, `title`, `message`, `evidence` (the child's last lines), `hint` |
| `result` | `name` ("lock", "conda-lock"), `subject` (the environment's name), `text` |
| `check-started` | `role`, `name` |
| `verdict` | `role`, `name`, `outcome` ("passed", "failed", "skipped"), `evidence`, `hint`, `seconds` |
| `run-ended` | `result` ("done", "failed", "reboot-needed", "interrupted"), `changed` (resources), `seconds`, `message` |

`progress` events are numbered and journaled, not fsynced; all others are on disk before anything follows them.
"""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]
"""One event, as JSON has it."""

RUN_STARTED = "run-started"
RESOURCE_STARTED = "resource-started"
PROGRESS = "progress"
RESOURCE_DONE = "resource-done"
RESOURCE_FAILED = "resource-failed"
RESULT = "result"
CHECK_STARTED = "check-started"
VERDICT = "verdict"
RUN_ENDED = "run-ended"
