"""`oidc-provider` as the identity provider of a company that uses the gateway."""

from __future__ import annotations

from pathlib import Path

import httpx

from .process import Process, free_port

AUDIENCE = "https://inference.example"


class Issuer(Process):
    """One OpenID Connect issuer; started again, it has another key and the same address."""

    def __init__(self, folder: Path, algorithm: str):
        self.port = free_port()
        script = Path(__file__).parent.parent / "issuer" / "issuer.mjs"
        super().__init__("issuer", ["node", script, str(self.port), algorithm, AUDIENCE], folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> Issuer:
        self.start(self._is_ready)
        return self

    def rotate_keys(self) -> None:
        self.stop()
        self.launch()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/.well-known/openid-configuration", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def token(self, client: str = "acme.app") -> str:
        answer = httpx.post(
            f"{self.url}/token", auth=(client, "not-a-secret"), data={"grant_type": "client_credentials"}, trust_env=False
        )
        return answer.raise_for_status().json()["access_token"]

    def config(self) -> str:
        """This issuer as the gateway's configuration names it."""
        return f"""
[[issuer]]
issuer = "{self.url}"
audience = ["{AUDIENCE}"]
tenant_claim = "tenant"
"""
