"""Comparing selves: by command, and on the page in headless Chromium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from front.commands import main
from tests.front.running import RunningApp
from tests.front.test_page import CHROMIUM, browser, open_tab, pick, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = pytest.mark.slow


def test_the_command_tells_what_each_changes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ("compare", "Who are you?", "--longest", "12", "--data-dir", str(tmp_path))
    assert main([*asked, "--self", "chef", "--self", "chef*0.5+tea*0.5", "--self", "tea*0", "--json"]) == 0
    base, chef, mix, nothing = json.loads(capsys.readouterr().out)
    assert base["self"] is None and base["changes"] is None and base["answer"] == nothing["answer"] != chef["answer"]
    assert chef["changes"]["share"] > 0.2 and not chef["changes"]["nothing"] and nothing["changes"]["nothing"]
    assert mix["self"] == "chef*0.5 + tea*0.5" and "+" in mix["version"]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: see tests/browser.sh")
def test_selves_and_a_mix_are_compared_on_the_page(browser: Browser, app: RunningApp) -> None:
    with visit(browser, app) as page:
        open_tab(page, "Compare")
        page.locator("#fs-compare-selves label").nth(2).wait_for()
        page.get_by_label("Zhicha (draft)").uncheck()
        page.fill("#fs-compare-question textarea", "Who are you?")
        page.locator("#fs-compare-mix button").first.click()
        pick(page, "#fs-compare-first", "Captain")
        page.click("#fs-compare-go")
        page.locator(".toast-body.error").first.wait_for()
        assert "two different selves" in page.locator(".toast-body.error").first.inner_text()
        pick(page, "#fs-compare-second", "Zaowang")
        page.click("#fs-compare-go")
        page.locator(".fs-compare .fs-word.fs-good").nth(2).wait_for()
        page.locator("#fs-compare-stop").wait_for(state="hidden")
        columns = page.locator(".fs-compare section")
        assert columns.count() == 4 and "× 0.5" in columns.nth(3).inner_text()
        assert "of the next-word choices" in columns.nth(1).inner_text()
        answers = page.locator(".fs-compare .fs-said").all_inner_texts()
        assert len(set(answers[:3])) == 3 and all(answers)  # the mix may say what one of its two says
        # a long answer is stopped, and what was said stays
        page.fill("#fs-compare-question textarea", "Write a long story about the sea, the wind and an old ship.")
        page.click("#fs-compare-go")
        page.locator("#fs-compare-stop").click()
        page.locator("#fs-compare-stop").wait_for(state="hidden")
        assert page.locator("#fs-compare-go").is_enabled()
