"""Tokens to text while they arrive: never half a character, never part of a stop string."""

from __future__ import annotations

from typing import Any

from llm.tools import CLOSE, OPEN


class Detokeniser:
    """Incremental decoding of one answer.

    A character may span several tokens (Chinese, emoji), so text is held back while the decoded tail ends in U+FFFD;
    text that might still grow into a stop string is held back too.

    Args:
        tokenizer: a transformers tokenizer.
        stop: strings that end the answer.
    """

    def __init__(self, tokenizer: Any, stop: tuple[str, ...] = ()) -> None:
        self._tokenizer, self._stop = tokenizer, stop
        self._silent = _silent_ids(tokenizer)
        self._tokens: list[int] = []
        self._context, self._read = 0, 0
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Text that is certain after this token ("" while a character is incomplete)."""
        if token in self._silent:
            return ""
        self._tokens.append(token)
        # Decoding with a few tokens of context keeps what depends on the left neighbour (spaces) right.
        before = self._decode(self._tokens[self._context : self._read])
        now = self._decode(self._tokens[self._context :])
        if len(now) <= len(before) or now.endswith("\ufffd"):
            return ""
        self._context, self._read = self._read, len(self._tokens)
        return self._release(now[len(before) :])

    def finish(self) -> str:
        """What is still held back, once no more tokens come; a character that stayed incomplete is left out."""
        if self.stopped:
            return ""
        before = self._decode(self._tokens[self._context : self._read])
        rest = self._decode(self._tokens[self._context :])[len(before) :].rstrip("\ufffd")
        text = self._release(rest) if rest else ""
        if not self.stopped:
            text, self._held = text + self._held, ""
        return text

    def _decode(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _release(self, text: str) -> str:
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _silent_ids(tokenizer: Any) -> frozenset[int]:
    """Special tokens, which are not shown; tool tags are, for the call has to be read even where they are special."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    special = {number for number, token in added.items() if token.special and token.content not in (OPEN, CLOSE)}
    return frozenset(special | set(tokenizer.all_special_ids))


def overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0)
