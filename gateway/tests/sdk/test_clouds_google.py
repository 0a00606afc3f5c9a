"""Google's own SDK against the simulated Google: Gemini at both addresses, Claude on Vertex AI, and whoever hands out tokens."""

from __future__ import annotations

import json

import anthropic
import google.auth
import google.auth.identity_pool
import google.auth.transport.requests
import google.oauth2.credentials
import httpx
import pytest
from google import genai
from google.genai import errors, types

from harness.cloud import KEY
from harness.scene import ANSWER, FORECAST, PIXEL, QUESTION, SEEN, WEATHER, WEATHER_ARGUMENTS, is_forecast, quotes

OLD, NEW, CLAUDE, EMBED = "gemini-2.5-sim", "gemini-3-sim", "claude-sim@20260101", "gemini-embedding-001"
PROJECT, LOCATION = "sim-project", "us-central1"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
WEATHER_TOOL = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", description="Tells it.", parameters_json_schema=WEATHER)])


@pytest.fixture
def cloud(start_cloud):
    return start_cloud("google", chat=[OLD, NEW, CLAUDE], embed=[EMBED])


def studio(cloud, key: str = KEY) -> genai.Client:
    return genai.Client(api_key=key, vertexai=False, http_options=types.HttpOptions(base_url=cloud.origin))


def vertex(cloud, token: str = KEY) -> genai.Client:
    credentials = google.oauth2.credentials.Credentials(token)
    options = types.HttpOptions(base_url=cloud.origin, api_version="v1")
    return genai.Client(vertexai=True, project=PROJECT, location=LOCATION, credentials=credentials, http_options=options)


@pytest.fixture(params=[studio, vertex], ids=["studio", "vertex"])
def client(request, cloud, monkeypatch) -> genai.Client:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return request.param(cloud)


def test_the_sdk_reads_an_answer_and_its_usage(client):
    config = types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=64, seed=7)
    answer = client.models.generate_content(model=OLD, contents=QUESTION, config=config)
    assert answer.text == ANSWER
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count


def test_the_sdk_reads_a_stream(client):
    chunks = list(client.models.generate_content_stream(model=OLD, contents=QUESTION))
    assert "".join(chunk.text for chunk in chunks) == ANSWER
    assert len(chunks) == 7
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_several_candidates_are_several(client):
    answer = client.models.generate_content(model=OLD, contents=QUESTION, config=types.GenerateContentConfig(candidate_count=2))
    assert [candidate.content.parts[0].text for candidate in answer.candidates] == [ANSWER, ANSWER]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools_go_round_and_signatures_come_back(client, stream):
    config = types.GenerateContentConfig(tools=[WEATHER_TOOL], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))
    question = types.Content(role="user", parts=[types.Part(text="How is the weather, in both cities?")])
    if stream:
        chunks = client.models.generate_content_stream(model=NEW, contents=[question], config=config)
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    else:
        parts = client.models.generate_content(model=NEW, contents=[question], config=config).candidates[0].content.parts
    assert [(part.function_call.name, part.function_call.args) for part in parts] == [("weather", WEATHER_ARGUMENTS)] * 2
    assert parts[0].thought_signature and not parts[1].thought_signature

    results = [
        types.Part(function_response=types.FunctionResponse(id=part.function_call.id, name="weather", response={"result": f"sun {n}"}))
        for n, part in enumerate(parts)
    ]
    history = [question, types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]
    assert quotes(client.models.generate_content(model=NEW, contents=history, config=config).text, "sun 0", "sun 1")
    parts[0].thought_signature = None
    with pytest.raises(errors.ClientError, match="thought_signature"):
        client.models.generate_content(model=NEW, contents=history, config=config)
    # Models before the third generation do not ask for it.
    client.models.generate_content(model=OLD, contents=history, config=config)
    history[2].parts.pop()
    with pytest.raises(errors.ClientError, match="number of function response parts"):
        client.models.generate_content(model=OLD, contents=history, config=config)


def test_a_forced_function_is_called(client):
    calling = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["weather"])
    config = types.GenerateContentConfig(tools=[WEATHER_TOOL], tool_config=types.ToolConfig(function_calling_config=calling))
    assert client.models.generate_content(model=OLD, contents=QUESTION, config=config).function_calls[0].name == "weather"
    calling.mode, calling.allowed_function_names = "NONE", None
    assert client.models.generate_content(model=OLD, contents=QUESTION, config=config).text == ANSWER


