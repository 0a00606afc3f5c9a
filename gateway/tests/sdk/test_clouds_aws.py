"""AWS's own SDK against the simulated AWS: what boto3 signs is accepted, and what is answered its parsers read."""

from __future__ import annotations

import io
import json

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import pytest

from harness.cloud import KEY
from harness.scene import ANSWER, FORECAST, PIXEL, QUESTION, SEEN, WEATHER, WEATHER_ARGUMENTS, is_forecast, quotes

CLAUDE = "us.anthropic.claude-sim-v1:0"
TITAN, COHERE, NOVA = "amazon.titan-embed-text-v2:0", "cohere.embed-v4:0", "amazon.nova-2-multimodal-embeddings-v1:0"
ENDPOINTS = ["chat-endpoint", "tgi-endpoint", "lmi-endpoint"]
RERANK = "amazon.rerank-v1:0"
TOOLS = {"tools": [{"toolSpec": {"name": "weather", "description": "Tells it.", "inputSchema": {"json": WEATHER}}}]}


@pytest.fixture
def aws(start_cloud):
    return start_cloud("aws", chat=[CLAUDE, *ENDPOINTS], embed=[TITAN, COHERE, NOVA, "tei-endpoint"], rerank=[RERANK])


@pytest.fixture
def client(aws):
    """`client(service)`: boto3 with the account's own key; its own retries and its own checks are off."""

    def make(service: str, **credential):
        credential = credential or {"aws_access_key_id": "AKIASIM", "aws_secret_access_key": "sim-secret-key"}
        config = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False, proxies={})
        return boto3.client(service, region_name="us-east-1", endpoint_url=aws.origin, config=config, **credential)

    return make


@pytest.fixture
def bedrock(client):
    return client("bedrock-runtime")


def user(*blocks) -> dict:
    return {"role": "user", "content": [block if isinstance(block, dict) else {"text": block} for block in blocks]}


def refused(error) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def streamed(answer) -> dict:
    """A stream put together again, as blocks."""
    blocks: dict[int, dict] = {}
    whole = {"blocks": blocks}
    for event in answer["stream"]:
        [(kind, payload)] = event.items()
        if kind == "contentBlockStart":
            blocks[payload["contentBlockIndex"]] = {**payload["start"]["toolUse"], "input": ""}
        elif kind == "contentBlockDelta":
            block, delta = blocks.setdefault(payload["contentBlockIndex"], {}), payload["delta"]
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            elif "toolUse" in delta:
                block["input"] += delta["toolUse"]["input"]
            else:
                for name, value in delta["reasoningContent"].items():
                    block[name] = block.get(name, "") + value
        elif kind in ("messageStop", "metadata"):
            whole.update(payload)
    return whole


def test_boto3_reads_an_answer_and_its_usage(bedrock):
    answer = bedrock.converse(modelId=CLAUDE, system=[{"text": "Be brief."}], messages=[user(QUESTION)], inferenceConfig={"maxTokens": 64, "temperature": 0.5})
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": ANSWER}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + answer["usage"]["outputTokens"] > 0


def test_boto3_reads_a_stream(bedrock):
    whole = streamed(bedrock.converse_stream(modelId=CLAUDE, messages=[user(QUESTION)]))
    assert whole["blocks"] == {0: {"text": ANSWER}}
    assert whole["stopReason"] == "end_turn"
    assert whole["usage"]["outputTokens"] == 7


def test_a_model_named_by_its_arn_is_one_segment_of_the_path(start_cloud, tmp_path):
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"
    cloud = start_cloud("aws", chat=[arn])
    bedrock = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=cloud.origin, aws_access_key_id="AKIASIM", aws_secret_access_key="sim-secret-key")
    assert bedrock.converse(modelId=arn, messages=[user(QUESTION)])["output"]["message"]["content"] == [{"text": ANSWER}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools_go_round(bedrock, stream):
    first = user("How is the weather, in both cities?")
    if stream:
        whole = streamed(bedrock.converse_stream(modelId=CLAUDE, messages=[first], toolConfig=TOOLS))
        assert whole["stopReason"] == "tool_use"
        calls = [{**block, "input": json.loads(block["input"])} for _, block in sorted(whole["blocks"].items())]
        content = [{"toolUse": call} for call in calls]
    else:
        answer = bedrock.converse(modelId=CLAUDE, messages=[first], toolConfig=TOOLS)
        assert answer["stopReason"] == "tool_use"
        content = answer["output"]["message"]["content"]
        calls = [block["toolUse"] for block in content]
    assert [(call["name"], call["input"]) for call in calls] == [("weather", WEATHER_ARGUMENTS)] * 2
    results = [{"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": f"sun {n}"}]}} for n, call in enumerate(calls)]
    answer = bedrock.converse(modelId=CLAUDE, messages=[first, {"role": "assistant", "content": content}, user(*results)], toolConfig=TOOLS)
    assert quotes(answer["output"]["message"]["content"][0]["text"], "sun 0", "sun 1")


