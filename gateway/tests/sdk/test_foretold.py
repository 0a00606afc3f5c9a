"""What `plan` foretells of recorded traffic, beside what comes of it: the measurement itself runs to its end."""

import json
import os
import subprocess
from pathlib import Path

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
