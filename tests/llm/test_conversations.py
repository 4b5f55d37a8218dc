"""Conversations on disk: they survive a restart and a kill, and a full disk changes nothing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm.conversations import ConversationStore
from llm.errors import ConversationError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chats.db"


@pytest.fixture
def store(path: Path) -> Iterator[ConversationStore]:
    store = ConversationStore(path)
    yield store
    store.close()


def test_everything_survives_reopening(path: Path) -> None:
    store = ConversationStore(path)
    conversation = store.create("ann")
    store.add(conversation.id, "user", "红烧肉\n要炖多久？")
    answer = store.add(conversation.id, "assistant", "", "running")
    about = {"adapter": "chef", "sources": [{"title": "菜谱"}], "timings": {"ttft_s": 0.1}}
    store.update(answer, "一小时[1]。", "done", about)
    store.remember(conversation.id, {"adapter": "chef", "sampling": {"seed": 3}})
    listed, messages = store.of_owner("ann"), store.messages(conversation.id)
    store.close()
    again = ConversationStore(path)
    assert again.of_owner("ann") == listed
    assert again.messages(conversation.id) == messages
    assert [(m.role, m.content, m.status) for m in messages] == [
        ("user", "红烧肉\n要炖多久？", "done"),
        ("assistant", "一小时[1]。", "done"),
    ]
    assert messages[1].about == about
    found = again.get("ann", conversation.id)
    assert (found.title, found.settings) == ("红烧肉 要炖多久？", {"adapter": "chef", "sampling": {"seed": 3}})
    again.close()


def test_a_running_answer_is_interrupted_by_a_restart(path: Path) -> None:
    store = ConversationStore(path)
    conversation = store.create("ann").id
    store.add(conversation, "user", "one")
    for status in ("done", "cancelled", "failed"):
        store.add(conversation, "assistant", "x", status)  # type: ignore[arg-type]
    store.update(store.add(conversation, "assistant", "", "running"), "half an ans", "running", {"adapter": "chef"})
    store.close()
    again = ConversationStore(path)
    assert [m.status for m in again.messages(conversation)] == ["done", "done", "cancelled", "failed", "interrupted"]
    assert again.messages(conversation)[-1].content == "half an ans"
    assert again.messages(conversation)[-1].about == {"adapter": "chef"}
    again.close()


def test_owners_are_separated(store: ConversationStore) -> None:
    mine, theirs = store.create("ann").id, store.create("bob").id
    for conversation in (mine, theirs):
        store.add(conversation, "user", "hello")
    assert [c.id for c in store.of_owner("ann")] == [mine]
    assert store.get("ann", mine).owner == "ann"
    for owner, conversation in (("ann", theirs), ("", mine), ("ann", "nothing")):
        with pytest.raises(ConversationError) as caught:
            store.get(owner, conversation)
        assert caught.value.zh
    store.delete("ann", theirs)
    assert store.messages(theirs), "someone else's conversation is not deleted"
    store.delete("bob", theirs)
    assert store.messages(theirs) == []
    with pytest.raises(ConversationError):
        store.get("bob", theirs)


def test_deleting_takes_the_messages_off_the_disk(store: ConversationStore, path: Path) -> None:
    conversation = store.create("ann").id
    store.add(conversation, "user", "hello")
    store.delete("ann", conversation)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM messages").fetchone() == (0,)


def test_the_list_is_latest_first_without_empty_ones(store: ConversationStore) -> None:
    ids = [store.create("ann").id for _ in range(3)]
    assert store.of_owner("ann") == []
    for conversation in ids:
        store.add(conversation, "user", "hello")
    store.add(ids[0], "user", "again")
    assert [c.id for c in store.of_owner("ann")] == [ids[0], ids[2], ids[1]]
    assert [c.id for c in store.of_owner("ann", limit=1)] == [ids[0]]
    assert len(set(ids)) == 3
    assert all(len(conversation) >= 16 for conversation in ids), "an id must not be guessable"


def test_the_title_is_the_first_question(store: ConversationStore) -> None:
    conversation = store.create("ann").id
    store.add(conversation, "user", "  a \n\n b " + "c" * 100)
    store.add(conversation, "assistant", "answer")
    store.add(conversation, "user", "second")
    assert store.get("ann", conversation).title == ("a b " + "c" * 100)[:60]


def test_truncating_removes_the_message_and_what_follows(store: ConversationStore) -> None:
    conversation, other = store.create("ann").id, store.create("ann").id
    store.add(other, "user", "untouched")
    ids = [store.add(conversation, "user" if i % 2 == 0 else "assistant", str(i)) for i in range(4)]
    store.truncate(conversation, ids[2])
    assert [m.content for m in store.messages(conversation)] == ["0", "1"]
    new = store.add(conversation, "user", "edited")
    assert new > ids[3], "ids are never used twice: a late update must not hit another message"
    store.update(ids[3], "late", "done", {})
    assert [m.content for m in store.messages(conversation)] == ["0", "1", "edited"]
    assert [m.content for m in store.messages(other)] == ["untouched"]


def _fill(store: ConversationStore, more: int = 0) -> None:
    """From now on the file may grow by `more` pages: what sqlite says then is what it says on a full disk."""
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages + more}")


def test_a_full_disk_changes_nothing(store: ConversationStore) -> None:
    conversation = store.create("ann")
    question = store.add(conversation.id, "user", "first")
    before = (store.of_owner("ann"), store.messages(conversation.id))
    _fill(store)
    changes = [
        lambda: store.add(conversation.id, "user", "x" * 50_000),
        lambda: store.update(question, "x" * 50_000, "done", {}),
        lambda: store.remember(conversation.id, {"system_prompt": "x" * 50_000}),
    ]
    for change in changes:
        with pytest.raises(ConversationError) as caught:
            change()
        assert "full" in caught.value.en
        assert "磁盘" in caught.value.zh
        assert (store.of_owner("ann"), store.messages(conversation.id)) == before
    store._database.execute("PRAGMA max_page_count = 100000")
    changes[0]()
    assert len(store.messages(conversation.id)) == 2, "with room again it goes on"


def test_together_means_all_or_nothing(store: ConversationStore) -> None:
    conversation = store.create("ann")
    _fill(store)
    with pytest.raises(ConversationError), store.together():
        store.add(conversation.id, "user", "short")
        store.remember(conversation.id, {"system_prompt": "x" * 50_000})
    assert store.messages(conversation.id) == []
    with pytest.raises(KeyError), store.together():
        store.add(conversation.id, "user", "short")
        raise KeyError
    assert store.messages(conversation.id) == []
    with store.together():
        store.add(conversation.id, "user", "short")
        store.add(conversation.id, "user", "two")
    assert len(store.messages(conversation.id)) == 2


def test_unknown_conversations_take_no_messages(store: ConversationStore) -> None:
    with pytest.raises(ConversationError):
        store.add("nothing", "user", "hello")


def test_many_threads_write_at_once(store: ConversationStore) -> None:
    conversations = [store.create("ann").id for _ in range(6)]

    def write(conversation: str) -> None:
        for i in range(20):
            with store.together():
                store.update(store.add(conversation, "assistant", "", "running"), str(i), "done", {"i": i})

    threads = [threading.Thread(target=write, args=(conversation,)) for conversation in conversations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for conversation in conversations:
        assert [m.content for m in store.messages(conversation)] == [str(i) for i in range(20)]


def test_a_file_that_is_no_database(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(ConversationError) as caught:
        ConversationStore(path)
    assert str(path) in caught.value.en
    assert str(path) in caught.value.zh
    assert path.read_bytes().startswith(b"not a database"), "nothing is overwritten"


def test_a_closed_store_says_so(store: ConversationStore) -> None:
    conversation = store.create("ann").id
    store.close()
    with pytest.raises(ConversationError):
        store.add(conversation, "user", "late")
    with pytest.raises(ConversationError):
        store.messages(conversation)
