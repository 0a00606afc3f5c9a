"""AWS's own code signs again what the gateway sent, and agrees; moto, a third party's AWS, hands out the credentials."""

from __future__ import annotations

import datetime
import json
import re

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import openai
import pytest

from harness.cloud import KEY
from harness.moto import REGION, Moto
from harness.scene import ANSWER, QUESTION

ASK = [{"role": "user", "content": QUESTION}]
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"
ROLE = "arn:aws:iam::123456789012:role/inference"
KEYS = 'source = "keys", access_key_id = "AKIASIM", secret_access_key = "env:AWS_SECRET_OF_SIM"'
AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+?)/(\d{8})/([^/]+)/([^/]+)/aws4_request, *SignedHeaders=(\S+?), *Signature=(\w+)")


def policy(backend: str, credential: str = f"{{ kind = \"aws\", {KEYS} }}") -> str:
    return f"""version = 1

[tenant.acme]
allow = ["*"]

[backend.aws]
{backend}
credential = {credential}

[[route]]
name = "chat"
match = {{ model = "chat" }}
tiers = [["aws"]]
"""


def bedrock(origin: str, model: str) -> str:
    return f'provider = "bedrock"\nregion = "{REGION}"\nbase_url = "{origin}"\nmodels.chat = {{ name = "{model}" }}'


def sagemaker(origin: str, model: str) -> str:
    return f'provider = "sagemaker"\ncontainer = "openai"\nregion = "{REGION}"\nbase_url = "{origin}"\nmodels.chat = {{ name = "{model}" }}'


def headers_of(received: dict) -> dict[str, str]:
    assert len({name for name, _ in received["headers"]}) == len(received["headers"]), "no header came twice"
    return dict(received["headers"])


def signed_again(monkeypatch, received: dict, secret: str, session_token: str | None = None) -> str:
    """The signature that botocore computes for this request at the moment it was signed."""
    headers = headers_of(received)
    key_id, _, region, service, signed, _ = AUTHORIZATION.fullmatch(headers["authorization"]).groups()
    moment = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: moment)
    names = set(signed.split(";"))
    # What botocore adds itself must have been signed by the gateway too.
    kept = {name: value for name, value in headers.items() if name in names - {"x-amz-date", "x-amz-security-token"}}
    request = botocore.awsrequest.AWSRequest(
        received["method"], f"http://{headers['host']}{received['path']}", headers=kept, data=received["body"].encode()
    )
    credentials = botocore.credentials.Credentials(key_id, secret, session_token)
    botocore.auth.SigV4Auth(credentials, service, region).add_auth(request)
    assert AUTHORIZATION.fullmatch(request.headers["Authorization"])[5] == signed, "the same headers are signed"
    return AUTHORIZATION.fullmatch(request.headers["Authorization"])[6]


def signature_of(received: dict) -> str:
    return AUTHORIZATION.fullmatch(headers_of(received)["authorization"])[6]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (bedrock, "us.anthropic.claude-sim-v1:0"),
        (bedrock, ARN),
        (sagemaker, "chat-endpoint"),
        (sagemaker, "chat-endpoint-ic/component-1"),
    ],
    ids=["converse", "arn", "sagemaker", "component"],
)
def test_botocore_signs_the_same(monkeypatch, start_cloud, start_gateway, provider, model, stream):
    endpoint = model.partition("/")[0] if provider is sagemaker else model
    cloud = start_cloud("aws", chat=[endpoint])
    client = start_gateway(policy(provider(cloud.origin, model)), environment={"AWS_SECRET_OF_SIM": "sim-secret-key"}).client()
    # Letters that every encoding writes differently.
    ask = [{"role": "user", "content": f"{QUESTION} Größe, 風, ~/*%2F"}]
    answer = client.chat.completions.create(model="chat", messages=ask, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices) == ANSWER
    else:
        assert answer.choices[0].message.content == ANSWER
    [received] = cloud.requests()
    assert signature_of(received) == signed_again(monkeypatch, received, "sim-secret-key")


# moto in place of the account's own services.


@pytest.fixture
def moto(ending, tmp_path) -> Moto:
    moto = Moto(tmp_path)
    ending.callback(moto.kill)
    return moto.launch()


