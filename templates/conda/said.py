"""How our conda program speaks: lines of JSON on the way, one error at the end."""

import fcntl
import json
import time


class TroubleError(Exception):
    """What went wrong, in one line, what to type next, and what rattler said."""

    def __init__(self, message, hint="", evidence=""):
        super().__init__(message)
        self.said = {"error": message, "hint": hint, "evidence": evidence}


class Progress:
    """Prints how far it is, ten times a second at most; also what rattler reports to."""

    def __init__(self):
        self.last = 0.0
        self.moved = time.monotonic()
        self.bytes = {}
        self.open = set()
        self.total = self.linked = self.links = 0

    def say(self, says, done=None, total=None, unit="", *, often=False):
        """Print a line."""
        now = time.monotonic()
        if not often or now - self.last >= 0.1:
            self.last = now
            print(json.dumps({"says": says, "done": done, "total": total, "unit": unit}), flush=True)

    def fetching(self, count, size):
        """Expect this many packages and bytes."""
        self.says, self.total, self.links = f"downloading {count} package{'s' * (count != 1)}", size, 0
        self.say(self.says, 0, size, "bytes")

    def linking(self):
        """Expect no more bytes."""
        self.total = 0

    def on_transaction_start(self, operations):
        """See `rattler.InstallerReporter`."""
        if not self.total:
            self.says, self.links, self.linked = f"installing {operations} package{'s' * (operations != 1)}", operations, 0
            self.say(self.says, 0, operations)

    def on_download_start(self, _entry):
        """See `rattler.InstallerReporter`."""
        self.moved = time.monotonic()
        number = len(self.bytes)
        self.bytes[number] = 0
        self.open.add(number)
        return number

    def on_download_progress(self, number, done, _total):
        """See `rattler.InstallerReporter`."""
        self.moved = time.monotonic()
        self.bytes[number] = done
        if self.total:
            self.say(self.says, min(sum(self.bytes.values()), self.total), self.total, "bytes", often=True)

    def on_download_completed(self, number):
        """See `rattler.InstallerReporter`."""
        self.moved = time.monotonic()
        self.open.discard(number)

    def on_transaction_operation_complete(self, _operation):
        """See `rattler.InstallerReporter`."""
        self.linked += 1
        if self.links:
            self.say(self.says, self.linked, self.links, often=self.linked < self.links)

    def __getattr__(self, name):
        if name.startswith("on_"):
            return lambda *_: 0
        raise AttributeError(name)


def wait_for(lock, progress):
    """Take the lock of an open file, and say so when somebody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress.say("waiting for whoever changes the package cache")
        fcntl.flock(lock, fcntl.LOCK_EX)
