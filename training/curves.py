"""The curves of a training as SVG. Gradio's own plots log script errors when they are redrawn and then hidden."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

from training.progress import Progress
from training.texts import text

# Points of a curve: more cannot be told apart, and are sent anew every second.
POINTS = 300
SCORES = ("persona", "agreement", "leak")
# Of the picture in its own units; a page shows it as wide as its column.
WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 400, 150, 38, 20, 8
Point = tuple[float, float]


def curves(done: Progress, lang: str) -> str:
    """Loss, and the scores of the report cards on the way; each from its second point on."""
    loss = loss_points(done)
    scores = score_points(done)
    found = ""
    if len(loss) > 1:
        found += _figure("fs-teach-loss", text("teach_loss_plot", lang), {"loss": loss}, _about(loss))
    if len({step for points in scores.values() for step, _ in points}) > 1:
        title = text("teach_cards_plot", lang)
        legend = " ".join(
            f'<span class="fs-curve-{name}">{html.escape(text(f"teach_curve_{name}", lang))}</span>' for name in scores
        )
        found += _figure("fs-teach-scores", title, scores, (0.0, 0.5, 1.0), legend)
    return found


def loss_points(done: Progress) -> list[Point]:
    """(step, loss), thinned out evenly; the last one stays."""
    steps = [step for step in done.steps if math.isfinite(step.loss)]
    every = -(-len(steps) // POINTS) or 1
    kept = steps[::-1][::every][::-1]
    return [(step.step, round(step.loss, 4)) for step in kept]


def score_points(done: Progress) -> dict[str, list[Point]]:
    """Score -> (step, score) of every report card on the way; the final one asks more, so it is no point of a curve."""
    cards = [card for card in done.cards if not card.final]
    found = {
        name: [(float(card.step), float(card.scores[name])) for card in cards if card.scores.get(name) is not None]
        for name in SCORES
    }
    return {name: points for name, points in found.items() if points}


def _figure(
    name: str, title: str, lines: Mapping[str, Sequence[Point]], marks: Sequence[float], legend: str = ""
) -> str:
    last = max(step for points in lines.values() for step, _ in points)
    low, high = marks[0], marks[-1]

    def x(step: float) -> float:
        return round(LEFT + step / max(1, last) * (WIDTH - LEFT - 8), 1)

    def y(value: float) -> float:
        return round(ABOVE + (high - value) / (high - low) * (HEIGHT - ABOVE - BELOW), 1)

    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(mark)}" y2="{y(mark)}"/>'
        f'<text x="{LEFT - 5}" y="{y(mark) + 4}" text-anchor="end">{mark:g}</text>'
        for mark in marks
    )
    ends = "".join(
        f'<text x="{x(step)}" y="{HEIGHT - 4}" text-anchor="{anchor}">{step:g}</text>'
        for step, anchor in ((0, "middle"), (last, "end"))
    )
    drawn = "".join(
        f'<polyline class="fs-curve-{key}" points="{" ".join(f"{x(step)},{y(value)}" for step, value in points)}"/>'
        for key, points in lines.items()
    )
    return (
        f'<figure class="fs-plot" id="{name}"><figcaption>{html.escape(title)} {legend}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">{grid}{ends}{drawn}</svg>'
        "</figure>"
    )


def _about(points: Sequence[Point]) -> list[float]:
    """Round values from 0 to above the highest, three to six of them."""
    high = max(1e-6, *(value for _, value in points))
    size = 10 ** math.floor(math.log10(high))
    step = next(size * part for part in (0.2, 0.5, 1, 2) if high <= 5 * size * part)
    return [round(step * n, 9) for n in range(math.ceil(high / step) + 1)]
