"""A value that a thread is making."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """A value that a thread is making."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._value: T | None = None
        self._error: BaseException | None = None
        self._made = threading.Event()  # not `Thread.join`: interrupted, it takes a thread that goes on for one that ended
        threading.Thread(target=self._work, args=(make,), daemon=True).start()

    def _work(self, make: Callable[[], T]) -> None:
        try:
            self._value = make()
        except BaseException as error:  # noqa: BLE001 - raised again where the value is wanted
            self._error = error
        finally:
            self._made.set()

    @property
    def ready(self) -> bool:
        """Whether `get` returns, or raises, at once."""
        return self._made.is_set()

    def get(self) -> T:
        """Wait for the value, or raise what its making raised."""
        while not self._made.wait(0.5):  # a bounded wait, so that Ctrl-C is heard
            pass
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set when there was no error