def test_images_and_schemas_reach_the_model(client):
    image = types.Part.from_bytes(data=PIXEL, mime_type="image/png")
    assert client.models.generate_content(model=OLD, contents=["What is it?", image]).text == SEEN
    as_json = {"response_mime_type": "application/json"}
    config = types.GenerateContentConfig(**as_json, response_json_schema=FORECAST)
    assert is_forecast(client.models.generate_content(model=OLD, contents=QUESTION, config=config).text)
    answer = client.models.generate_content(model=OLD, contents=QUESTION, config=types.GenerateContentConfig(**as_json))
    assert isinstance(json.loads(answer.text), dict)


def test_thoughts_are_told_when_asked_for(client):
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024))
    answer = client.models.generate_content(model=OLD, contents=QUESTION, config=config)
    thought, text = answer.candidates[0].content.parts
    assert thought.thought and text.text == ANSWER
    assert answer.usage_metadata.thoughts_token_count == 5


def test_the_ways_an_answer_ends(client):
    def finish(text=QUESTION, **config):
        return client.models.generate_content(model=OLD, contents=text, config=types.GenerateContentConfig(**config))

    assert finish(max_output_tokens=2).candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert finish(stop_sequences=["from"]).text == "The wind blows "
    blocked = finish("a forbidden thing")
    assert not blocked.candidates and blocked.prompt_feedback.block_reason == types.BlockedReason.SAFETY


def test_texts_are_embedded(client):
    answer = client.models.embed_content(model=EMBED, contents=["one", "two words"], config=types.EmbedContentConfig(output_dimensionality=4))
    assert [len(embedding.values) for embedding in answer.embeddings] == [4, 4]


def test_tokens_are_counted(client):
    assert client.models.count_tokens(model=OLD, contents="three short words").total_tokens == 3


def test_errors_are_of_the_sdks_own_classes(cloud, client):
    for status, kind in {429: errors.ClientError, 404: errors.ClientError, 500: errors.ServerError, 503: errors.ServerError}.items():
        cloud.script({"reply": "status", "status": status})
        with pytest.raises(kind) as error:
            client.models.generate_content(model=OLD, contents=QUESTION)
        assert error.value.code == status
    cloud.script({"reply": "rate_limited", "seconds": 30})
    with pytest.raises(errors.ClientError) as error:
        client.models.generate_content(model=OLD, contents=QUESTION)
    assert error.value.status == "RESOURCE_EXHAUSTED"
    assert error.value.details["error"]["details"][1]["retryDelay"] == "30s"
    with pytest.raises(errors.ClientError) as error:
        client.models.generate_content(model="another", contents=QUESTION)
    assert error.value.status == "NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"contents": [{"role": "user", "parts": [{"text": "a"}]}], "temperature": 1}, 'Unknown name "temperature"'),
        ({"contents": [{"role": "user", "parts": [{"text": "a", "foo": 1}]}]}, r"Unknown name \"foo\" at 'contents\[0\].parts\[0\]'"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}, "valid role"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "user", "parts": [{}]}]}, "oneof field 'data'"),
        ({"contents": [{"role": "user", "parts": [{"text": "a"}]}], "generationConfig": {"temperature": 3}}, "range"),
        ({"contents": [{"role": "user", "parts": [{"text": "a"}]}], "generationConfig": {"responseJsonSchema": {}}}, "response_mime_type"),
    ],
)
def test_what_gemini_refuses_is_refused(cloud, body, complaint):
    answer = httpx.post(f"{cloud.origin}/v1beta/models/{OLD}:generateContent", json=body, headers={"x-goog-api-key": KEY}, trust_env=False)
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    with pytest.raises(AssertionError, match=complaint):
        raise AssertionError(error["message"])


def test_only_ai_studio_knows_ids_of_calls(cloud):
    call = {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "f", "args": {}}}]}
    result = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "x"}}}]}
    body = {"contents": [{"role": "user", "parts": [{"text": "a"}]}, call, result]}
    path = f"/v1/projects/{PROJECT}/locations/{LOCATION}/publishers/google/models/{OLD}:generateContent"
    refused = httpx.post(cloud.origin + path, json=body, headers={"authorization": f"Bearer {KEY}"}, trust_env=False)
    assert refused.status_code == 400 and 'Unknown name "id"' in refused.json()["error"]["message"]
    path = f"/v1beta/models/{OLD}:generateContent"
    assert httpx.post(cloud.origin + path, json=body, headers={"x-goog-api-key": KEY}, trust_env=False).is_success