def test_a_role_is_assumed_and_its_key_signs(moto, start_cloud, start_gateway):
    cloud = start_cloud("aws", key="")
    role = f'assume_role = {{ role_arn = "{ROLE}", session_name = "gateway" }}, sts_url = "{moto.url}"'
    backend = policy(bedrock(cloud.origin, "sim-chat"), f'{{ kind = "aws", {KEYS}, {role} }}')
    client = start_gateway(backend, environment={"AWS_SECRET_OF_SIM": "sim-secret-key"}).client()
    for _ in range(2):
        assert client.chat.completions.create(model="chat", messages=ASK).choices[0].message.content == ANSWER
    seen = [headers_of(received) for received in cloud.requests()]
    [key_id] = {AUTHORIZATION.fullmatch(headers["authorization"])[1] for headers in seen}
    [session_token] = {headers["x-amz-security-token"] for headers in seen}
    # Only who assumed the role is told that this key is the role's.
    identity = moto.client("sts", key_id, session_token).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/inference/gateway"


def test_a_web_identity_is_exchanged_for_a_role(moto, start_cloud, start_gateway, tmp_path):
    cloud = start_cloud("aws", key="")
    token = tmp_path / "token"
    token.write_text("eyJhbGciOiJub25lIn0.e30.")
    source = f'source = "web-identity", token_file = "{token}", role_arn = "{ROLE}", sts_url = "{moto.url}"'
    backend = policy(bedrock(cloud.origin, "sim-chat"), f'{{ kind = "aws", {source} }}')
    client = start_gateway(backend).client()
    assert client.chat.completions.create(model="chat", messages=ASK).choices[0].message.content == ANSWER
    [received] = cloud.requests()
    headers = headers_of(received)
    key_id = AUTHORIZATION.fullmatch(headers["authorization"])[1]
    identity = moto.client("sts", key_id, headers["x-amz-security-token"]).get_caller_identity()
    assert identity["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/inference/")


@pytest.mark.parametrize(("kept", "place"), [(KEY, "upstream-key"), (json.dumps({"key": KEY}), "upstream-key#key")], ids=["text", "member"])
def test_an_upstream_key_is_kept_in_secrets_manager(moto, start_cloud, start_gateway, kept, place):
    moto.client("secretsmanager").create_secret(Name="upstream-key", SecretString=kept)
    cloud = start_cloud("openai")
    backend = f"""version = 1

[tenant.acme]
allow = ["*"]

[backend.openai]
provider = "openai"
base_url = "{cloud.origin}/v1"
secret = "aws-sm:{place}"
models.chat = {{ name = "sim-chat" }}

[[route]]
name = "chat"
match = {{ model = "chat" }}
tiers = [["openai"]]
"""
    account = {"AWS_ACCESS_KEY_ID": "AKIAOWNER", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": REGION}
    client = start_gateway(backend, environment={**account, "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.url}).client()
    assert client.chat.completions.create(model="chat", messages=ASK).choices[0].message.content == ANSWER
    [received] = cloud.requests()
    assert headers_of(received)["authorization"] == f"Bearer {KEY}"


def test_a_secret_that_is_not_there_is_the_operators_fault(moto, start_cloud, start_gateway):
    cloud = start_cloud("openai")
    backend = policy(f'provider = "openai"\nbase_url = "{cloud.origin}/v1"\nmodels.chat = {{ name = "sim-chat" }}')
    backend = backend.replace(f'credential = {{ kind = "aws", {KEYS} }}', 'secret = "aws-sm:missing"')
    account = {"AWS_ACCESS_KEY_ID": "AKIAOWNER", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": REGION}
    client = start_gateway(backend, environment={**account, "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.url}).client()
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="chat", messages=ASK)
    assert "missing" not in caught.value.message, "the caller is not told where secrets lie"
    assert not cloud.requests()


def test_moto_s_sagemaker_answers_through_the_gateway(moto, start_gateway):
    moto.answer_next_invocation(
        json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": "any",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 6, "completion_tokens": 7, "total_tokens": 13},
            }
        )
    )
    client = start_gateway(policy(sagemaker(moto.url, "chat-endpoint")), environment={"AWS_SECRET_OF_SIM": "any"}).client()
    assert client.chat.completions.create(model="chat", messages=ASK).choices[0].message.content == ANSWER
