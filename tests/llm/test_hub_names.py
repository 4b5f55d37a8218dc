"""From a name to a folder: local folders, presets, repositories of other kinds, remote code, signing in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from llm.errors import DownloadError, ModelNotFoundError, RemoteCodeError, UnsupportedModelError
from llm.hubs import SOURCES, DownloadProgress, HubOptions, needs_remote_code, resolve
from llm.presets import PRESETS
from llm.settings import EMBEDDED_BASE
from tests.llm.fake_hub import REPOSITORY, FakeHub, isolate
from tests.llm.fake_hub_formats import HUBS, OpenXLabHub

WEIGHTS = "model.safetensors"
OWN_CODE = {
    "model_type": "homemade",
    "architectures": ["HomemadeForCausalLM"],
    "auto_map": {"AutoConfig": "code.HomemadeConfig", "AutoModelForCausalLM": "code.HomemadeForCausalLM"},
}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


def repository(config: Mapping[str, object] | None = None, **more: bytes) -> dict[str, bytes]:
    """Files of a repository whose weights are well-formed and hold one tensor of 40,000 zero bytes."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [40000], "data_offsets": [0, 40000]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(40000)
    files = {"config.json": json.dumps(config or {"model_type": "qwen3"}).encode(), WEIGHTS: weights}
    return files | {name.replace("__", "."): data for name, data in more.items()}


def options(hub: FakeHub, **more: object) -> HubOptions:
    return HubOptions(endpoints={hub.source: hub.endpoint}, backoff_s=0.01, **more)  # type: ignore[arg-type]


def fetch(hub: FakeHub, cache: Path, **more: object) -> Path:
    return resolve(REPOSITORY, cache_dir=cache, source=hub.source, options=options(hub, **more))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}


def test_a_folder_is_returned_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3"}', encoding="utf-8")
    assert resolve(str(folder), cache_dir=tmp_path / "cache") == folder
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "name", ["", "nope", "a/b/c", "../up/x", "/no/such/folder", "owner/..", "own er/x", "c:\\x\\y"]
)
def test_what_is_no_name_is_refused_without_asking_a_hub(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=r"python app\.py models"):
        resolve(name, cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("file", "said"), [("adapter_config.json", "it is an adapter"), ("a.txt", "has no config")])
def test_a_folder_without_a_model(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / file).write_text("{}", encoding="utf-8")
    with pytest.raises(ModelNotFoundError, match=said):
        resolve(str(tmp_path), cache_dir=tmp_path / "cache")


def test_a_broken_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UnsupportedModelError, match="could not be read as JSON"):
        resolve(str(tmp_path), cache_dir=tmp_path / "cache")


def test_the_embedded_base_needs_no_hub(tmp_path: Path) -> None:
    assert resolve("Embedded", cache_dir=tmp_path) == EMBEDDED_BASE


def test_an_unknown_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="huggingface, modelscope, openxlab"):
        resolve("Qwen3-0.6B", cache_dir=tmp_path, source="elsewhere")


@pytest.mark.parametrize("source", SOURCES)
def test_a_preset_is_looked_for_under_the_name_it_has_on_each_hub(tmp_path: Path, source: str) -> None:
    with HUBS[source](repository()) as hub:
        for preset in PRESETS:
            if preset.name == "embedded":
                continue
            hub.requests.clear()
            with pytest.raises((ModelNotFoundError, DownloadError)) as caught:
                resolve(preset.name.upper(), cache_dir=tmp_path, source=source, options=options(hub))
            if source not in preset.hubs:
                assert not hub.requests and "--source huggingface" in caught.value.en
            else:
                assert preset.hubs[source] in caught.value.en


def test_a_name_of_one_hub_finds_the_model_on_another(tmp_path: Path) -> None:
    with HUBS["modelscope"](repository()) as hub, pytest.raises(ModelNotFoundError) as caught:
        resolve("internlm/internlm2-chat-1_8b", cache_dir=tmp_path, source="modelscope", options=options(hub))
    assert "Shanghai_AI_Laboratory/internlm2-chat-1_8b" in caught.value.en


