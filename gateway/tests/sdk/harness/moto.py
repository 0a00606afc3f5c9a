"""moto as the AWS account of a company: a third party's STS, Secrets Manager and SageMaker."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
import botocore.config
import httpx

from .process import Process, free_port

REGION = "us-east-1"


class Moto(Process):
    """One account; nobody's signature is checked."""

    def __init__(self, folder: Path):
        self.port = free_port()
        command = [Path(sys.executable), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        super().__init__("moto", command, folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> Moto:
        self.start(self._is_ready)
        return self

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/moto-api/data.json", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def client(self, service: str, access_key_id: str = "AKIAOWNER", session_token: str | None = None):
        """boto3 for a service of the account, as the holder of that key."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=access_key_id,
            aws_secret_access_key="any",
            aws_session_token=session_token,
            config=botocore.config.Config(proxies={}),
        )

    def answer_next_invocation(self, body: str) -> None:
        """What SageMaker's next endpoint that is invoked answers."""
        results = {"results": [{"Body": body, "ContentType": "application/json"}], "region": REGION}
        url = f"{self.url}/moto-api/static/sagemaker/endpoint-results"
        httpx.post(url, json=results, trust_env=False).raise_for_status()
