"""What an operator meets: the first start, health, metrics, overload, faults in settings, shutdown."""

import os
import re
import signal
import stat
import subprocess

import anyio
import openai
import pytest

from harness.gateway import Gateway, binary
from harness.upstream import policy

HELLO = {"model": "chat-large", "messages": [{"role": "user", "content": "Hello"}]}
LONG = {"type": "reply", "text": " ".join(f"word{number}" for number in range(100))}


def test_the_printed_curl_line_works_when_pasted(local):
    [command] = re.findall(r"^\s*(curl (?:.*\\\n)*.*)$", local.log(), flags=re.MULTILINE)[:1]
    path = f"{binary().parent}:{os.environ['PATH']}"
    pasted = subprocess.run(
        ["bash", "-c", command], cwd=local.folder, env={**local.environment, "PATH": path}, capture_output=True, text=True, timeout=120
    )
    assert pasted.returncode == 0, pasted.stderr
    assert '"content"' in pasted.stdout


def test_private_files_are_for_their_owner_only(local):
    assert stat.S_IMODE(local.home.stat().st_mode) == 0o700
    private = [local.home / "tls" / "key.pem", local.home / "issuer" / "key.pem", *(local.home / "audit").iterdir()]
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in private} == {path.name: "0o600" for path in private}


def test_tokens_and_certificate_survive_a_restart(start_upstream, start_gateway):
    gateway = start_gateway(policy([start_upstream()]))
    token, certificate = gateway.token(), (gateway.home / "tls" / "cert.pem").read_text()
    assert gateway.stop() == 0
    gateway.launch()
    assert (gateway.home / "tls" / "cert.pem").read_text() == certificate
    assert gateway.client(token).chat.completions.create(**HELLO)
    assert gateway.verify_audit().returncode == 0


def test_health_and_metrics_are_on_the_operators_listener_only(local, client):
    client.chat.completions.create(
        model="smollm2-135m-instruct", messages=[{"role": "user", "content": "Hello"}], max_tokens=1
    )
    assert local.admin("/livez").status_code == 200
    metrics = local.admin("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert re.search(r'^gen_ai_\w+_bucket\{.*smollm2-135m-instruct.*\} \d', metrics.text, flags=re.MULTILINE)
    with local.http(local.token()) as http:
        assert http.get(f"https://127.0.0.1:{local.port}/metrics").status_code == 404


@pytest.mark.anyio
async def test_a_full_queue_refuses_with_the_time_to_return(start_gateway, tmp_path):
    gateway = start_gateway(LOCAL_POLICY, config="[local]\nqueue = 1\n")
    refusals, answers = [], []
    async with gateway.async_client() as client:

        async def ask():
            try:
                answers.append(await client.chat.completions.create(**{**HELLO, "max_tokens": 64, "model": "smollm2-135m-instruct"}))
            except openai.RateLimitError as error:
                refusals.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(ask)
    assert answers
    assert refusals
    assert all(int(error.response.headers["retry-after"]) >= 1 for error in refusals)


LOCAL_POLICY = """version = 1

[backend.here]
provider = "local"
models = { "smollm2-135m-instruct" = {} }

[tenant.acme]
allow = ["*"]

[[route]]
name = "chat"
match = { model = "smollm2-135m-instruct" }
tiers = [["here"]]
"""


def refused_start(gateway: Gateway) -> str:
    """What a gateway that cannot start says, for people, before it ends with code 2."""
    ended = gateway.command_line(*gateway.command[1:])
    assert ended.returncode == 2, ended.stderr
    assert "panicked" not in ended.stderr
    return ended.stderr


def test_a_port_in_use_is_said_in_words(local, tmp_path):
    second = Gateway(tmp_path, config="[local]\nenabled = false\n")
    second.command[second.command.index("--listen") + 1] = f"127.0.0.1:{local.port}"
    said = refused_start(second)
    assert f"127.0.0.1:{local.port}" in said
    assert "in use" in said


def test_every_fault_of_the_settings_is_named_at_once(tmp_path):
    said = refused_start(Gateway(tmp_path, config='lisen = "127.0.0.1:1"\n\n[limits]\nbody = "much"\n'))
    assert "tradewind.toml:1" in said and "lisen" in said
    assert "tradewind.toml:4" in said and "body" in said


def test_a_faulty_policy_is_refused_at_start(tmp_path):
    said = refused_start(Gateway(tmp_path, policy="version = 1\nunheard_of = 1\n", config="[local]\nenabled = false\n"))
    assert "policy.toml:2" in said and "unheard_of" in said


def test_a_stream_may_end_before_the_gateway_does(start_upstream, start_gateway):
    upstream = start_upstream(chunk_delay_ms=10)
    gateway = start_gateway(policy([upstream]))
    upstream.script(LONG)
    stream = gateway.client().chat.completions.create(**HELLO, stream=True)
    chunks = [next(stream)]
    gateway.signal(signal.SIGTERM)
    chunks += stream
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert gateway.wait() == 0


def test_a_stream_that_outlives_the_grace_period_is_ended_in_band(start_upstream, start_gateway):
    upstream = start_upstream(chunk_delay_ms=100)
    gateway = start_gateway(policy([upstream]), config='[local]\nenabled = false\n[timeouts]\nshutdown_grace = "1s"\n')
    upstream.script({**LONG, "text": LONG["text"] * 10})
    stream = gateway.client().chat.completions.create(**HELLO, stream=True)
    next(stream)
    gateway.signal(signal.SIGTERM)
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert type(caught.value) is openai.APIError, repr(caught.value)
    assert gateway.wait() == 0
