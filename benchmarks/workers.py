"""Runs a handler in a process of its own, so that a crash or a hang of what is measured is a result and not the end.

The worker builds its handler once and then answers one request at a time. A request that uses more than its seconds
of CPU time (or several times as many seconds of wall time, which catches a sleeping hang) has its process killed; the
next request starts a new one.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")

START_SECONDS = 300.0
WALL_FACTOR = 6.0


@dataclass(frozen=True, slots=True)
class Killed:
    """The request outlived its time; `seconds` is the limit."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended by itself: a crash of native code, or out of memory."""

    exit_code: int | None

    def __str__(self) -> str:
        if self.exit_code is not None and self.exit_code < 0:
            return f"process died of {signal.Signals(-self.exit_code).name}"
        return f"process ended with exit code {self.exit_code}"


class WorkerError(RuntimeError):
    """The worker cannot even start."""


class Worker(Generic[Request, Answer]):
    """A handler in a child process. `factory` is called there; it must be picklable, and so must what is sent."""

    def __init__(self, factory: Callable[[], Callable[[Request], Answer]], memory_bytes: int | None = None) -> None:
        self._factory = factory
        self._memory_bytes = memory_bytes
        self._process: Any = None
        self._connection: Connection | None = None
        self.restarts = -1

    def ask(self, request: Request, seconds: float) -> Answer | Killed | Died:
        """The handler's answer, or what became of it."""
        connection = self._connection or self.start()
        try:
            connection.send(request)
        except BrokenPipeError:
            return self._died()
        answer: Answer | Killed | Died = self._await(connection, seconds)
        return answer

    def start(self) -> Connection:
        """Start the process and wait until its handler is built. Raises `WorkerError` if that fails."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._factory, self._memory_bytes), daemon=True)
        self._process.start()
        theirs.close()
        self.restarts += 1
        self._connection = ours
        ready = self._await(ours, START_SECONDS)
        if ready != "ready":
            self.stop()
            raise WorkerError(str(ready))
        return ours

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _await(self, connection: Connection, seconds: float) -> Any:
        pid = self._process.pid
        cpu_end = cpu_seconds(pid) + seconds
        wall_end = monotonic() + WALL_FACTOR * seconds
        while not connection.poll(0.05):
            if cpu_seconds(pid) > cpu_end or monotonic() > wall_end:
                self.stop()
                return Killed(seconds)
        try:
            return connection.recv()
        except (EOFError, ConnectionResetError):
            return self._died()

    def _died(self) -> Died:
        self._process.join()
        code = self._process.exitcode
        self.stop()
        return Died(code)


def cpu_seconds(pid: int) -> float:
    """CPU time a process has used, all its threads together; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serve(connection: Connection, factory: Callable[[], Callable[[Any], Any]], memory_bytes: int | None) -> None:
    """The child: build the handler, say so, answer until the other end is closed."""
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        handler = factory()
    except Exception as error:  # noqa: BLE001 - told to the parent, which raises it as WorkerError
        connection.send(f"{type(error).__name__}: {error}")
        return
    connection.send("ready")
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        connection.send(handler(request))
