"""A tenant whose budget is used up: what an application gets to see of it."""

import openai
import pytest

from harness.upstream import MODEL, policy

# A cent a token: no answer fits in.
MONEY = f"""
[prices]
date = 2026-11-01

[prices.openai]
"{MODEL}" = {{ in = 10_000, out = 10_000 }}
"""


def test_an_application_is_told_at_once_that_the_budget_is_used_up(start_upstream, start_gateway):
    upstream = start_upstream()
    text = policy([upstream])
    assert "[tenant.acme]" in text
    gateway = start_gateway(text.replace("[tenant.acme]", '[tenant.acme]\nbudget = { per_day = "$0.000000001" }') + MONEY)
    with pytest.raises(openai.RateLimitError) as caught:
        gateway.client().chat.completions.create(model="chat-large", messages=[{"role": "user", "content": "Hello"}])
    error = caught.value
    assert (error.code, error.type) == ("budget_exceeded", "insufficient_quota")
    assert 1 <= int(error.response.headers["retry-after"]) <= 86_400
    assert upstream.requests() == []
