"""The trainer of the embedder, on a corpus of a few dozen rows written here."""

from __future__ import annotations

import json
import lzma
import random
from pathlib import Path

import numpy as np
import pytest

from training.embedder import EmbedderRecipe, PairStore, fit, initial_weights, main, train, training_pairs
from training.embedder_drills import fact_sheets, translations
from training.embedder_pairs import Pair, cloze, corpus_pairs, from_text, held_out, own_pairs, rows, sections
from training.embedder_tokenizer import count_words, train_tokenizer
from training.errors import TrainingError

TINY = EmbedderRecipe(
    own=False,
    vocab_size=1500,
    dimension=32,
    dims={32: 1.0, 16: 0.3},
    min_char_count=1,
    tokenizer_share=1.0,
    batch=128,
    epochs=3,
    learning_rate=0.02,
    sheets=400,
    words=200,
    most_per_group=2000,
    held_out=0.3,
)


def write_shard(folder: Path, kind: str, given: list[dict]) -> None:
    with lzma.open(folder / f"{kind}__0.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in given)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twenty reader rows (one of another tier, one without an answer), two chats, ten texts."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    reader: list[dict] = [
        {
            "context": f"第{n}号灯塔建于{1900 + n}年。它高{n + 10}米，由石头建成。",
            "question": f"第{n}号灯塔建于哪一年？",
            "answer": f"{1900 + n}年",
            "title": f"第{n}号灯塔",
            "src": "lights",
            "tier": "open",
        }
        for n in range(20)
    ]
    reader.append({**reader[0], "title": "秘密", "question": "秘密是什么？", "tier": "nc"})
    reader.append({**reader[0], "title": "空白", "question": "空白是什么？", "answer": None})
    write_shard(folder, "reader", reader)
    asked = {"role": "user", "content": "What is (are) Night Cough ?"}
    told = {"role": "assistant", "content": "Night cough is a cough that comes at night and goes by day."}
    chat = {"messages": [asked, told], "tier": "open"}
    write_shard(folder, "chat", [{**chat, "src": "medquad_en"}, {**chat, "src": "small_talk"}])
    body = "The harbour was built by two brothers. It holds forty boats in winter. A lamp burns there all night. "
    text = "# Harbour {n}\n\n## Building\n" + body * 2 + "\n\n## Boats\nBoats pay nine coins a week. " + body
    texts = [{"text": text.replace("{n}", str(n)), "src": "harbours", "tier": "open"} for n in range(10)]
    write_shard(folder, "pretrain", texts)
    return folder


def test_only_the_open_tier_and_answered_questions_become_pairs(corpus: Path) -> None:
    pairs = list(corpus_pairs(corpus, 1, 8))
    queries = {p.query for p in pairs}
    assert "第3号灯塔建于哪一年？" in queries
    assert not any("秘密" in q or "空白" in q for q in queries)
    assert [p.group for p in pairs if p.group.startswith("chat/")] == ["chat/medquad_en"]
    assert {p.group.split("/")[0] for p in pairs if p.group.endswith("harbours")} == {
        "cloze",
        "heading",
        "inverse",
    }
    assert len(list(rows(corpus, "reader"))) == 21


def test_pairs_are_the_same_for_the_same_seed(corpus: Path) -> None:
    assert list(corpus_pairs(corpus, 1, 8)) == list(corpus_pairs(corpus, 1, 8))
    assert list(corpus_pairs(corpus, 1, 8)) != list(corpus_pairs(corpus, 2, 8))


def test_held_out_documents_and_skipped_sources_are_not_trained_on(corpus: Path) -> None:
    kept = {p.document for p in training_pairs(corpus, TINY) if not p.group.startswith("drill/")}
    everything = {p.document for p in corpus_pairs(corpus, TINY.seed, 8)}
    apart = {d for d in everything if held_out(d, TINY.held_out)}
    assert apart and kept == everything - apart
    skipped = EmbedderRecipe(own=False, sheets=0, words=0, held_out=0.0, skip_sources=("lights",))
    assert not any("灯塔" in p.query for p in training_pairs(corpus, skipped))


def test_sections_keep_their_headings() -> None:
    text = "intro\n# One\na\nb\n## Two\n\n# Three\nc"
    assert list(sections(text)) == [("", "intro"), ("One", "a\nb"), ("Three", "c")]


def test_an_inverse_pair_asks_with_a_sentence_that_its_passage_lacks() -> None:
    row = {
        "text": "# T\n" + "".join(f"句子{n}说的是第{n}件事情，与别的都不同。" for n in range(40)),
        "src": "s",
    }
    inverse = [p for seed in range(20) for p in from_text(row, random.Random(seed), 8) if p.group == "inverse/s"]
    assert inverse and not any(p.query in p.passage for p in inverse)


@pytest.mark.parametrize(
    "sentence",
    [
        "图书馆周末上午九点开门，下午五点关门，节假日不开放。",
        "The library opens at nine on weekdays and at ten on Sundays.",
    ],
)
def test_a_made_question_keeps_words_and_asks(sentence: str) -> None:
    made = [q for q in (cloze(sentence, random.Random(n)) for n in range(50)) if q]
    assert len(set(made)) > 20 and all(q.strip("？?。. ") not in sentence for q in made)
    lowered = sentence.lower()
    shared = [sum(c in lowered for c in q) / len(q) for q in made]
    assert np.mean(shared) > 0.5


def test_drills_ask_about_the_sheet_they_come_with() -> None:
    pairs = list(fact_sheets(1, 300))
    assert pairs == list(fact_sheets(1, 300)) != list(fact_sheets(2, 300))
    same = [p for p in pairs if p.group == "drill/sheet"]
    named = [p for p in same if p.passage.lstrip("# ").split("\n")[0].split("：")[0].split(": ")[0] in p.query]
    assert len(named) > 0.95 * len(same)
    crossed = [p for p in pairs if p.group == "drill/crossed"]
    assert len(crossed) > 50 and len(list(translations(1, 50))) == 50


@pytest.mark.parametrize("model", ["bpe", "unigram"])
def test_tokenizer_spells_what_it_does_not_know(model: str) -> None:
    texts = [f"{p.query}\n{p.passage}" for p in fact_sheets(1, 500)]
    tokenizer = train_tokenizer(count_words(texts), model=model, vocab_size=1500, min_char_count=2)
    assert tokenizer.get_vocab_size() <= 1500
    wide, plain = (tokenizer.encode(t, add_special_tokens=False).tokens for t in ("ＨＯＷ long　多久", "how long 多久"))
    assert wide == plain and not any(t.startswith("<0x") for t in plain)
    odd = tokenizer.encode("🍜龘", add_special_tokens=False).tokens
    assert odd and all(t.startswith("<0x") for t in odd)
    assert tokenizer.encode("", add_special_tokens=False).ids == []


def _recall(weights: np.ndarray, store: PairStore) -> float:
    """Share of drill questions whose nearest passage is their own."""

    def unit(rows: list[np.ndarray]) -> np.ndarray:
        found = np.stack([weights[r].mean(axis=0) for r in rows])
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    pairs = store.queries["drill/crossed"]
    nearest = (unit([q for q, _ in pairs]) @ unit(store.tokens).T).argmax(axis=1)
    return float(np.mean(nearest == np.array([n for _, n in pairs])))


def test_training_learns_what_the_start_does_not_know() -> None:
    """Questions in the other language share no word with their passage: only training can bring them together."""
    pairs = list(fact_sheets(1, 400)) + list(translations(1, 800))
    tokenizer = train_tokenizer(
        count_words(f"{p.query}\n{p.passage}" for p in pairs), model="bpe", vocab_size=1500, min_char_count=1
    )
    learnt, asked = PairStore(tokenizer), PairStore(tokenizer)
    learnt.add(pairs)
    asked.add(list(fact_sheets(99, 150)))
    recipe = EmbedderRecipe(**{**TINY.__dict__, "epochs": 8})
    weights, _ = fit(learnt, recipe)
    assert _recall(weights, asked) > 2 * _recall(initial_weights(learnt, recipe), asked) + 0.05


def test_the_command_writes_a_folder_that_repeats_bit_by_bit(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    keys = (
        "vocab_size",
        "dimension",
        "min_char_count",
        "batch",
        "sheets",
        "words",
        "held_out",
        "tokenizer_share",
    )
    settings = {**{k: getattr(TINY, k) for k in keys}, "dims": {32: 1.0}, "epochs": 1}
    recipe.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    for name in ("one", "two"):
        assert main(["--corpus", str(corpus), "--out", str(tmp_path / name), "--recipe", str(recipe)]) == 0
    for file in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    from safetensors.numpy import load_file

    table = load_file(tmp_path / "one" / "model.safetensors")["embedding.weight"]
    assert table.dtype == np.float16 and table.shape[1] == 32 and np.abs(table).max() <= 0.25
    modules = json.loads((tmp_path / "one" / "modules.json").read_text(encoding="utf-8"))
    assert [m["type"].rsplit(".", 1)[-1] for m in modules] == ["StaticEmbedding", "Normalize"]


def test_an_unknown_key_and_an_empty_corpus_are_explained(tmp_path: Path) -> None:
    recipe = tmp_path / "bad.yaml"
    recipe.write_text("dimensions: 3\n", encoding="utf-8")
    with pytest.raises(TrainingError) as caught:
        EmbedderRecipe.load(recipe)
    assert "dimensions" in caught.value.message("zh")
    with pytest.raises(TrainingError):
        train(tmp_path, tmp_path / "out", TINY)
    with pytest.raises(TrainingError):
        fit(
            PairStore(train_tokenizer(count_words(["a"]), model="bpe", vocab_size=300, min_char_count=1)),
            TINY,
        )
    with pytest.raises(SystemExit):
        main(["--corpus", str(tmp_path), "--out", str(tmp_path / "out")])


def test_hard_negatives_are_of_the_same_document() -> None:
    store = PairStore(train_tokenizer(count_words(["红 烧 肉"] * 9), model="bpe", vocab_size=300, min_char_count=1))
    store.add([Pair("红", "红 烧", "a", "g"), Pair("肉", "红 肉", "a", "g"), Pair("烧", "红 烧", "b", "g")])
    assert store.documents["a"] == [0, 1] and store.document_of == ["a", "a"]
    assert [n for _, n in store.queries["g"]] == [0, 1, 0]


def test_own_questions_name_what_they_are_about_and_answers_lie_in_their_passages() -> None:
    pairs = list(own_pairs(3))
    assert pairs == list(own_pairs(3)) and len(pairs) > 20_000
    assert all(p.document.removeprefix("article/") in p.query for p in pairs)
    titled = sum(p.passage.startswith(p.document.removeprefix("article/") + "\n") for p in pairs) / len(pairs)
    assert 0.4 < titled < 0.7  # so the title alone is not what makes a pair
