"""llmock as an upstream: a third-party server that speaks OpenAI's protocol and fails on demand."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx

from .process import Process, free_port

MODEL = "mock-large"
SECRET = "upstream-secret-4f1b"


class Upstream(Process):
    """One llmock. Faults are queued with `script`; each is used up by the next request that it fits."""

    def __init__(self, name: str, folder: Path, chunk_delay_ms: int = 0):
        self.port = free_port()
        command = [
            Path(sys.executable).with_name("llmock"),
            *("serve", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--stream-chunk-delay-ms", str(chunk_delay_ms)),
        ]
        super().__init__(name, command, folder)
        self._control = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def launch(self) -> Upstream:
        self.start(self._is_ready)
        return self

    def _is_ready(self) -> bool:
        try:
            return self._control.get("/health").is_success
        except httpx.TransportError:
            return False

    def script(self, *behaviours: dict) -> None:
        self._control.post("/_llmock/scenario", json={"behaviors": behaviours}).raise_for_status()

    def requests(self) -> list[dict]:
        """What reached this upstream, oldest first; those still being answered are waited for, for two seconds."""
        return self._control.get("/_llmock/requests", timeout=30).raise_for_status().json()["requests"]

    def backend(self) -> str:
        """This upstream as a backend of a policy."""
        return f"""
[backend.{self.name}]
provider = "openai"
base_url = "{self.base_url}"
secret = "env:UPSTREAM_KEY"
models = {{ "chat-large" = {{ name = "{MODEL}", operations = ["chat"] }} }}
"""


def policy(*tiers: list[Upstream], timeouts: str = "") -> str:
    """A policy that lets the tenant `acme` use `chat-large` on these tiers; `timeouts` is the inside of its TOML table."""
    names = [[upstream.name for upstream in tier] for tier in tiers]
    backends = "".join(upstream.backend() for tier in tiers for upstream in tier)
    return f"""version = 1
{f"[defaults]{chr(10)}timeouts = {{ {timeouts} }}" if timeouts else ""}
{backends}
[tenant.acme]
allow = ["*"]

[[route]]
name = "chat"
match = {{ model = "chat-large" }}
tiers = {str(names).replace("'", '"')}
"""
