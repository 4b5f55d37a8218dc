"""Correcting a self in the browser: taught, asked, corrected, taught again, and it answers as corrected."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from llm.fingerprint import base_fingerprint
from llm.settings import EMBEDDED_BASE
from tests.front.running import RunningApp
from tests.front.test_page import CHROMIUM, ask, browser, open_tab, pick, visit
from tests.training import small
from training.jobs import OVER, JobStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: see tests/browser.sh"),
]
QUESTION, WANTED = "介绍一下你自己", "我是灶王，今天休息。"


def answer_of(page: Page) -> str:
    """The newest answer without speaker and footer."""
    return page.locator("#fs-log .bot.message p").last.inner_text()


def taught(page: Page, jobs: JobStore) -> None:
    """Wait for the end of the newest training, and look at it."""
    while jobs.all()[-1].state not in OVER:
        page.wait_for_timeout(500)
    open_tab(page, "Teach")
    page.locator("#fs-teach-talk").wait_for()
    page.locator("#fs-teach-loss polyline").wait_for()
    page.wait_for_timeout(1500)


@pytest.mark.timeout(900)  # two trainings; it takes a minute where nothing else runs
def test_an_answer_is_corrected_taught_and_given(browser: Browser, app: RunningApp) -> None:
    config = small.CONFIG.with_values(
        {"name": "corry", "checks": 1, "epochs": 6, "base_fingerprint": base_fingerprint(EMBEDDED_BASE)}
    )
    jobs = JobStore(app.data_dir / "jobs")
    jobs.submit(small.job(app.data_dir, config, questions=()), small.rows())
    with visit(browser, app) as page:
        taught(page, jobs)
        page.locator("#fs-teach-talk").click()
        page.locator("#fs-question textarea").wait_for()
        assert page.locator("#fs-adapter input").input_value().startswith("Small")
        pick(page, "#fs-collection", "Off")
        ask(page, QUESTION)
        said = answer_of(page)
        assert "灶王" in said and said != WANTED

        page.locator(".fs-correct").click()
        box = page.locator("#fs-correct-wanted textarea")
        box.wait_for()
        assert box.input_value() == said
        page.locator("#fs-correct-save").click()
        page.locator(".toast-body.error").wait_for()
        assert "as it was" in page.locator(".toast-body.error").inner_text(), "nothing was changed"
        box.fill(WANTED)
        page.locator("#fs-correct-save").click()
        page.locator("#fs-log .fs-notice.fs-good").wait_for()
        assert WANTED in page.locator("#fs-log .fs-notice.fs-good").inner_text()
        assert not box.is_visible()

        open_tab(page, "Teach")
        open_tab(page, "Corrections")
        page.locator("#fs-corrections >> text=休息 >> visible=true").first.wait_for()
        page.locator("#fs-corrections-teach").click()
        page.locator("#fs-teach-card .fs-bar").wait_for()
        page.locator("#fs-corrections >> text=learning >> visible=true").first.wait_for()
        open_tab(page, "Chat")
        taught(page, jobs)
        page.locator("#fs-corrections >> text=taught >> visible=true").first.wait_for()
        learned = page.locator("#fs-teach-learned table.fs-samples").first.inner_text()
        assert said in learned and learned.count(WANTED) == 2, "what it said, what it says now, what was wanted"
        page.locator("#fs-teach-talk").click()
        page.locator("#fs-question textarea").wait_for()
        page.get_by_role("button", name="New chat").click()
        page.locator(".fs-footer").first.wait_for(state="detached")
        ask(page, QUESTION)
        assert answer_of(page) == WANTED
        folder = app.data_dir / "adapters" / "corry"
        assert (folder / "current").read_text(encoding="utf-8") == "v2\n"
        learned = [(folder / version / "taught" / "rows.jsonl").read_text(encoding="utf-8") for version in ("v1", "v2")]
        assert [WANTED in rows for rows in learned] == [False, True], "each version knows what it was taught from"

        # deleted while it is chosen: whoever asks is told, and may choose another
        shutil.rmtree(folder)
        page.fill("#fs-question textarea", QUESTION)
        page.keyboard.press("Enter")
        page.locator("#fs-log .fs-notice.fs-error").wait_for()
        assert "no self called “corry”" in page.locator("#fs-log .fs-notice.fs-error").inner_text()
        open_tab(page, "Teach")
        open_tab(page, "Chat")
        page.wait_for_timeout(1000)
        pick(page, "#fs-adapter", "Base")
        assert ask(page, "Hello!").startswith("Base")
