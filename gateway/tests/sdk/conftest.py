"""Fixtures: programs are started for the test that needs them and always ended; their logs are shown when it fails.

The local models are loaded once, by the gateway `local`, and some of them by that of `test_open_inference.py`; every other gateway serves
upstreams only and starts at once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import openai
import pytest

from harness.cloud import Cloud
from harness.clouds import TENANT, Clouds
from harness.gateway import WITHOUT_LOCAL_MODELS, Gateway
from harness.issuer import Issuer
from harness.process import Process, wait_until
from harness.upstream import Upstream

LOG_LINES_SHOWN = 60


def pytest_configure() -> None:
    # Asked to end, pytest would leave the programs behind; interrupted, it ends them first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for process in Process.running:
            tail = process.log().splitlines()[-LOG_LINES_SHOWN:]
            report.sections.append((f"log of {process.name}", "\n".join(tail)))
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Iterator[Gateway]:
    """A gateway as a newcomer starts it: no configuration, the local models."""
    gateway = Gateway(tmp_path_factory.mktemp("local"))
    try:
        yield gateway.launch()
    finally:
        gateway.stop()


@pytest.fixture(scope="session")
def client(local: Gateway) -> openai.OpenAI:
    return local.client()


@pytest.fixture(scope="session")
def clouds(tmp_path_factory) -> Iterator[Clouds]:
    """Every simulated cloud."""
    clouds = Clouds(tmp_path_factory.mktemp("clouds"))
    try:
        yield clouds.launch()
    finally:
        clouds.kill()


@pytest.fixture(scope="session")
def front(clouds: Clouds, tmp_path_factory) -> Iterator[Gateway]:
    """A gateway that uses all of them, each by a name of its own."""
    gateway = Gateway(tmp_path_factory.mktemp("front"), clouds.policy, WITHOUT_LOCAL_MODELS, clouds.secrets)
    try:
        yield gateway.launch()
    finally:
        gateway.stop()


@pytest.fixture(scope="session")
def application(front: Gateway) -> openai.OpenAI:
    """OpenAI's SDK in front of that gateway."""
    return front.client(front.token(tenant=TENANT))


@pytest.fixture
def fault(clouds: Clouds, application: openai.OpenAI) -> Iterator[Callable[..., None]]:
    """`fault(backend, reply="…", …)`: what befalls the next request to a backend.

    After the test it is asked until it answers again: the gateway stays away for a while from one that failed often or was busy.
    """
    struck: list[str] = []

    def strike(backend: str, **reply) -> None:
        struck.append(backend)
        clouds.script(backend, reply)

    def answers(backend: str) -> bool:
        try:
            application.chat.completions.create(model=backend, messages=[{"role": "user", "content": "Are you there?"}])
        except openai.APIStatusError:
            return False
        return True

    yield strike
    for backend in struck:
        wait_until(lambda: answers(backend), f"{backend} answers again")


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """Ends what the test started, the last first, whatever happened to the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_upstream(ending: ExitStack, tmp_path: Path) -> Callable[..., Upstream]:
    """`start_upstream(name)`: a third-party server that answers, or fails as told."""

    def start(name: str = "first", **settings) -> Upstream:
        upstream = Upstream(name, tmp_path, **settings)
        # Asked to end, it would first finish what it was told to delay.
        ending.callback(upstream.kill)
        return upstream.launch()

    return start


@pytest.fixture
def start_cloud(ending: ExitStack, tmp_path: Path) -> Callable[..., Cloud]:
    """`start_cloud(kind)`: a simulated cloud, strict about what it receives."""

    def start(kind: str, **settings) -> Cloud:
        cloud = Cloud(kind, tmp_path, **settings)
        ending.callback(cloud.kill)
        return cloud.launch()

    return start


@pytest.fixture
def start_gateway(ending: ExitStack, tmp_path: Path) -> Callable[..., Gateway]:
    """`start_gateway(policy)`: a gateway that serves what the policy names."""

    def start(policy: str, config: str = WITHOUT_LOCAL_MODELS, environment: Mapping[str, str] | None = None) -> Gateway:
        gateway = Gateway(tmp_path, policy, config, environment)
        ending.callback(gateway.stop)
        return gateway.launch()

    return start


@pytest.fixture
def start_issuer(ending: ExitStack, tmp_path: Path) -> Callable[..., Issuer]:
    """`start_issuer(algorithm)`: an OpenID Connect issuer whose keys can be rotated."""

    def start(algorithm: str = "ES256") -> Issuer:
        issuer = Issuer(tmp_path, algorithm)
        ending.callback(issuer.stop)
        return issuer.launch()

    return start
