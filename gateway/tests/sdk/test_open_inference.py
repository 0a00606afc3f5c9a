"""The Open Inference Protocol, asked by NVIDIA's own client: vectors, personal data, and what is refused."""

import numpy
import pytest
from tritonclient.http import InferInput, InferRequestedOutput, aio
from tritonclient.utils import InferenceServerException

from harness.gateway import Gateway

POLICY = """
version = 1

[backend.here]
provider = "local"
models.vectors = { name = "all-minilm-l6-v2", operations = ["embeddings", "infer"] }
models.personal-data = { name = "rampart-pii", operations = ["infer"] }

[[route]]
name = "vectors"
match = { model = "vectors" }
tiers = [["here"]]

[[route]]
name = "personal-data"
match = { model = "personal-data" }
tiers = [["here"]]
"""
TEXT = "☎ Zoë's number is 415-555-0132, and her e-mail is zoe@example.com."

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """A gateway whose local models read texts."""
    gateway = Gateway(tmp_path_factory.mktemp("readers"), POLICY)
    try:
        yield gateway.launch()
    finally:
        gateway.stop()


def triton(gateway):
    return aio.InferenceServerClient(f"127.0.0.1:{gateway.port}", ssl=True, ssl_context=gateway.tls())


def headers(gateway, model="*"):
    return {"authorization": f"Bearer {gateway.token(model=model)}"}


def texts(*values):
    tensor = InferInput("text", [len(values)], "BYTES")
    tensor.set_data_from_numpy(numpy.array(values, dtype=object), binary_data=False)
    return [tensor]


def outputs(*names):
    return [InferRequestedOutput(name, binary_data=False) for name in names]


async def test_the_server_and_its_models_introduce_themselves(readers):
    async with triton(readers) as client:
        known = headers(readers)
        assert await client.is_server_live(headers=known)
        assert await client.is_server_ready(headers=known)
        assert await client.is_model_ready("vectors", headers=known)
        assert (await client.get_server_metadata(headers=known))["name"] == "tradewind"
        metadata = await client.get_model_metadata("vectors", headers=known)
        assert metadata["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, 384]}]


async def test_vectors_are_those_of_the_embeddings_api(readers):
    sentences = ["A cat sleeps on the sofa.", "The wind blows from the east."]
    async with triton(readers) as client:
        answer = await client.infer("vectors", texts(*sentences), outputs=outputs("embedding"), headers=headers(readers))
    vectors = answer.as_numpy("embedding")
    assert vectors.shape == (2, 384)
    embeddings = readers.client().embeddings.create(model="vectors", input=sentences)
    for vector, item in zip(vectors, embeddings.data, strict=True):
        assert vector == pytest.approx(item.embedding, abs=1e-5)


async def test_personal_data_are_found_where_they_stand(readers):
    async with triton(readers) as client:
        answer = await client.infer("personal-data", texts("The sky is blue.", TEXT), headers=headers(readers), request_id="7")
    columns = [answer.as_numpy(name) for name in ("text_index", "label", "start", "end")]
    found = {(label, TEXT[start:end]) for index, label, start, end in zip(*columns, strict=True) if index == 1}
    assert {("PHONE", "415-555-0132"), ("GIVEN_NAME", "Zoë")} <= found
    # Of the address the model itself names some parts only.
    assert "EMAIL" in {label for label, _ in found}
    assert 0 not in columns[0]
    assert answer.get_response()["id"] == "7"


async def test_refusals_say_what_is_wrong_and_are_recorded(readers):
    image = InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(numpy.array(["x"], dtype=object), binary_data=False)
    binary = InferInput("text", [1], "BYTES")
    binary.set_data_from_numpy(numpy.array(["x"], dtype=object))
    async with triton(readers) as client:
        for inputs, grant, status, part in [
            ([image], "*", "400", "`image`; accepted: text"),
            ([binary], "*", "415", "binary_data=False"),
            (texts("x"), "vectors", "403", "not allowed to use model 'personal-data'"),
        ]:
            with pytest.raises(InferenceServerException, match=part) as refused:
                await client.infer("personal-data", inputs, headers=headers(readers, grant))
            assert refused.value.status() == status
    last = readers.records()[-1]
    assert (last["decision"], last["operation"], last["model"]) == ("denied", "infer", "personal-data")
