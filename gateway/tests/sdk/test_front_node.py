"""OpenAI's SDK for Node in front of the gateway, a cloud of every dialect behind it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.clouds import HANDFUL, TENANT
from harness.scene import ANSWER, PIXEL, QUESTION, SEEN, quotes

PROGRAM = Path(__file__).parent / "node" / "front.mjs"

every_dialect = pytest.mark.parametrize("backend", HANDFUL)


@pytest.fixture(scope="module")
def node(front) -> Callable[[str, str], dict]:
    """`node(scene, model)`: what came of it."""
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_EXTRA_CA_CERTS": str(front.home / "tls" / "cert.pem"),
        "GATEWAY_TOKEN": front.token(tenant=TENANT),
        "QUESTION": QUESTION,
        "IMAGE": "data:image/png;base64," + base64.b64encode(PIXEL).decode(),
    }

    def play(scene: str, model: str) -> dict:
        command = ["node", PROGRAM, front.base_url, scene, model]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return play


@every_dialect
def test_a_plain_answer(node, backend):
    result = node("plain", backend)["result"]
    assert (result["text"], result["finish"]) == (ANSWER, "stop")
    assert result["tokens"] > 0


@every_dialect
def test_a_stream(node, backend):
    result = node("stream", backend)["result"]
    assert ("".join(result["pieces"]), result["finish"]) == (ANSWER, "stop")
    assert len(result["pieces"]) > 1
    assert result["tokens"] > 0


@every_dialect
def test_the_sdk_runs_tools(node, backend):
    result = node("tools", backend)["result"]
    assert result["called"] == [{"city": "city", "days": 1}] * 2
    assert quotes(result["text"], "sun 0", "sun 1")


@every_dialect
def test_an_image(node, backend):
    assert node("image", backend)["result"] == {"text": SEEN}


@every_dialect
def test_an_answer_of_a_shape(node, backend):
    assert node("structured", backend)["result"] == {"wind": "east", "degrees": 1}


@every_dialect
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"reply": "rate_limited", "seconds": 0}, "RateLimitError"),
        ({"reply": "status", "status": 503}, "InternalServerError"),
        ({"reply": "status", "status": 400}, "BadRequestError"),
    ],
    ids=["429", "503", "400"],
)
def test_an_error_is_of_its_class(fault, node, backend, reply, kind):
    fault(backend, **reply)
    error = node("plain", backend)["error"]
    assert error["kind"] == kind, error


@every_dialect
def test_a_stream_that_is_cut_is_never_taken_for_complete(fault, node, backend):
    fault(backend, reply="close_after", events=4)
    assert node("stream", backend)["error"]["code"] == "stream_interrupted"


@pytest.mark.parametrize("backend", [backend for backend in HANDFUL if backend != "anthropic"])
def test_embeddings(node, backend):
    first, second = node("embeddings", f"{backend}-embeddings")["result"]
    assert first == second > 0


def test_a_cloud_without_embeddings_has_no_model_for_them(node):
    error = node("embeddings", "anthropic-embeddings")["error"]
    assert (error["kind"], error["code"]) == ("NotFoundError", "model_not_found")
