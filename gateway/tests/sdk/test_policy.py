"""The policy file: reloaded when it changes, left in force when the new one is faulty."""

import threading
from contextlib import contextmanager

import openai
import pytest

from harness.process import wait_until
from harness.upstream import policy

NEWCOMER = """
[alias]
"newcomer" = "chat-large"
"""


def ask(client, model):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])


def names(client):
    return {model.id for model in client.models.list()}


def test_a_changed_policy_is_in_force_without_a_restart(start_upstream, start_gateway):
    before, after = start_upstream("before"), start_upstream("after")
    gateway = start_gateway(policy([before]))
    client = gateway.client()
    ask(client, "chat-large")

    gateway.policy_file.write_text(policy([after]) + NEWCOMER)
    wait_until(lambda: "newcomer" in names(client), "the new alias is listed")
    ask(client, "newcomer")
    assert [len(before.requests()), len(after.requests())] == [1, 1]


def test_a_faulty_policy_leaves_the_old_one_in_force_and_says_why(start_upstream, start_gateway):
    upstream = start_upstream()
    gateway = start_gateway(policy([upstream]))
    client = gateway.client()

    gateway.policy_file.write_text(policy([upstream]) + "\nunheard_of = 1\n")
    wait_until(lambda: "unheard_of" in gateway.log(), "the log names the fault")
    ask(client, "chat-large")

    gateway.policy_file.write_text(policy([upstream]) + NEWCOMER)
    wait_until(lambda: "newcomer" in names(client), "the mended policy is in force")


@contextmanager
def writing(file):
    """Something else that writes, every few milliseconds, into `file`."""
    done = threading.Event()

    def write():
        with file.open("w") as log:
            while not done.wait(0.005):
                log.write("busy\n")
                log.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def test_a_busy_neighbour_in_the_folder_does_not_put_off_the_change(start_upstream, start_gateway):
    upstream = start_upstream()
    gateway = start_gateway(policy([upstream]))
    client = gateway.client()
    with writing(gateway.policy_file.with_name("neighbour.log")):
        gateway.policy_file.write_text(policy([upstream]) + NEWCOMER)
        wait_until(lambda: "newcomer" in names(client), "the new alias is listed")


def test_a_tenant_that_the_policy_does_not_name_is_refused(start_upstream, start_gateway):
    gateway = start_gateway(policy([start_upstream()]))
    with pytest.raises(openai.PermissionDeniedError):
        ask(gateway.client(gateway.token(tenant="stranger")), "chat-large")
