"""The SDKs of Azure and OpenAI against the simulated Azure: deployments by date and by version 1, model inference, and Entra ID."""

from __future__ import annotations

import base64

import httpx
import openai
import pytest
from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from harness.cloud import KEY
from harness.scene import ANSWER, FORECAST, PIXEL, QUESTION, SEEN, WEATHER, is_forecast, quotes

MODEL = "sim-chat"
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER}}]


@pytest.fixture
def cloud(start_cloud):
    return start_cloud("azure")


def dated(cloud, **credential):
    return openai.AzureOpenAI(azure_endpoint=cloud.origin, api_version="2024-10-21", max_retries=0, **(credential or {"api_key": KEY}))


def version_1(cloud):
    return openai.OpenAI(base_url=f"{cloud.origin}/openai/v1", api_key=KEY, max_retries=0)


@pytest.fixture(params=[dated, version_1])
def client(request, cloud):
    return request.param(cloud)


def ask(client, content=QUESTION, **parameters):
    return client.chat.completions.create(**{"model": MODEL, "messages": [{"role": "user", "content": content}], **parameters})


def test_the_sdk_reads_an_answer_and_a_stream(client):
    assert ask(client).choices[0].message.content == ANSWER
    chunks = list(ask(client, stream=True))
    # The first chunk has no choice, only what the filter found in the prompt.
    assert not chunks[0].choices
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER


def test_tools_images_and_schemas_reach_the_model(client):
    first = {"role": "user", "content": "How is the weather, in both cities?"}
    message = ask(client, messages=[first], tools=TOOLS).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"sun {n}"} for n, call in enumerate(message.tool_calls)]
    history = [first, message.to_dict(), *results]
    assert quotes(ask(client, messages=history, tools=TOOLS).choices[0].message.content, "sun 0", "sun 1")
    url = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    assert ask(client, [{"type": "image_url", "image_url": {"url": url}}]).choices[0].message.content == SEEN
    form = {"type": "json_schema", "json_schema": {"name": "forecast", "schema": FORECAST, "strict": True}}
    assert is_forecast(ask(client, response_format=form).choices[0].message.content)


def test_texts_are_embedded(client):
    assert len(client.embeddings.create(model="sim-embed", input=["a", "b"]).data) == 2


def test_a_filtered_prompt_is_a_bad_request(client):
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, "a forbidden thing")
    assert error.value.code == "content_filter"


def test_errors_are_of_the_sdks_own_classes(cloud, client):
    with pytest.raises(openai.NotFoundError):
        ask(client, model="another")
    cloud.script({"reply": "rate_limited", "seconds": 5})
    with pytest.raises(openai.RateLimitError) as error:
        ask(client)
    assert error.value.response.headers["retry-after"] == "5"
    cloud.script({"reply": "status", "status": 503})
    with pytest.raises(openai.InternalServerError):
        ask(client)
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="another"))


def test_a_token_of_entra_is_good(cloud):
    form = {
        "grant_type": "client_credentials",
        "client_id": "sim-client",
        "client_secret": "sim-secret",
        "scope": "https://cognitiveservices.azure.com/.default",
    }
    answer = httpx.post(f"{cloud.origin}/sim-tenant/oauth2/v2.0/token", data=form, trust_env=False).raise_for_status().json()
    assert ask(dated(cloud, azure_ad_token=answer["access_token"])).choices[0].message.content == ANSWER
    with pytest.raises(openai.AuthenticationError):
        ask(dated(cloud, azure_ad_token="forged"))


def test_azures_sdk_reads_the_model_inference_api(cloud):
    credential = AzureKeyCredential(KEY)
    # The SDK takes an endpoint of Foundry; `/models` is its path.
    client = ChatCompletionsClient(f"{cloud.origin}/models", credential)
    messages = [{"role": "user", "content": QUESTION}]
    assert client.complete(model=MODEL, messages=messages).choices[0].message.content == ANSWER
    pieces = [update.choices[0].delta.content or "" for update in client.complete(model=MODEL, messages=messages, stream=True) if update.choices]
    assert "".join(pieces) == ANSWER
    assert len(EmbeddingsClient(f"{cloud.origin}/models", credential).embed(model="sim-embed", input=["a", "b"]).data) == 2
    with pytest.raises(HttpResponseError) as error:
        ChatCompletionsClient(f"{cloud.origin}/models", AzureKeyCredential("another")).complete(model=MODEL, messages=messages)
    assert error.value.status_code == 401
