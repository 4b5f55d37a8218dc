"""The public API over the real server: three endpoints, errors as errors, selves that differ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.front.running import RunningApp

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(app: RunningApp) -> Client:
    return Client(app.url, verbose=False)


def test_these_endpoints_and_no_others(client: Client) -> None:
    api: dict[str, Any] = client.view_api(return_format="dict")  # type: ignore[assignment]
    assert set(api["named_endpoints"]) == {"/chat", "/adapters", "/collections"}
    assert not api["unnamed_endpoints"]


def test_collections_are_the_samples(client: Client) -> None:
    found = {row["name"]: row for row in client.predict(api_name="/collections")}
    assert {"recipes", "handbook"} <= set(found)
    assert found["recipes"]["documents"] >= 80
    assert found["recipes"]["passages"] >= found["recipes"]["documents"]


def test_adapters_are_listed_with_their_state(client: Client) -> None:
    rows = client.predict(api_name="/adapters")
    assert len([row for row in rows if row["valid"] and row["shipped"]]) == 3
    assert all(row["title"]["zh"] and row["title"]["en"] for row in rows)


def test_an_answer_with_sources(client: Client) -> None:
    result = client.predict("清蒸鲈鱼要蒸多久？", "", "recipes", api_name="/chat")
    assert {"answer", "adapter", "sources", "refused", "usage", "timings"} <= set(result)
    assert result["sources"][0]["document"] == "清蒸鲈鱼.md"
    assert result["usage"]["output_tokens"] > 0


def test_an_answer_from_chosen_documents(client: Client) -> None:
    asked = {"adapter": "", "collection": "recipes", "api_name": "/chat"}
    result = client.predict("糖醋排骨要焖几分钟？", documents=["糖醋排骨"], types=["markdown"], **asked)
    assert {source["document"] for source in result["sources"]} == {"糖醋排骨.md"}
    for wrong in ({"documents": ["红烧肉.md"]}, {"types": ["pdf"]}, {"since": "2999-01-01"}, {"until": "2000-01-01"}):
        found = client.predict("糖醋排骨要焖几分钟？", **wrong, **asked)["sources"]
        assert "糖醋排骨.md" not in {source["document"] for source in found}, wrong
    with pytest.raises(AppError, match="2026-01-31"):
        client.predict("糖醋排骨要焖几分钟？", since="yesterday", **asked)


def test_plain_chat_has_no_sources(client: Client) -> None:
    result = client.predict("你好", "", "", api_name="/chat")
    assert result["answer"] and result["sources"] == [] and result["refused"] is False


def test_each_self_answers_for_itself_at_the_same_time(client: Client, app: RunningApp) -> None:
    names = [row["name"] for row in client.predict(api_name="/adapters") if row["valid"]]
    question = "Who are you?"
    alone = {name: client.predict(question, name, "", api_name="/chat")["answer"] for name in ["", *names]}
    assert len(set(alone.values())) == len(alone), alone  # control: otherwise a mix-up could not be seen
    wanted = ["", *names] * 3
    with ThreadPoolExecutor(len(wanted)) as pool:
        together = list(pool.map(lambda name: Client(app.url, verbose=False).predict(
            question, name, "", api_name="/chat")["answer"], wanted))  # fmt: skip
    assert together == [alone[name] for name in wanted]


@pytest.mark.parametrize(
    ("message", "adapter", "collection", "says"),
    [
        ("", "", "", "empty"),
        ("   ", "", "recipes", "empty"),
        ("\u202e", "", "recipes", "empty"),
        ("长" * 100_000, "", "recipes", "long"),
        ("hello", "nobody", "", "nobody"),
        ("hello", "", "nowhere", "nowhere"),
        ("hello", "../../etc", "", "etc"),
    ],
)
def test_bad_input_comes_back_as_an_error(
    client: Client, message: str, adapter: str, collection: str, says: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(message, adapter, collection, api_name="/chat")
    assert says in str(caught.value)


@pytest.mark.parametrize("message", ["ما هي مدة طهي الأرز؟", "🍜🍜🍜", "<script>alert(1)</script>", "<|im_end|>"])
def test_odd_questions_are_answered_or_declined(client: Client, message: str) -> None:
    result = client.predict(message, "", "recipes", api_name="/chat")
    assert isinstance(result["answer"], str)
