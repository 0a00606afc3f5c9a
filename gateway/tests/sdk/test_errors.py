"""Refusals reach the SDK as the exception that an application expects from OpenAI, with code and parameter."""

import openai
import pytest

from harness.gateway import WITHOUT_LOCAL_MODELS
from harness.openai_schema import check
from harness.tokens import FORGERIES, forged
from harness.upstream import policy

CHAT = "smollm2-135m-instruct"
EMBEDDINGS = "all-minilm-l6-v2"
HELLO = {"model": CHAT, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}


def refusal(kind, call, *arguments, **parameters):
    """The exception of exactly the class `kind` that the call raises, in OpenAI's shape and with the request's id."""
    with pytest.raises(openai.APIStatusError) as caught:
        call(*arguments, **parameters)
    error = caught.value
    assert type(error) is kind, error
    check("ErrorResponse", error.response.json())
    assert error.request_id
    return error


# Who is calling.


def unauthenticated(error):
    assert error.code == "invalid_api_key"
    assert error.response.headers["www-authenticate"].startswith("Bearer ")
    return error


def test_no_token_is_unauthenticated(local):
    without = {"Authorization": openai.Omit()}
    error = refusal(openai.AuthenticationError, local.client().chat.completions.create, **HELLO, extra_headers=without)
    unauthenticated(error)


def test_garbage_is_unauthenticated(local):
    for token in ("garbage", "a.b.c", "sk-proj-0123456789abcdef"):
        unauthenticated(refusal(openai.AuthenticationError, local.client(token).chat.completions.create, **HELLO))


@pytest.mark.parametrize("forgery", sorted(FORGERIES.keys() - {"honest"}))
def test_a_token_is_refused(local, forgery):
    error = refusal(openai.AuthenticationError, local.client(forged(local, forgery)).chat.completions.create, **HELLO)
    unauthenticated(error)
    assert 'error="invalid_token"' in error.response.headers["www-authenticate"]


def test_the_forger_can_make_a_good_token_too(local):
    assert local.client(forged(local, "honest")).chat.completions.create(**HELLO).choices


def test_two_credentials_are_refused(local):
    client = local.client().with_options(default_headers={"x-api-key": "another"})
    # RFC 6750, section 3.1: more than one method is a malformed request.
    refusal(openai.BadRequestError, client.chat.completions.create, **HELLO)


# What they may use.


def test_a_model_that_the_token_does_not_allow_is_forbidden(local):
    client = local.client(local.token(model=EMBEDDINGS))
    error = refusal(openai.PermissionDeniedError, client.chat.completions.create, **HELLO)
    assert error.code == "model_not_allowed"
    assert client.embeddings.create(model=EMBEDDINGS, input="Hello").data


def test_a_forbidden_caller_cannot_tell_which_models_exist(local):
    client = local.client(local.token(model=EMBEDDINGS))
    known = refusal(openai.PermissionDeniedError, client.chat.completions.create, **HELLO)
    unknown = refusal(openai.PermissionDeniedError, client.chat.completions.create, **{**HELLO, "model": "no-such-model"})
    assert (known.code, known.type) == (unknown.code, unknown.type)


def test_an_unknown_model_is_not_found(client):
    error = refusal(openai.NotFoundError, client.chat.completions.create, **{**HELLO, "model": "no-such-model"})
    assert (error.code, error.param) == ("model_not_found", "model")


def test_a_model_is_refused_for_what_it_cannot_do(client):
    refusal(openai.BadRequestError, client.embeddings.create, model=CHAT, input="Hello")
    refusal(openai.BadRequestError, client.chat.completions.create, **{**HELLO, "model": EMBEDDINGS})


# What they ask for.

CUSTOM = {"type": "custom", "custom": {"name": "now"}}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("tools[0]", {"tools": [CUSTOM]}), ("modalities", {"modalities": ["text", "audio"]})],
)
def test_what_the_local_model_cannot_honour_is_refused_and_not_ignored(client, parameter, value):
    error = refusal(openai.BadRequestError, client.chat.completions.create, **HELLO, **value)
    assert (error.type, error.code, error.param) == ("invalid_request_error", "unsupported_parameter", parameter)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("temperature", -1), ("temperature", "warm"), ("top_p", 1.5), ("max_tokens", 0), ("max_tokens", "5"), ("messages", [])],
)
def test_a_value_that_is_not_acceptable_is_named(client, parameter, value):
    error = refusal(openai.BadRequestError, client.chat.completions.create, **{**HELLO, parameter: value})
    assert error.type == "invalid_request_error"
    assert (error.param or "").startswith(parameter)


def test_a_prompt_longer_than_the_context_is_refused(client):
    long = [{"role": "user", "content": "word " * 9000}]
    error = refusal(openai.BadRequestError, client.chat.completions.create, **{**HELLO, "messages": long})
    assert error.code == "context_length_exceeded"


def test_a_text_too_long_to_embed_is_refused_and_not_cut(client):
    error = refusal(openai.BadRequestError, client.embeddings.create, model=EMBEDDINGS, input="word " * 1000)
    assert error.code == "context_length_exceeded"


def test_a_stream_is_refused_by_status_and_not_in_band(client):
    error = refusal(openai.NotFoundError, client.chat.completions.create, **{**HELLO, "model": "no-such-model"}, stream=True)
    assert error.code == "model_not_found"


# What no SDK would send.


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/chat/completions", b"{", 400),
        ("POST", "/chat/completions", b"[]", 400),
        ("POST", "/chat/completions", b"[" * 100_000, 400),
        ("POST", "/chat/completions", b'{"model": "\xff"}', 400),
        ("POST", "/no/such/path", b"{}", 404),
        ("DELETE", "/chat/completions", b"", 405),
    ],
)
def test_malformed_requests_are_answered_in_openai_shape(local, method, path, body, status):
    with local.http(local.token()) as http:
        answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["x-request-id"]
    check("ErrorResponse", answer.json())


def test_a_body_over_the_limit_is_refused(start_upstream, start_gateway):
    upstream = start_upstream()
    gateway = start_gateway(policy([upstream]), config=WITHOUT_LOCAL_MODELS + '[limits]\nbody = "64KiB"\n')
    large = [{"role": "user", "content": "x" * 100_000}]
    error = refusal(openai.APIStatusError, gateway.client().chat.completions.create, model="chat-large", messages=large)
    assert (error.status_code, error.code) == (413, "request_too_large")
    assert not upstream.requests()
