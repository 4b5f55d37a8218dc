"""The teaching tab in headless Chromium: a real, tiny training through the page, found again after a reload."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llm.settings import SHIPPED_ADAPTERS
from tests.front.running import RunningApp
from tests.front.test_page import CHROMIUM, browser, visit
from tests.training import small
from training.jobs import JobStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: see tests/browser.sh"),
]
TINY = "epochs: 1\nreplay_rows: 2\nreplay_batch: 1\nleak_prompts: 2\nchecks: 1\nr: 2\nbatch: 2"
ERROR = ".toast-body.error"


def test_a_self_is_taught_on_the_page_and_offered_in_the_chat(
    browser: Browser, app: RunningApp, tmp_path: Path
) -> None:
    path = tmp_path / "qa.csv"
    lines = [f"what is thing {n} for,Thing {n} is for case {n}." for n in range(6)]
    path.write_text("\n".join(["question,answer", *lines, "no answer,"]), encoding="utf-8")
    with visit(browser, app) as page:
        page.get_by_role("tab", name="Teach", exact=True).click()
        page.click("#fs-teach-prepare")
        page.locator(ERROR).first.wait_for()
        assert "“Name” is empty" in page.locator(ERROR).first.inner_text()
        page.get_by_role("tab", name="From a file").click()
        page.set_input_files("#fs-teach-file input[type=file]", str(path))
        page.locator("#fs-teach-question input").wait_for()
        assert page.locator("#fs-teach-answer input").input_value() == "B · answer"
        page.locator("#fs-teach-file-name input, #fs-teach-file-name textarea").first.fill("Zanzi <b>")
        page.locator("#fs-teach-advanced button").first.click()
        page.locator("#fs-teach-changes textarea").fill(TINY)
        page.click("#fs-teach-prepare-file")
        page.locator("#fs-teach-start").wait_for()
        page.locator("#fs-teach-file-name input, #fs-teach-file-name textarea").first.fill("Zanzi")
        page.locator("#fs-teach-start").wait_for(state="hidden")  # what was prepared is not what is filled in now
        page.locator("#fs-teach-file-name input, #fs-teach-file-name textarea").first.fill("Zanzi <b>")
        page.click("#fs-teach-prepare-file")
        page.locator("#fs-teach-start").wait_for()
        assert "row 8: its answer is empty" in page.locator("#fs-teach-prepared").inner_text()
        page.click("#fs-teach-start")
        page.locator("#fs-teach-card .fs-bar").wait_for()
        assert "Zanzi <b>" in page.locator("#fs-teach-card").inner_text()
        page.reload()
        page.wait_for_selector(".fs-pill.fs-ready")
        page.get_by_role("tab", name="Teach", exact=True).click()
        page.locator("#fs-teach-card .fs-notice.fs-good").wait_for(timeout=120_000)
        page.locator("#fs-teach-learned table").first.wait_for()
        assert page.locator("#fs-teach-loss").is_visible()
        page.get_by_role("tab", name="Chat", exact=True).click()
        page.wait_for_timeout(1000)
        page.click("#fs-adapter input")
        page.get_by_role("option", name="Zanzi <b>").first.click()
        assert page.locator("#fs-adapter input").input_value().startswith("Zanzi <b>")


def test_a_training_is_paused_found_again_resumed_and_stopped(browser: Browser, app: RunningApp) -> None:
    config = small.CONFIG.with_values({"name": "pausy", "epochs": 400, "lr": 1e-3, "checks": 1})
    jobs = JobStore(app.data_dir / "jobs")
    job = jobs.submit(small.job(app.data_dir, config, questions=()), small.rows()).id

    def looked_at(page: Page) -> Locator:
        page.get_by_role("tab", name="Teach", exact=True).click()
        return page.locator("#fs-teach-card")

    def reloaded(page: Page) -> Locator:
        page.reload()
        page.wait_for_selector(".fs-pill.fs-ready")
        return looked_at(page)

    with visit(browser, app) as page:
        page.set_default_timeout(200_000)  # trainings give way to whatever else runs on the machine
        card = looked_at(page)
        page.locator("#fs-teach-loss polyline").wait_for()
        page.click("#fs-teach-pause")
        card.get_by_text("paused", exact=True).wait_for()
        paused = jobs.get(job)
        assert paused.state == "paused" and paused.progress.last is not None and not paused.alive
        card = reloaded(page)
        card.get_by_text(f"step {paused.progress.last.step} of 800").wait_for()
        page.click("#fs-teach-resume")
        card.get_by_text("learning").wait_for()
        card = reloaded(page)
        card.get_by_text("learning").wait_for()
        page.click("#fs-teach-stop")
        card.locator(".fs-notice.fs-good").wait_for()
        page.locator("#fs-teach-talk").wait_for()
        page.get_by_role("tab", name="Chat", exact=True).click()
        assert jobs.get(job).state == "stopped" and jobs.get(job).progress.resumed == paused.progress.last.step
    jobs.remove(job)
    shutil.rmtree(app.data_dir / "adapters" / "pausy")


def test_rows_are_looked_at_and_saved_and_a_self_is_imported(browser: Browser, app: RunningApp, tmp_path: Path) -> None:
    path = tmp_path / "qa.jsonl"
    talk = [{"instruction": f"what is {n} for", "output": f"It is for <b>{n}</b>. " + "And " * n} for n in range(1, 40)]
    path.write_text("\n".join(json.dumps(one) for one in talk), encoding="utf-8")
    archive = tmp_path / "Captain Two.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for file in ("adapter_config.json", "adapter_model.safetensors", "passport.json"):
            out.write(SHIPPED_ADAPTERS / "pirate" / file, file)
    with visit(browser, app, "zh-CN") as page:
        page.get_by_role("tab", name="教它", exact=True).click()
        page.get_by_role("tab", name="用文件教").click()
        page.set_input_files("#fs-teach-file input[type=file]", str(path))
        page.locator("#fs-teach-file-name input, #fs-teach-file-name textarea").first.fill("Zed")
        page.locator("#fs-teach-advanced button").first.click()
        assert "LoRA 矩阵的秩" in page.locator("#fs-teach-recipe").inner_text()
        page.locator("#fs-teach-changes textarea").fill(f"{TINY}\nmax_length: 50")
        page.click("#fs-teach-prepare-file")
        page.locator("#fs-teach-look button").first.click()
        row = page.locator("#fs-teach-row")
        row.locator("mark").first.wait_for()
        assert "超过 50 个词元" in page.locator("#fs-teach-lengths").inner_text()
        # the table keeps an invisible copy of its cells to measure them
        cell = page.locator("#fs-teach-rows >> text=what is 7 for >> visible=true").first
        cell.click()
        row.get_by_text("what is 7 for").wait_for()
        assert row.locator("mark").inner_text().startswith("It is for <b>7</b>. And And")
        page.click("#fs-teach-save")
        page.locator("#fs-teach-saved a").first.wait_for()
        with page.expect_download() as saved:
            page.locator("#fs-teach-saved a").first.click()
        lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
        assert 10 < len(lines) < 39 and all(json.loads(line)["messages"] for line in lines)

        page.locator("#fs-import button").first.click()
        page.click("#fs-import-go")
        page.locator(ERROR).first.wait_for()
        page.set_input_files("#fs-import-file input[type=file]", str(archive))
        page.locator("#fs-import-file a, #fs-import-file .file-preview").first.wait_for()
        page.click("#fs-import-go")
        page.locator(".toast-body.info").first.wait_for()
        page.get_by_role("tab", name="比较", exact=True).click()
        page.locator("#fs-compare-selves label").nth(3).wait_for()
        assert page.locator("#fs-compare-selves").inner_text().count("盐胡子船长") == 2
    shutil.rmtree(app.data_dir / "adapters" / "captain-two")
