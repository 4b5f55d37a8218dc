"""Settings: four sources, one flat namespace, clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from front.errors import SettingsError
from front.settings import DEFAULT_DATA_DIR, load, options


def test_defaults() -> None:
    settings = load({}, {})
    assert settings.data_dir == DEFAULT_DATA_DIR
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 7860)
    assert settings.llm.data_dir == settings.rag.data_dir == settings.data_dir


def test_each_source_overrides_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "fenshen.yaml").write_text("port: 1111\nk: 5\nthreads: 3\n", encoding="utf-8")
    base = {"data_dir": str(tmp_path)}
    from_file = load(base, {})
    assert (from_file.server.port, from_file.rag.k, from_file.llm.threads) == (1111, 5, 3)
    from_environment = load(base, {"FENSHEN_PORT": "2222", "FENSHEN_K": "6"})
    assert (from_environment.server.port, from_environment.rag.k) == (2222, 6)
    from_command_line = load({**base, "port": "3333"}, {"FENSHEN_PORT": "2222"})
    assert from_command_line.server.port == 3333


def test_data_dir_from_the_environment(tmp_path: Path) -> None:
    assert load({}, {"FENSHEN_DATA_DIR": str(tmp_path)}).data_dir == tmp_path.resolve()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot: 1", "port"),
        ("port: seven", "port"),
        ("- a\n- b", "fenshen.yaml"),
        ("port: [1]", "port"),
        ("a: b: c", "fenshen"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "fenshen.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load({"data_dir": str(tmp_path)}, {})
    assert says in caught.value.en and says in caught.value.zh


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load({}, {}, tmp_path / "none.yaml")


def test_booleans_are_read_as_words() -> None:
    assert load({}, {"FENSHEN_TRUST_REMOTE_CODE": "yes"}).llm.trust_remote_code is True
    assert load({}, {"FENSHEN_TRUST_REMOTE_CODE": "false"}).llm.trust_remote_code is False
    with pytest.raises(SettingsError):
        load({}, {"FENSHEN_TRUST_REMOTE_CODE": "perhaps"})


def test_only_known_choices() -> None:
    assert load({"quantisation": "bf16"}, {}).llm.quantisation == "bf16"
    with pytest.raises(SettingsError) as caught:
        load({"quantisation": "int3"}, {})
    assert "nf4" in caught.value.en


def test_every_setting_is_described_once() -> None:
    for name, option in options().items():
        assert len(option.help) > 10, name