def test_images_and_schemas_reach_the_model(bedrock):
    image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    assert bedrock.converse(modelId=CLAUDE, messages=[user("What is it?", image)])["output"]["message"]["content"] == [{"text": SEEN}]
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "forecast", "schema": json.dumps(FORECAST)}}}}
    answer = bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)], outputConfig=form)
    assert is_forecast(answer["output"]["message"]["content"][0]["text"])


def test_thoughts_are_signed_and_an_altered_one_is_refused(bedrock):
    thinking = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "inferenceConfig": {"maxTokens": 4096}}
    answer = bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)], **thinking)
    message = answer["output"]["message"]
    thought, text = message["content"]
    assert thought["reasoningContent"]["reasoningText"]["signature"] and text == {"text": ANSWER}
    whole = streamed(bedrock.converse_stream(modelId=CLAUDE, messages=[user(QUESTION)], **thinking))
    assert whole["blocks"][0] == thought["reasoningContent"]["reasoningText"]

    again = [user(QUESTION), message, user("And why?")]
    bedrock.converse(modelId=CLAUDE, messages=again, **thinking)
    thought["reasoningContent"]["reasoningText"]["text"] += "!"
    with pytest.raises(bedrock.exceptions.ValidationException, match="signature"):
        bedrock.converse(modelId=CLAUDE, messages=again, **thinking)


def test_the_ways_an_answer_ends(bedrock):
    def reason(text=QUESTION, **config):
        return bedrock.converse(modelId=CLAUDE, messages=[user(text)], inferenceConfig=config)["stopReason"]

    assert reason(maxTokens=2) == "max_tokens"
    assert reason(stopSequences=["from"]) == "stop_sequence"
    assert reason("a forbidden thing") == "content_filtered"


def test_what_is_cached_is_not_counted_as_input(bedrock):
    long = "word " * 40
    usage = bedrock.converse(modelId=CLAUDE, messages=[user(long, {"cachePoint": {"type": "default"}})])["usage"]
    assert usage["cacheReadInputTokens"] == 20 and usage["cacheWriteInputTokens"] == 10 and usage["inputTokens"] == 10


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        ({"messages": [user(QUESTION)], "temperature": 1}, r"extraneous key \[temperature\]"),
        ({"messages": [user("")]}, "blank"),
        ({"messages": [user("a"), user("b")]}, "alternate"),
        ({"messages": [user("a"), {"role": "assistant", "content": [{"text": "b"}]}]}, "prefill"),
        ({"messages": [user("a")], "inferenceConfig": {"temperature": 1.5}}, "between 0 and 1"),
        ({"messages": [user("a")], "toolConfig": {"tools": [{"toolSpec": {"name": "a b", "inputSchema": {"json": WEATHER}}}]}}, "pattern"),
        ({"messages": [user({"toolResult": {"toolUseId": "x", "content": [{"text": "y"}]}})], "toolConfig": TOOLS}, "exceeds the number of toolUse"),
        ({"messages": [user("a"), {"role": "assistant", "content": [{"toolUse": {"toolUseId": "x", "name": "f", "input": {}}}]}, user("b")], "toolConfig": TOOLS}, "Expected toolResult"),
        ({"messages": [user("a"), {"role": "assistant", "content": [{"toolUse": {"toolUseId": "x", "name": "f", "input": {}}}]}, user({"toolResult": {"toolUseId": "x", "content": [{"text": "y"}]}})]}, "toolConfig field must be defined"),
    ],
)
def test_what_bedrock_refuses_is_refused(aws, bedrock, request_, complaint):
    # Sent as it stands: boto3 would leave out what it does not know.
    bedrock.meta.events.register("before-sign.bedrock-runtime.Converse", lambda request, **_: _replace(request, request_))
    with pytest.raises(bedrock.exceptions.ValidationException, match=complaint):
        bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)])


