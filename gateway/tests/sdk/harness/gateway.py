"""The gateway under test: the built binary, its state directory, its clients and its audit log."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
import openai

from .process import Process, free_port, wait_until
from .upstream import SECRET

# Long enough for a slow link to fetch the models on the first start; later starts take seconds.
READY_SECONDS = 900
WITHOUT_LOCAL_MODELS = "[local]\nenabled = false\n"


def binary() -> Path:
    """The binary to test; `./test sdk` builds and names it."""
    try:
        return Path(os.environ["TRADEWIND_BIN"]).resolve(strict=True)
    except KeyError:
        raise RuntimeError("set TRADEWIND_BIN to the tradewind binary, or run ./test sdk") from None


class Gateway(Process):
    """One gateway with a state directory of its own. Without a policy it serves the local models."""

    def __init__(
        self,
        folder: Path,
        policy: str | None = None,
        config: str | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.port, self.admin_port = free_port(), free_port()
        self.home = folder / "home"
        # Where nothing else is written: changes in this folder are what the gateway watches.
        self.policy_file = folder / "policy" / "policy.toml"
        command: list[str | Path] = [binary(), "serve", "--listen", f"127.0.0.1:{self.port}"]
        command += ["--admin", f"127.0.0.1:{self.admin_port}", "--home", self.home]
        if policy is not None:
            self.policy_file.parent.mkdir(exist_ok=True)
            self.policy_file.write_text(policy)
            command += ["--policy", self.policy_file]
        if config is not None:
            (folder / "tradewind.toml").write_text(config)
            command += ["--config", folder / "tradewind.toml"]
        super().__init__("gateway", command, folder, {"UPSTREAM_KEY": SECRET, **(environment or {})})
        self._admin = httpx.Client(base_url=f"http://127.0.0.1:{self.admin_port}", trust_env=False)

    def launch(self) -> Gateway:
        self.start(self._is_ready, READY_SECONDS)
        return self

    def _is_ready(self) -> bool:
        try:
            return self.admin("/readyz").is_success
        except httpx.TransportError:
            return False

    def admin(self, path: str) -> httpx.Response:
        """A request to the operators' listener."""
        return self._admin.get(path)

    @property
    def base_url(self) -> str:
        return f"https://127.0.0.1:{self.port}/v1"

    def tls(self) -> ssl.SSLContext:
        """Trusts the gateway's own certificate and nothing else."""
        return ssl.create_default_context(cafile=self.home / "tls" / "cert.pem")

    def token(self, tenant: str = "acme", model: str = "*", ttl: str = "1h") -> str:
        """A token of the development issuer."""
        minted = self.command_line("token", "--home", self.home, "--tenant", tenant, "--model", model, "--ttl", ttl)
        minted.check_returncode()
        return minted.stdout.strip()

    def command_line(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Another command of the same binary, to its end."""
        return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=60, cwd=self.folder, env=self.environment)

    # The SDK's own retries are off: one call is one request, and no failure is papered over by the client.

    def client(self, token: str | None = None) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(verify=self.tls(), trust_env=False)
        return openai.OpenAI(base_url=self.base_url, api_key=token or self.token(), max_retries=0, http_client=http)

    def async_client(self, token: str | None = None) -> openai.AsyncOpenAI:
        http = openai.DefaultAsyncHttpxClient(verify=self.tls(), trust_env=False)
        return openai.AsyncOpenAI(base_url=self.base_url, api_key=token or self.token(), max_retries=0, http_client=http)

    def http(self, token: str | None = None) -> httpx.Client:
        """A bare HTTP/2 client, to see what no SDK shows; without `token` it sends no credential."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.base_url, headers=headers, verify=self.tls(), http2=True, trust_env=False, timeout=120)

    def records(self) -> list[dict]:
        """The audit log's lines about requests, oldest first."""
        lines = [line for file in sorted((self.home / "audit").glob("*.jsonl")) for line in file.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if "request_id" in record]

    def record(self, request_id: str) -> dict:
        """The audit record of one request; it is written when the answer has ended, by a thread of its own."""

        def found() -> dict | None:
            return next((record for record in self.records() if record["request_id"] == request_id), None)

        return wait_until(found, f"request {request_id} is in the audit log")

    def verify_audit(self) -> subprocess.CompletedProcess[str]:
        return self.command_line("audit", "verify", "--home", self.home)
