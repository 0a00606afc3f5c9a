"""One alias over six clouds: each is killed and started again while OpenAI's SDK streams, and no caller sees an error before a first byte."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from harness.cloud import KEY, Cloud
from harness.gateway import WITHOUT_LOCAL_MODELS, Gateway
from harness.process import wait_until
from harness.scene import ANSWER, QUESTION

THREADS = 8
# Slow enough that a stream is under way when its cloud is killed.
PACE = (10, 40)
POLICY = """version = 1

[defaults]
max_attempts = 6

[tenant.acme]
allow = ["*"]

[backend.openai]
provider = "openai"
base_url = "{openai}/v1"
secret = "env:CLOUD_SECRET"
models.sim-chat = {{}}

[backend.azure]
provider = "azure-openai"
base_url = "{azure}"
secret = "env:CLOUD_SECRET"
models.sim-chat = {{}}

[backend.anthropic]
provider = "anthropic"
base_url = "{anthropic}"
secret = "env:CLOUD_SECRET"
models.sim-chat = {{}}

[backend.aws]
provider = "bedrock"
region = "us-east-1"
base_url = "{aws}"
credential = {{ kind = "aws", source = "keys", access_key_id = "AKIASIM", secret_access_key = "env:AWS_SECRET_OF_SIM" }}
models.sim-chat = {{}}

[backend.google]
provider = "vertex"
project = "sim-project"
location = "sim-location"
base_url = "{google}"
chat = "gemini"
secret = "env:CLOUD_SECRET"
models.sim-chat = {{}}

[backend.cohere]
provider = "cohere"
base_url = "{cohere}"
secret = "env:CLOUD_SECRET"
models.sim-chat = {{}}

[[route]]
name = "chat"
match = {{ model = "sim-chat" }}
tiers = {tiers}
"""
KINDS = ("openai", "azure", "anthropic", "aws", "google", "cohere")


def policy(clouds: dict[str, Cloud], first: str) -> str:
    """All six serve the alias; that cloud is asked first, for as long as it can answer."""
    tiers = json.dumps([[first], [kind for kind in KINDS if kind != first]])
    return POLICY.format(**{kind: cloud.origin for kind, cloud in clouds.items()}, tiers=tiers)


@dataclass
class Stream:
    """What one stream came to."""

    request_id: str
    began: float
    ended: float
    error: openai.APIError | None


class Load:
    """Threads that stream, one answer after the other, until told to stop."""

    def __init__(self, client: openai.OpenAI):
        self.client = client
        self.streams: list[Stream] = []
        self.refused: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(THREADS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._stream()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
                self.refused.append(error)

    def _stream(self) -> None:
        began = time.monotonic()
        stream = self.client.chat.completions.create(
            model="sim-chat", messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        text, error = "", None
        try:
            for chunk in stream:
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
        except openai.APIError as interruption:
            error = interruption
        assert ANSWER.startswith(text)
        assert (text == ANSWER) or error, "a part of an answer was taken for the whole"
        self.streams.append(Stream(stream.response.headers["x-request-id"], began, time.monotonic(), error))


@pytest.fixture
def six(ending, tmp_path: Path) -> dict[str, Cloud]:
    clouds = {kind: Cloud(kind, tmp_path, pace=PACE) for kind in KINDS}
    for cloud in clouds.values():
        ending.callback(cloud.kill)
        cloud.launch()
    return clouds


@pytest.fixture
def gateway(ending, tmp_path: Path, six: dict[str, Cloud]) -> Gateway:
    secrets = {"CLOUD_SECRET": KEY, "AWS_SECRET_OF_SIM": "sim-secret-key"}
    gateway = Gateway(tmp_path, policy(six, KINDS[0]), WITHOUT_LOCAL_MODELS, secrets)
    ending.callback(gateway.stop)
    return gateway.launch()


# Six times a few seconds; on a busy machine, more.
@pytest.mark.timeout(600)
def test_each_cloud_dies_in_turn_and_no_caller_fails_before_a_first_byte(six, gateway):
    killed: dict[str, float] = {}
    with Load(gateway.client()) as load:
        for kind, cloud in six.items():
            gateway.policy_file.write_text(policy(six, kind))
            arrived = len(cloud.requests())
            wait_until(lambda: len(cloud.requests()) >= arrived + THREADS, f"the streams move to {kind}", seconds=60)
            killed[kind] = time.monotonic()
            cloud.kill()
            # Dead for a while: the others carry all of it.
            ended = len(load.streams)
            wait_until(lambda: len(load.streams) >= ended + 3 * THREADS, f"streams go on while {kind} is dead", seconds=60)
            cloud.launch()
            # Back, it must be found again: the gateway stays away for seconds from one that failed often.
            wait_until(lambda: len(cloud.requests()) >= THREADS, f"the streams come back to {kind}", seconds=60)

    assert not load.refused, load.refused
    interrupted = [stream for stream in load.streams if stream.error]
    served = Counter()
    for stream in load.streams:
        backend = gateway.record(stream.request_id)["backend"]
        served[backend] += 1
        if stream.error:
            assert stream.began <= killed[backend] <= stream.ended, f"{backend} was alive: {stream.error}"
            assert stream.error.code == "stream_interrupted"
    assert set(served) == set(KINDS)
    assert 0 < len(interrupted) <= len(KINDS) * THREADS
    print(f"\n{len(load.streams)} streams over {dict(served)}: {len(interrupted)} were under way on a cloud when it was killed, none failed before.")