def _replace(request, body: dict) -> None:
    request.data = json.dumps(body).encode()
    if "Content-Length" in request.headers:
        request.headers.replace_header("Content-Length", str(len(request.data)))


def test_bearer_keys_are_accepted_where_they_are_good(bedrock, client, monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    assert client("bedrock-runtime").converse(modelId=CLAUDE, messages=[user(QUESTION)])["stopReason"] == "end_turn"
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "another")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client("bedrock-runtime").converse(modelId=CLAUDE, messages=[user(QUESTION)])
    assert refused(error)[1] == 403


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        ({"aws_access_key_id": "AKIASIM", "aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": "wrong"}, "UnrecognizedClientException"),
        ({"aws_access_key_id": "AKIASIM", "aws_secret_access_key": "sim-secret-key", "aws_session_token": "x"}, "UnrecognizedClientException"),
    ],
)
def test_a_wrong_key_is_forbidden(client, credential, code):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client("bedrock-runtime", **credential).converse(modelId=CLAUDE, messages=[user(QUESTION)])
    assert refused(error) == (code, 403)


def test_errors_are_of_boto3s_own_classes(aws, bedrock):
    def fails(status):
        aws.script({"reply": "status", "status": status})
        with pytest.raises(botocore.exceptions.ClientError) as error:
            bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)])
        return type(error.value).__name__

    names = {408: "ModelTimeoutException", 424: "ModelErrorException", 500: "InternalServerException", 503: "ServiceUnavailableException"}
    assert {status: fails(status) for status in names} == names
    aws.script({"reply": "rate_limited", "seconds": 5})
    with pytest.raises(bedrock.exceptions.ThrottlingException):
        bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)])
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.converse(modelId="another", messages=[user(QUESTION)])


def test_a_stream_can_fail_with_an_exception_or_a_broken_frame(aws, bedrock):
    def dies(**reply):
        aws.script(reply)
        with pytest.raises(Exception) as error:
            streamed(bedrock.converse_stream(modelId=CLAUDE, messages=[user(QUESTION)]))
        return type(error.value).__name__

    assert dies(reply="in_stream_error", events=3) == "EventStreamError"
    assert dies(reply="bad_checksum", events=3) == "ChecksumMismatch"


def test_each_embedding_model_has_a_body_of_its_own(bedrock):
    def invoke(model, body):
        answer = bedrock.invoke_model(modelId=model, body=json.dumps(body), contentType="application/json", accept="application/json")
        return json.load(answer["body"]), answer["ResponseMetadata"]["HTTPHeaders"]

    answer, headers = invoke(TITAN, {"inputText": "two words", "dimensions": 4, "normalize": True})
    assert len(answer["embedding"]) == 4 and answer["inputTextTokenCount"] == 2
    assert headers["x-amzn-bedrock-input-token-count"] == "2"
    answer, _ = invoke(COHERE, {"texts": ["one", "two"], "input_type": "search_document", "embedding_types": ["float"]})
    assert len(answer["embeddings"]["float"]) == 2
    text = {"truncationMode": "END", "value": "two words"}
    answer, _ = invoke(NOVA, {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 8, "text": text}})
    assert len(answer["embeddings"][0]["embedding"]) == 8
    with pytest.raises(bedrock.exceptions.ValidationException, match="extraneous key"):
        invoke(TITAN, {"inputText": "a", "texts": []})


def test_documents_are_ranked(client):
    texts = ["trains and planes", "the wind from the east", "wind"]
    documents = [{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}} for text in texts]
    model = {"modelConfiguration": {"modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{RERANK}"}, "numberOfResults": 2}
    answer = client("bedrock-agent-runtime").rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "east wind"}}],
        sources=documents,
        rerankingConfiguration={"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": model},
    )
    assert [(result["index"], result["relevanceScore"]) for result in answer["results"]] == [(1, 1.0), (2, 0.5)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropics_sdk_reads_claude_on_bedrock(aws, stream):
    client = anthropic.AnthropicBedrock(
        aws_access_key="AKIASIM", aws_secret_key="sim-secret-key", aws_region="us-east-1", base_url=aws.origin, max_retries=0
    )
    request = {"model": CLAUDE, "max_tokens": 64, "messages": [{"role": "user", "content": QUESTION}]}
    if stream:
        events = list(client.messages.create(**request, stream=True))
        assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == ANSWER
    else:
        assert client.messages.create(**request).content[0].text == ANSWER


def body_of(answer) -> bytes:
    """What a container said, from the frames of a stream."""
    return b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])


