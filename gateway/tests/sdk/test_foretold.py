"""What `plan` foretells of recorded traffic, beside what comes of it: the measurement itself runs to its end."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.gateway import WITHOUT_LOCAL_MODELS
from harness.process import wait_until
from harness.tokens import claiming
from harness.upstream import policy

HELLO = {"model": "chat-large", "messages": [{"role": "user", "content": "Hello"}]}
RECORDING = """
[decisions]
record_claims = ["groups"]
record_headers = ["X-Team"]
"""
REQUESTS = 60


def test_a_trace_is_foretold_and_measured(tmp_path):
    trace = tmp_path / "trace.csv"
    # Three requests a second, every fourth with a long prompt.
    rows = [f"{index / 3:.3f},{4000 if index % 4 == 0 else 200},{5 + index % 7}" for index in range(REQUESTS)]
    trace.write_text("seconds,prompt,output\n" + "\n".join(rows) + "\n")
    gateway = Path(os.environ["TRADEWIND_BIN"]).resolve(strict=True)
    command = [gateway.with_name("foretold"), "--gateway", gateway, "--trace", trace, "--speed", "20", "--length", "60s", "--warm-up", "10s"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["requests"] == REQUESTS
    outcomes = {outcome["change"]: outcome for outcome in report["outcomes"]}
    assert list(outcomes) == ["price", "region", "nothing"]
    for outcome in outcomes.values():
        assert abs(sum(outcome["measured"]["shares"].values()) - 1) < 1e-9
        assert outcome["measured"]["usd_per_day"] > 0
    # A drained region gets nothing, and the forecast knows.
    for figures in (outcomes["region"]["forecast"], outcomes["region"]["measured"]):
        assert sum(share for name, share in figures["shares"].items() if name.startswith("west")) == 0
    # What is drawn to a lower price costs less; how many of so few are drawn, if any, is chance.
    price = outcomes["price"]
    assert 0 < price["forecast"]["usd_per_day"] < 1.01 * price["before"]["usd_per_day"]


def with_route(text, condition):
    """The policy with another route before its own, which leads some requests to the second upstream."""
    route = f'[[route]]\nname = "some"\nmatch = {{ model = "chat-large", {condition} }}\ntiers = [["second"]]\n\n[[route]]'
    return text.replace("[[route]]", route, 1)


def ask_as_several(gateway):
    """Three requests of engineers, one of them in the red team, and five of others."""
    clients = {group: gateway.client(claiming(gateway, groups=[group, "all"])) for group in ("eng", "sales")}
    for group, team in [("eng", "red"), *[("eng", "blue")] * 2, *[("sales", "blue")] * 5]:
        clients[group].chat.completions.create(**HELLO, extra_headers={"x-team": team})


def recorded(gateway):
    return sum(len(file.read_text().splitlines()) for file in (gateway.home / "decisions").glob("*.jsonl"))


def planned(gateway, new, *flags):
    told = gateway.command_line("policy", "plan", new, "--policy", gateway.policy_file, "--log", gateway.home / "decisions", *flags)
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.parametrize(
    ("condition", "moved"),
    [
        ('claims = { groups = "eng" }', 3),
        ('headers = { x-team = "red" }', 1),
        ("""when = "'eng' in claims.groups && !('red' in headers['x-team'])\"""", 2),
    ],
)
def test_who_moves_by_a_claim_or_a_header_is_foretold_if_these_are_recorded(start_upstream, start_gateway, tmp_path, condition, moved):
    first, second = start_upstream("first"), start_upstream("second")
    old = policy([first], [second])
    gateway = start_gateway(old, config=WITHOUT_LOCAL_MODELS + RECORDING)
    ask_as_several(gateway)
    wait_until(lambda: recorded(gateway) == 8, "all requests are recorded")
    new = tmp_path / "new.toml"
    new.write_text(with_route(old, condition))
    plan = json.loads(planned(gateway, new, "--json"))
    assert (plan["share_moved"], plan["traffic"]["unsupported"]) == (moved / 8, 0)

    gateway.policy_file.write_text(new.read_text())
    wait_until(lambda: gateway.admin("/policy").json()["hash"] == plan["to"], "the new policy is in force")
    ask_as_several(gateway)
    assert len(second.requests()) == moved


def test_what_is_not_recorded_is_not_guessed(start_upstream, start_gateway, tmp_path):
    first, second = start_upstream("first"), start_upstream("second")
    old = policy([first], [second])
    gateway = start_gateway(old)
    ask_as_several(gateway)
    wait_until(lambda: recorded(gateway) == 8, "all requests are recorded")
    log = "".join(file.read_text() for file in (gateway.home / "decisions").glob("*.jsonl"))
    assert "sales" not in log and "blue" not in log
    new = tmp_path / "new.toml"
    new.write_text(with_route(old, 'claims = { groups = "eng" }, headers = { x-team = "red" }'))
    plan = json.loads(planned(gateway, new, "--json"))
    assert (plan["share_moved"], plan["traffic"]["unsupported"]) == (None, 8)
    [lacking] = plan["traffic"]["unrecorded"]
    assert (lacking["claims"], lacking["headers"], lacking["requests"]) == (["groups"], ["x-team"], 8)
    assert 'record_claims = ["groups"], record_headers = ["x-team"]' in planned(gateway, new)
