"""One simulated cloud: this repository's own `cloudsim`, which the vendors' SDKs must take for the real thing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import httpx

from .process import Process, free_port

KEY = "sk-sim"


def binary() -> Path:
    """`cloudsim`, which the same build leaves beside the gateway; `CLOUDSIM_BIN` names another."""
    try:
        named = os.environ.get("CLOUDSIM_BIN") or Path(os.environ["TRADEWIND_BIN"]).with_name("cloudsim")
    except KeyError:
        raise RuntimeError("set CLOUDSIM_BIN or TRADEWIND_BIN, or run ./test sdk") from None
    return Path(named).resolve(strict=True)


class Cloud(Process):
    """One cloud on a port of its own. An empty `key` lets every caller in; `pace` is the milliseconds to the first part and between parts."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        chat: Iterable[str] = ("sim-chat",),
        embed: Iterable[str] = ("sim-embed",),
        rerank: Iterable[str] = ("sim-rerank",),
        key: str = KEY,
        pace: tuple[int, int] = (0, 0),
    ):
        self.port = free_port()
        command: list[str | Path] = [binary(), "--only", kind, "--listen", f"127.0.0.1:{self.port}"]
        for flag, models in (("--chat-model", chat), ("--embedding-model", embed), ("--rerank-model", rerank)):
            command += [part for model in models for part in (flag, model)]
        command += ["--token", key, "--first-token", str(pace[0]), "--each-token", str(pace[1])]
        super().__init__(kind, command, folder)
        self._control = httpx.Client(base_url=self.origin, trust_env=False, timeout=30)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> Cloud:
        self.start(self._is_ready)
        return self

    def _is_ready(self) -> bool:
        try:
            return self._control.get("/sim/requests").is_success
        except httpx.TransportError:
            return False

    def script(self, *replies: dict) -> None:
        """What to do with the next requests that pass the checks, one each."""
        self._control.post("/sim/script", json=replies).raise_for_status()

    def requests(self) -> list[dict]:
        """What arrived, oldest first."""
        return self._control.get("/sim/requests").raise_for_status().json()
