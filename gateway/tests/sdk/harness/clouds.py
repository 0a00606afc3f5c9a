"""Every simulated cloud in one process, and the policy by which a gateway uses them all.

A backend of that policy serves chat under its own name, embeddings as `NAME-embeddings`, rerank as `NAME-rerank`; `sim-chat` is any
of them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from .cloud import binary
from .process import Process

TENANT = "sim"
EXPORT = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)

# Tests are collected before there is a policy; one of them checks that none is missing here.
CHAT = (
    *("openai", "mistral", "groq", "deepseek", "xai", "together", "fireworks", "openrouter", "huggingface"),
    *("vllm", "sglang", "ollama", "tgi", "nim", "ray-serve"),
    *("azure", "azure-dated", "azure-inference", "foundry-anthropic", "anthropic"),
    *("bedrock", "bedrock-claude", "bedrock-openai", "sagemaker", "sagemaker-tgi", "sagemaker-lmi", "sagemaker-openai"),
    *("vertex", "vertex-claude", "vertex-openai", "gemini"),
    *("databricks", "databricks-anthropic", "snowflake", "snowflake-anthropic", "watsonx", "cohere"),
)
EMBEDDINGS = (
    *("openai", "mistral", "together", "fireworks", "openrouter", "vllm", "sglang", "ollama", "nim", "ray-serve", "tei"),
    *("azure", "azure-dated", "azure-inference", "bedrock", "sagemaker", "sagemaker-tei", "vertex", "gemini"),
    *("databricks", "snowflake", "watsonx", "cohere"),
)
# One of every dialect.
HANDFUL = ("openai", "azure", "anthropic", "bedrock", "vertex", "cohere", "watsonx")


class Clouds(Process):
    """All clouds, each on a port of its own."""

    def __init__(self, folder: Path):
        self.policy_file = folder / "clouds.toml"
        super().__init__("clouds", [binary(), "--policy", self.policy_file], folder)

    def launch(self) -> Clouds:
        # What needs setting in the environment is the last that is printed.
        self.start(lambda: len(EXPORT.findall(self.log())) == 3)
        return self

    @property
    def policy(self) -> str:
        return self.policy_file.read_text()

    @property
    def secrets(self) -> dict[str, str]:
        """The environment in which the policy's secrets are found."""
        return dict(EXPORT.findall(self.log()))

    def serving(self, operation: str) -> set[str]:
        """The backends that the policy has for an operation."""
        backends = tomllib.loads(self.policy)["backend"]
        return {
            name
            for name, backend in backends.items()
            if any(operation in model["operations"] for model in backend["models"].values())
        }

    def _origin(self, backend: str) -> str:
        """Where the cloud of a backend listens: what its policy says, without the path."""
        return f"http://{urlsplit(tomllib.loads(self.policy)['backend'][backend]['base_url']).netloc}"

    def script(self, backend: str, *replies: dict) -> None:
        """What the cloud of a backend does with its next requests, one each."""
        httpx.post(f"{self._origin(backend)}/sim/script", json=replies, trust_env=False).raise_for_status()

    def requests(self, backend: str) -> list[dict]:
        """What arrived at the cloud of a backend, oldest first."""
        return httpx.get(f"{self._origin(backend)}/sim/requests", trust_env=False).raise_for_status().json()
