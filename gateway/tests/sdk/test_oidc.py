"""Tokens of a real OpenID Connect issuer, found by discovery."""

import jwt
import openai
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness.gateway import WITHOUT_LOCAL_MODELS
from harness.issuer import AUDIENCE
from harness.process import free_port
from harness.upstream import policy

HELLO = {"model": "chat-large", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def start(start_upstream, start_gateway):
    """`start(issuers)`: a gateway that trusts what this piece of configuration names."""
    return lambda issuers: start_gateway(policy([start_upstream()]), config=WITHOUT_LOCAL_MODELS + issuers)


def call(gateway, token):
    return gateway.client(token).chat.completions.create(**HELLO)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_an_access_token_of_the_issuer_is_accepted(start, start_issuer, algorithm):
    issuer = start_issuer(algorithm)
    gateway = start(issuer.config())
    record = gateway.record(call(gateway, issuer.token())._request_id)
    assert (record["tenant"], record["issuer"]) == ("acme", issuer.url)
    # The development issuer stays beside it.
    assert call(gateway, gateway.token())


def test_the_tenant_of_the_token_decides(start, start_issuer):
    issuer = start_issuer()
    gateway = start(issuer.config())
    with pytest.raises(openai.PermissionDeniedError):
        call(gateway, issuer.token("stranger.app"))
    with pytest.raises(openai.AuthenticationError):
        call(gateway, issuer.token("nobody"))


def test_an_audience_that_is_not_ours_is_refused(start, start_issuer):
    issuer = start_issuer()
    gateway = start(issuer.config().replace(AUDIENCE, "https://another.example"))
    with pytest.raises(openai.AuthenticationError):
        call(gateway, issuer.token())


def test_a_key_rotation_is_followed_while_the_gateway_runs(start, start_issuer):
    issuer = start_issuer()
    gateway = start(issuer.config())
    old = issuer.token()
    assert call(gateway, old)

    issuer.rotate_keys()
    assert call(gateway, issuer.token())
    with pytest.raises(openai.AuthenticationError):
        call(gateway, old)


def test_an_issuer_that_cannot_be_reached_is_not_the_callers_fault(start):
    url = f"http://127.0.0.1:{free_port()}"
    gateway = start(f'[[issuer]]\nissuer = "{url}"\naudience = ["{AUDIENCE}"]\n')
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"iss": url, "aud": AUDIENCE, "sub": "app", "tenant": "acme", "exp": 2**33}
    with pytest.raises(openai.InternalServerError) as caught:
        call(gateway, jwt.encode(claims, key, algorithm="ES256", headers={"kid": "unknown"}))
    assert caught.value.status_code == 503
    assert "retry-after" in caught.value.response.headers
