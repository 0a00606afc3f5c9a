"""Each decision can be explained, and taken to where an operator's other data are."""

from __future__ import annotations

import duckdb
import pytest

from harness.process import wait_until
from harness.upstream import policy

HELLO = {"model": "chat-large", "messages": [{"role": "user", "content": "Hello from the decision test"}]}


@pytest.fixture
def upstream(start_upstream):
    return start_upstream()


@pytest.fixture
def gateway(start_gateway, upstream):
    return start_gateway(policy([upstream]))


def explained(gateway, request_id):
    """What the command says of one request, once it is recorded."""

    def found():
        told = gateway.command_line("policy", "explain", request_id, "--home", gateway.home)
        return told.stdout if told.returncode == 0 else None

    return wait_until(found, f"request {request_id} is in the decision log")


def test_a_request_is_explained_by_its_id_and_an_unknown_one_by_the_exit_code(gateway, upstream):
    answer = gateway.client().chat.completions.create(**HELLO)
    told = explained(gateway, answer._request_id)
    assert f"answer 200 from {upstream.name}: complete" in told
    assert "first token" in told and "Hello from" not in told
    assert gateway.admin(f"/explain/{answer._request_id}").json()["chosen"] == upstream.name
    unknown = gateway.command_line("policy", "explain", "req_" + "0" * 32, "--home", gateway.home)
    assert unknown.returncode == 3 and "does not have" in unknown.stderr


def test_a_request_that_nobody_has_sent_is_explained(gateway, upstream):
    asked = ("policy", "explain", "--model", "chat-large", "--tenant", "acme", "--prompt-tokens", "2000")
    live = gateway.command_line(*asked, "--admin", f"http://127.0.0.1:{gateway.admin_port}")
    apart = gateway.command_line(*asked, "--policy", gateway.policy_file, "--home", gateway.home)
    for told in (live, apart):
        assert told.returncode == 0, told.stderr
        assert f"{upstream.name} (only)" in told.stdout
    nobody = gateway.command_line(*asked[:3], "nosuch", *asked[4:], "--policy", gateway.policy_file)
    assert nobody.returncode == 3 and "refused: model `nosuch` does not exist" in nobody.stdout


def test_duckdb_reads_what_is_exported_and_a_torn_line_is_told(gateway, upstream, tmp_path):
    answers = [gateway.client().chat.completions.create(**HELLO) for _ in range(3)]
    explained(gateway, answers[-1]._request_id)
    log = max((gateway.home / "decisions").glob("*.jsonl"))
    with log.open("a") as torn:
        torn.write('{"version":1,"id":"req_')
    file = tmp_path / "decisions.parquet"
    exported = gateway.command_line("policy", "log", "export", "--home", gateway.home, "--to", file, "--since", "1h")
    assert exported.returncode == 0 and "3 decisions in" in exported.stdout, exported.stderr
    assert f"skipped: {log}:4: the line was cut off" in exported.stderr
    rows = duckdb.sql(
        "select id, typeof(received_at), epoch(now()) - epoch(received_at) between 0 and 600, status, completion_tokens, "
        f"candidates[1].backend, candidates[1].score_s > 0, len(attempts), attempts[1].outcome from '{file}' order by received_at"
    ).fetchall()
    assert rows == [
        (
            answer._request_id,
            "TIMESTAMP WITH TIME ZONE",
            True,
            200,
            answer.usage.completion_tokens,
            upstream.name,
            True,
            1,
            "answered",
        )
        for answer in answers
    ]