@pytest.mark.parametrize("source", SOURCES)
def test_own_code_needs_permission_and_is_refused_before_the_weights(tmp_path: Path, source: str) -> None:
    with HUBS[source](repository(OWN_CODE, code__py=b"print()", helper__py=b"")) as hub:
        with pytest.raises(RemoteCodeError, match="--trust-remote-code") as caught:
            fetch(hub, tmp_path)
        assert "code.HomemadeForCausalLM" in caught.value.en and "全部权限" in caught.value.message("zh")
        assert not hub.requests_for(WEIGHTS) and not hub.requests_for("code.py")
        folder = fetch(hub, tmp_path, trust_remote_code=True)
        assert {"code.py", "helper.py", WEIGHTS} <= names(folder)
        with pytest.raises(RemoteCodeError):  # a finished download gives no permission
            fetch(hub, tmp_path)


def test_code_is_not_fetched_without_permission_and_follows_when_it_is_given(tmp_path: Path) -> None:
    config = {**OWN_CODE, "model_type": "qwen3"}  # has code, but transformers has the model itself
    with HUBS["huggingface"](repository(config, code__py=b"print()")) as hub:
        assert "code.py" not in names(fetch(hub, tmp_path))
        hub.requests.clear()
        fetch(hub, tmp_path, trust_remote_code=True)
        assert not hub.requests  # not needed, so not fetched later either


def test_which_configs_need_own_code() -> None:
    assert needs_remote_code(OWN_CODE)
    assert not needs_remote_code({**OWN_CODE, "model_type": "qwen3"})
    assert not needs_remote_code({"model_type": "homemade"})
    for architecture in ("InternLMForCausalLM", "InternLM2ForCausalLM"):  # converted instead
        assert not needs_remote_code({**OWN_CODE, "model_type": "internlm2", "architectures": [architecture]})


def test_a_folder_with_own_code_needs_permission_too(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(OWN_CODE), encoding="utf-8")
    with pytest.raises(RemoteCodeError):
        resolve(str(tmp_path), cache_dir=tmp_path / "cache")
    trusting = HubOptions(trust_remote_code=True)
    assert resolve(str(tmp_path), cache_dir=tmp_path / "cache", options=trusting) == tmp_path


def test_pickled_weights_are_taken_only_where_there_are_no_others(tmp_path: Path) -> None:
    extra = {"pytorch_model__bin": b"x" * 10, "training_args__bin": b"y", "tf_model__h5": b"z", "README__md": b"r"}
    with HUBS["huggingface"](repository(None, **extra)) as hub:
        assert names(fetch(hub, tmp_path / "a")) == {"config.json", WEIGHTS}
        del hub.files[WEIGHTS]
        assert names(fetch(hub, tmp_path / "b")) == {"config.json", "pytorch_model.bin"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.json": b"{}", "model-q4.gguf": b"GGUF"}, "GGUF"),
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}, "it is an adapter"),
        ({"README.md": b"hello"}, "has no config.json"),
    ],
)
def test_repositories_of_other_kinds(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    with HUBS["huggingface"](files) as hub, pytest.raises(UnsupportedModelError, match=said):
        fetch(hub, tmp_path)


def test_openxlab_signs_in_and_renews_addresses_that_ran_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenXLabHub(repository()) as hub:
        hub.private = True
        with pytest.raises(DownloadError, match=r"please login first.*OPENXLAB_AK"):
            fetch(hub, tmp_path)
        monkeypatch.setenv("OPENXLAB_AK", hub.key)
        monkeypatch.setenv("OPENXLAB_SK", "wrong")
        with pytest.raises(DownloadError, match="invalid signature"):
            fetch(hub, tmp_path)
        monkeypatch.setenv("OPENXLAB_SK", hub.secret)
        hub.signature, hub.faults.expired = 0, 2  # the first addresses have run out, the second ones work
        hub.faults.drop[WEIGHTS] = [len(hub.files[WEIGHTS]) // 2]
        ran_out: list[int] = []

        def expire(progress: DownloadProgress) -> None:
            if progress.file == WEIGHTS and not ran_out:  # in the middle of the weights, once
                hub.faults.expired = hub.signature + 1
                ran_out.append(hub.faults.expired)

        folder = resolve(REPOSITORY, cache_dir=tmp_path, source="openxlab", options=options(hub), progress=expire)
        assert ran_out and hub.signature >= ran_out[0]
        assert (folder / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
        assert not any("authorization" in r.headers for r in hub.requests if r.path.startswith("/oss/"))


def test_huggingface_token_stays_with_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HUBS["huggingface"](repository()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        resolve(REPOSITORY, cache_dir=tmp_path, source="huggingface")
        sent = {r.path.split("/")[1]: r.headers.get("authorization") for r in hub.requests}
    assert sent["someone"] == "Bearer hf_secret" and sent["storage"] is None
