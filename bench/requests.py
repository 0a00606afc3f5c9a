#!/usr/bin/env python3
"""Counts the instructions that a request costs the gateway, with and without its decision log.

    cargo build --release
    bench/requests.py target/release/tradewind

Callgrind counts a gateway that starts, serves N chat requests over one connection, and ends: once for few and once for many requests, whose
difference is what the requests cost. Two backends serve the model, and both answer at once. Standard library only; valgrind must be installed.
"""

import argparse
import http.client
import json
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "From the east."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
}).encode()
QUESTION = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Where does the wind blow from? " * 40}]})
POLICY = """version = 1
[backend.a]
provider = "openai"
base_url = "http://127.0.0.1:{port}/v1"
models.chat = {{}}
[backend.b]
provider = "openai"
base_url = "http://127.0.0.1:{port}/v1"
models.chat = {{}}
[[route]]
name = "chat"
match = {{ model = "chat" }}
tiers = [["a", "b"]]
"""
CONFIG = """listen = "127.0.0.1:{listen}"
admin = "127.0.0.1:{admin}"
[local]
enabled = false
[decisions]
enabled = {decisions}
"""
# What only the thread that writes the log runs.
WRITER = "tradewind::decision::writer::Writer::run"
# Valgrind makes it some fifty times slower.
PATIENCE_S = 300


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until_ready(process, admin):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("the gateway ended before it was ready")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=PATIENCE_S)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("the gateway is not ready")


def ask(listen, token, requests):
    # The certificate is the gateway's own, and this is no test of TLS.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", listen, context=context, timeout=PATIENCE_S)
    for _ in range(requests):
        connection.request("POST", "/v1/chat/completions", QUESTION,
                           {"authorization": f"Bearer {token}", "content-type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{response.status}: {body.decode()}")


def instructions(binary, folder, upstream, decisions, requests):
    """Of a gateway that serves so many requests, from its start to its end: of the threads that serve, and of the one that writes the log."""
    listen, admin = free_port(), free_port()
    (folder / "policy.toml").write_text(POLICY.format(port=upstream))
    (folder / "tradewind.toml").write_text(CONFIG.format(listen=listen, admin=admin, decisions=str(decisions).lower()))
    home, out = folder / "home", folder / f"callgrind-{decisions}-{requests}"
    command = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}", binary, "serve",
               "--home", home, "--policy", folder / "policy.toml", "--config", folder / "tradewind.toml"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_ready(process, admin)
        mint = [binary, "token", "--tenant", "bench", "--model", "*", "--home", home]
        token = subprocess.run(mint, capture_output=True, text=True, check=True).stdout.strip()
        ask(listen, token, requests)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    finally:
        process.kill()
    serving = writing = 0
    for thread in folder.glob(f"{out.name}-*"):
        text = thread.read_text()
        count = int(re.search(r"^summary: (\d+)", text, re.MULTILINE)[1])
        serving, writing = (serving, writing + count) if WRITER in text else (serving + count, writing)
    return serving, writing


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("binary", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--few", type=int, default=100)
    arguments.add_argument("--many", type=int, default=1100)
    arguments = arguments.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    costs = {}
    for decisions in (False, True):
        counts = []
        for requests in (arguments.few, arguments.many):
            with tempfile.TemporaryDirectory() as folder:
                counts.append(instructions(arguments.binary, pathlib.Path(folder), server.server_address[1], decisions, requests))
        few, many = counts
        costs[decisions] = [(after - before) / (arguments.many - arguments.few) for before, after in zip(few, many)]
    (without, _), (serving, writing) = costs[False], costs[True]
    print(f"a request, without the decision log       {without:10,.0f} instructions")
    print(f"a request, with it                        {serving:10,.0f}, {serving / without - 1:+.1%}")
    print(f"its record, in the thread that writes it  {writing:10,.0f}, {writing / without:.1%} of that")


if __name__ == "__main__":
    main()
