"""A child process with a log, a readiness check and a certain end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02
STOP_SECONDS = 40  # more than the gateway's grace period for running streams


def wait_until(condition: Callable[[], T], what: str, seconds: float = 20) -> T:
    """The first truthy result of `condition`, or a failure that says `what` did not come about."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(POLL_SECONDS)
    return result


def free_port() -> int:
    """A TCP port that nobody listens on at 127.0.0.1; the kernel does not hand it out again soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One program under test, from `start` to `stop`."""

    running: list[Process] = []
    """All that were started and not yet ended: their logs are shown when a test fails."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None):
        self.name = name
        self.command = [str(part) for part in command]
        self.folder = folder
        self.environment = {**_environment(), **(environment or {})}
        self.log_file = folder / f"{name}.log"
        self._child: subprocess.Popen | None = None

    def start(self, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        """Starts the program and waits for `is_ready`; its early end is a failure at once."""
        with self.log_file.open("ab") as log:
            # A group of its own, so that Ctrl-C reaches the tests first and they end it in order.
            self._child = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        Process.running.append(self)

        def ready() -> bool:
            code = self._child.poll()
            assert code is None, f"{self.name} ended with code {code} before it was ready:\n{self.log()}"
            return is_ready()

        wait_until(ready, f"{self.name} is ready", seconds)

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once the program ended by itself."""
        code = self._child.wait(seconds)
        if self in Process.running:
            Process.running.remove(self)
        return code

    def kill(self) -> None:
        """Ends the program as a crash would: no farewell, its connections are reset."""
        self._child.kill()
        self.wait()

    def stop(self) -> int | None:
        """Asks the program to end and makes sure that it did; `None` when it was never started."""
        if self._child is None:
            return None
        if self._child.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""


def _environment() -> dict[str, str]:
    """The caller's environment without credentials and settings that would change what is under test."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_API_KEY", "_TOKEN", "_SECRET")) and name not in ("TRADEWIND_HOME", "RUST_LOG")
    }
