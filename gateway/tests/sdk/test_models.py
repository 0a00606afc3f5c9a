"""The list of models is what the caller may use."""

import openai
import pytest

from harness.openai_schema import check


def names(client):
    listed = client.models.list()
    check("ListModelsResponse", {"object": listed.object, "data": [model.to_dict() for model in listed.data]})
    return {model.id for model in listed.data}


def test_the_list_names_the_local_models(client):
    assert {"smollm2-135m-instruct", "all-minilm-l6-v2"} <= names(client)


def test_the_list_leaves_out_what_the_token_does_not_allow(local):
    listed = names(local.client(local.token(model="all-minilm-*")))
    assert "all-minilm-l6-v2" in listed
    assert "smollm2-135m-instruct" not in listed


def test_the_list_is_for_callers_with_a_token_only(local):
    with pytest.raises(openai.AuthenticationError):
        local.client("not-a-token").models.list()
