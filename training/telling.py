"""Events as lines for people who read a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from training.events import (
    Corrections,
    Done,
    Event,
    Failed,
    Halved,
    Paused,
    Phase,
    Resumed,
    Sampled,
    Scored,
    Started,
    Step,
    Stopped,
)

KEPT = ("persona", "voice", "leak", "kl", "agreement", "loss", "base_loss", "f1", "base_f1", "corrected", "missed")
STEPS_A_LINE = 10


def lines(event: Event, lang: str = "en") -> Iterator[str]:
    """Lines to print for an event; of the steps every tenth."""
    zh = lang.startswith("zh")
    if isinstance(event, Phase):
        yield f"  {event.name}"
    elif isinstance(event, Started):
        yield (
            f"  {event.rows} 行，{event.replay_rows} 行重放，{event.steps} 步，{event.parameters} 个参数"
            if zh
            else f"  {event.rows} rows, {event.replay_rows} replay, {event.steps} steps, {event.parameters} parameters"
        )
    elif isinstance(event, Step):
        if event.step % STEPS_A_LINE == 0 or event.step == event.steps:
            left = f"剩余约 {event.remaining:.0f} 秒" if zh else f"about {event.remaining:.0f} s left"
            yield f"  {event.step}/{event.steps}  loss {event.loss:.3f}  kl {event.kl:.4f}  {left}"
    elif isinstance(event, Scored):
        scores = ", ".join(f"{key} {event.scores[key]}" for key in KEPT if key in event.scores)
        yield f"  {'final' if event.final else f'step {event.step}'}: {scores}{' *' if event.best else ''}"
    elif isinstance(event, Sampled):
        yield from (f"    {a['question']}  →  {' '.join(a['after'].split())[:100]}" for a in event.answers)
    elif isinstance(event, Corrections):
        for one in event.answers:
            before, after = (" ".join(one[key].split())[:60] for key in ("before", "after"))
            yield f"    {one['question']}  →  {before}  →  {after}"
    elif isinstance(event, Halved):
        yield (
            f"  内存不足：改为每次 {event.rows} 行（梯度累加，结果不变）"
            if zh
            else f"  memory ran out: going on with {event.rows} rows at a time (gradients are added up)"
        )
    elif isinstance(event, Resumed):
        if event.step:
            yield f"  从第 {event.step} 步继续" if zh else f"  goes on after step {event.step}"
    elif isinstance(event, Paused):
        yield f"  已在第 {event.step} 步暂停" if zh else f"  paused after step {event.step}"
    elif isinstance(event, Failed):
        yield f"  失败：{event.zh}" if zh else f"  failed: {event.en}"
    else:
        yield from _end(event, zh=zh)


def _end(event: Done | Stopped, *, zh: bool) -> Iterator[str]:
    if not event.path:
        yield "  已停止，没有可保留的内容" if zh else "  stopped before there was anything to keep"
        return
    draft = ("（草稿：未达标）" if zh else " (a draft: it missed a bar)") if event.draft else ""
    yield f"  {'已发布' if zh else 'published'} {event.path}{draft}"