def test_sagemaker_wraps_containers(client):
    sagemaker = client("sagemaker-runtime")

    def invoke(endpoint, body):
        answer = sagemaker.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body))
        return json.load(answer["Body"])

    def stream(endpoint, body):
        body = json.dumps(body)
        return body_of(sagemaker.invoke_endpoint_with_response_stream(EndpointName=endpoint, ContentType="application/json", Body=body)).decode()

    chat = {"messages": [{"role": "user", "content": QUESTION}]}
    assert invoke("chat-endpoint", chat)["choices"][0]["message"]["content"] == ANSWER
    assert stream("chat-endpoint", {**chat, "stream": True}).endswith("data: [DONE]\n\n")
    native = {"inputs": QUESTION, "parameters": {"max_new_tokens": 64, "details": True}}
    assert invoke("tgi-endpoint", native)[0]["generated_text"] == ANSWER
    events = [json.loads(event.removeprefix("data: ")) for event in stream("tgi-endpoint", {**native, "stream": True}).split("\n\n") if event]
    assert "".join(event["token"]["text"] for event in events if not event["token"]["special"]) == ANSWER == events[-1]["generated_text"]
    lines = [json.loads(line) for line in io.StringIO(stream("lmi-endpoint", {**native, "stream": True}))]
    assert lines[-1]["details"]["finish_reason"] == "eos_token"
    assert len(invoke("tei-endpoint", {"inputs": ["a", "b"]})) == 2


def test_sagemaker_says_what_the_container_said(aws, client):
    sagemaker = client("sagemaker-runtime")

    def fails(body, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            sagemaker.invoke_endpoint(EndpointName="tgi-endpoint", ContentType="application/json", Body=json.dumps(body), **arguments)
        return error

    error = fails({"inputs": "a", "parameters": {"temperature": 0}})
    assert refused(error) == ("ModelError", 424)
    assert error.value.response["OriginalStatusCode"] == 422 and "temperature" in error.value.response["OriginalMessage"]
    assert refused(fails({"inputs": "a"}, InferenceComponentName="x")) == ("ValidationError", 400)
    aws.script({"reply": "status", "status": 503})
    assert refused(fails({"inputs": "a"})) == ("ServiceUnavailable", 503)


def test_a_role_is_assumed_and_its_key_is_good(client):
    sts = client("sts")
    role = {"RoleArn": "arn:aws:iam::123456789012:role/reader", "RoleSessionName": "tests"}
    credentials = sts.assume_role(**role, DurationSeconds=900)["Credentials"]
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey", "aws_session_token": "SessionToken"}
    bedrock = client("bedrock-runtime", **{name: credentials[field] for name, field in names.items()})
    assert bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)])["stopReason"] == "end_turn"
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client("sts").assume_role_with_web_identity(**role, WebIdentityToken="forged")
    assert refused(error) == ("InvalidIdentityToken", 400)


@pytest.mark.parametrize("source", ["instance", "container"])
def test_boto3_finds_credentials_of_the_machine(aws, monkeypatch, tmp_path, source):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    if source == "instance":
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.origin)
    else:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.origin}/v2/credentials/sim")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", KEY)
    bedrock = boto3.Session().client("bedrock-runtime", region_name="us-east-1", endpoint_url=aws.origin)
    assert bedrock.converse(modelId=CLAUDE, messages=[user(QUESTION)])["stopReason"] == "end_turn"


def test_secrets_are_told_to_those_who_sign(client):
    assert client("secretsmanager").get_secret_value(SecretId="sim-secret")["SecretString"] == KEY
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client("secretsmanager").get_secret_value(SecretId="another")
    assert refused(error) == ("ResourceNotFoundException", 400)
