"""Every request leaves a record, granted or denied, and the log shows when it was tampered with."""

from __future__ import annotations

import re
import shutil

import openai
import pytest

from harness.process import wait_until
from harness.upstream import SECRET, policy

HELLO = {"model": "chat-large", "messages": [{"role": "user", "content": "Hello from the audit test"}]}


@pytest.fixture
def upstream(start_upstream):
    return start_upstream()


@pytest.fixture
def gateway(start_gateway, upstream):
    return start_gateway(policy([upstream]))


def refused(gateway, token, **changed):
    """The audit record of a request that the SDK saw refused."""
    with pytest.raises(openai.APIStatusError) as caught:
        gateway.client(token).chat.completions.create(**{**HELLO, **changed})
    return gateway.record(caught.value.request_id)


def test_a_granted_request_is_recorded_with_what_it_used(gateway, upstream):
    answer = gateway.client().chat.completions.create(**HELLO)
    record = gateway.record(answer._request_id)
    assert (record["decision"], record["status"], record["outcome"]) == ("granted", 200, "completed")
    assert (record["tenant"], record["model"], record["backend"]) == ("acme", "chat-large", upstream.name)
    assert record["prompt_tokens"] == answer.usage.prompt_tokens
    assert record["completion_tokens"] == answer.usage.completion_tokens


def test_a_stream_is_recorded_when_it_ends(gateway):
    stream = gateway.client().chat.completions.create(**HELLO, stream=True, stream_options={"include_usage": True})
    usage = list(stream)[-1].usage
    record = gateway.record(stream.response.headers["x-request-id"])
    assert (record["decision"], record["outcome"]) == ("granted", "completed")
    assert record["completion_tokens"] == usage.completion_tokens


def test_refusals_are_recorded_as_denials(gateway, upstream):
    for token, changed, status in (
        ("garbage", {}, 401),
        (gateway.token(ttl="1h", model="another"), {}, 403),
        (gateway.token(tenant="stranger"), {}, 403),
    ):
        record = refused(gateway, token, **changed)
        assert (record["decision"], record["status"]) == ("denied", status)
    assert not upstream.requests()


def test_an_unknown_model_is_recorded(gateway):
    assert refused(gateway, gateway.token(), model="no-such-model")["status"] == 404


def test_neither_log_holds_a_credential_or_a_prompt(gateway):
    token = gateway.token()
    answer = gateway.client(token).chat.completions.create(**HELLO)
    gateway.record(answer._request_id)
    audit = "".join(file.read_text() for file in (gateway.home / "audit").iterdir())
    for text in (audit, gateway.log()):
        assert SECRET not in text
        assert token not in text
        assert HELLO["messages"][0]["content"] not in text


def flip_a_byte(lines: list[bytes]) -> None:
    middle = lines[2]
    lines[2] = middle.replace(b'"acme"', b'"acmf"')
    assert lines[2] != middle


def remove_a_line(lines: list[bytes]) -> None:
    del lines[2]


def swap_two_lines(lines: list[bytes]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def cut_the_end(lines: list[bytes]) -> None:
    del lines[-1]


@pytest.mark.parametrize("tamper", [flip_a_byte, remove_a_line, swap_two_lines, cut_the_end])
def test_tampering_is_found(gateway, tamper):
    client = gateway.client()
    for _ in range(4):
        client.chat.completions.create(**HELLO)
    wait_until(lambda: len(gateway.records()) >= 4, "four records")
    running = gateway.verify_audit()
    assert running.returncode == 0, running.stderr
    assert gateway.stop() == 0

    [log] = (gateway.home / "audit").glob("*.jsonl")
    honest = shutil.copy(log, gateway.folder / "honest")
    lines = log.read_bytes().splitlines(keepends=True)
    tamper(lines)
    log.write_bytes(b"".join(lines))
    verified = gateway.verify_audit()
    assert verified.returncode == 1
    # The place: a line of the log, or the head that names records which are gone.
    assert re.search(rf"{log.name}:\d+|head\.json", verified.stdout + verified.stderr)

    shutil.copy(honest, log)
    assert gateway.verify_audit().returncode == 0