def test_a_stream_without_events_is_one_array(cloud):
    body = {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
    path = f"/v1beta/models/{OLD}:streamGenerateContent"
    chunks = httpx.post(cloud.origin + path, json=body, headers={"x-goog-api-key": KEY}, trust_env=False).json()
    assert "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks) == ANSWER


def test_a_wrong_credential_is_told_as_each_surface_tells_it(cloud):
    clients = studio(cloud, key="another"), vertex(cloud, token="another")
    with pytest.raises(errors.ClientError) as error:
        clients[0].models.generate_content(model=OLD, contents=QUESTION)
    assert (error.value.code, error.value.details["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    with pytest.raises(Exception, match="401|UNAUTHENTICATED|refresh"):
        clients[1].models.generate_content(model=OLD, contents=QUESTION)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropics_sdk_reads_claude_on_vertex(cloud, stream):
    base_url = f"{cloud.origin}/v1"
    client = anthropic.AnthropicVertex(project_id=PROJECT, region=LOCATION, access_token=KEY, base_url=base_url, max_retries=0)
    request = {"model": CLAUDE, "max_tokens": 64, "messages": [{"role": "user", "content": QUESTION}]}
    if stream:
        with client.messages.stream(**request) as events:
            assert events.get_final_text() == ANSWER
    else:
        assert client.messages.create(**request).content[0].text == ANSWER


# Tokens, as google-auth gets them.


@pytest.fixture
def key_file(cloud, tmp_path):
    """A service account's key, as the console hands it out."""
    key = httpx.post(f"{cloud.origin}/console/service-account-keys", trust_env=False).json()
    (tmp_path / "key.json").write_text(json.dumps(key))
    return tmp_path / "key.json"


def token_of(file) -> str:
    credentials, _ = google.auth.load_credentials_from_file(str(file), scopes=SCOPES)
    credentials.refresh(google.auth.transport.requests.Request())
    return credentials.token


def is_good(cloud, token: str) -> bool:
    # Kept by name: a client that is forgotten closes its connections.
    client = vertex(cloud, token)
    return client.models.generate_content(model=OLD, contents=QUESTION).text == ANSWER


def test_a_service_account_gets_a_token_that_is_good(cloud, key_file):
    assert is_good(cloud, token_of(key_file))


def test_a_key_of_somebody_else_gets_none(cloud, key_file):
    key = json.loads(key_file.read_text())
    other = httpx.post(f"{cloud.origin}/console/service-account-keys", trust_env=False).json()
    key_file.write_text(json.dumps({**key, "private_key": other["private_key"]}))
    with pytest.raises(google.auth.exceptions.RefreshError, match="Invalid JWT Signature"):
        token_of(key_file)


def test_a_user_gets_a_token_that_is_good(cloud):
    user = {"client_id": "sim-client", "client_secret": "sim-secret", "refresh_token": "sim-refresh-token"}
    credentials = google.oauth2.credentials.Credentials(None, **user, token_uri=f"{cloud.origin}/token")
    credentials.refresh(google.auth.transport.requests.Request())
    assert is_good(cloud, credentials.token)


def exchanged(external: dict) -> str:
    credentials = google.auth.identity_pool.Credentials.from_info(external, scopes=SCOPES)
    credentials.refresh(google.auth.transport.requests.Request())
    return credentials.token


def test_a_foreign_token_is_exchanged_and_speaks_for_an_account(cloud, tmp_path, key_file):
    (tmp_path / "subject").write_text(token_of(key_file))
    external = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.origin}/v1/token",
        "credential_source": {"file": str(tmp_path / "subject")},
    }
    assert is_good(cloud, exchanged(external))
    account = f"{cloud.origin}/v1/projects/-/serviceAccounts/sim@sim-project.iam.gserviceaccount.com:generateAccessToken"
    assert is_good(cloud, exchanged({**external, "service_account_impersonation_url": account}))
    (tmp_path / "subject").write_text("forged")
    with pytest.raises(google.auth.exceptions.OAuthError):
        exchanged(external)


def test_the_metadata_server_gives_a_token_that_is_good(cloud):
    url = f"{cloud.origin}/computeMetadata/v1/instance/service-accounts/default/token"
    assert httpx.get(url, trust_env=False).status_code == 403
    answer = httpx.get(url, headers={"metadata-flavor": "Google"}, trust_env=False)
    assert answer.headers["metadata-flavor"] == "Google"
    assert is_good(cloud, answer.json()["access_token"])


def test_secrets_are_told_to_those_with_a_token(cloud):
    url = f"{cloud.origin}/v1/projects/{PROJECT}/secrets/sim-secret/versions/latest:access"
    assert httpx.get(url, trust_env=False).status_code == 401
    answer = httpx.get(url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False).json()
    assert answer["payload"]["data"] == "c2stc2lt"
