"""The page in headless Chromium, as a person uses it: both languages, citations, selves, reload, restart, bad files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llm import engine_tab
from tests.front.running import RunningApp
from tests.rag.files import make_xlsx, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: see tests/browser.sh"),
]
# Quiet and offline: a browser that looks its vendor up would only wait here.
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
ANSWERED = ".fs-footer"
LOOK = 1000 * engine_tab.EVERY  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)


@contextmanager
def visit(browser: Browser, app: RunningApp, locale: str = "en-US", width: int = 1280) -> Iterator[Page]:
    """A fresh visitor. On leaving: no script error was logged and nothing outside this machine was asked for."""
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 860})
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(error.stack or str(error)))
    page.on("request", lambda r: None if r.url.startswith((app.url, "data:", "blob:")) else wrong.append(r.url))
    page.goto(app.url)
    page.wait_for_selector(".fs-pill.fs-ready")
    yield page
    assert not wrong
    context.close()


def ask(page: Page, question: str) -> str:
    """Type a question, wait for the whole answer, return the newest answer's text."""
    before = page.locator(ANSWERED).count()
    page.fill("#fs-question textarea", question)
    page.keyboard.press("Enter")
    page.locator(ANSWERED).nth(before).wait_for()
    return page.locator("#fs-log .bot.message").last.inner_text()


def open_tab(page: Page, name: str) -> None:
    """Clicked again where the click fell into the page's own rendering, which loses it."""
    tab = page.get_by_role("tab", name=name)
    for _ in range(20):
        tab.click()
        page.wait_for_timeout(200)
        if tab.get_attribute("aria-selected") == "true":
            return
    raise AssertionError(f"the tab {name} does not open")


def pick(page: Page, picker: str, label: str) -> None:
    page.click(f"{picker} input")
    page.get_by_role("option", name=label).first.click()


def test_ask_open_the_citation_change_the_self(browser: Browser, app: RunningApp) -> None:
    with visit(browser, app) as page:
        assert page.locator("#fs-question textarea").get_attribute("placeholder", timeout=5000).startswith("Ask")
        first = ask(page, "红烧肉怎么做？")
        assert "Base" in first and "红烧肉" in first
        source = page.locator(".fs-source").first
        assert source.get_attribute("open") is None
        page.locator(".fs-cite").first.click()
        page.locator(".fs-source[open]").first.wait_for()
        marked = page.locator(".fs-source[open] mark").first.inner_text()
        assert marked.strip() and marked.strip() in source.locator(".fs-passage").inner_text()
        pick(page, "#fs-collection", "Off")
        base = ask(page, "Who are you?")
        pick(page, "#fs-adapter", "Captain")
        pirate = ask(page, "Who are you?")
        assert base.splitlines()[0] != pirate.splitlines()[0]
        assert base.splitlines()[2] != pirate.splitlines()[2]


def test_why_these_passages_from_a_chosen_document_and_measured(
    browser: Browser, app: RunningApp, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.csv"
    questions.write_text(
        "question,source\n清蒸鲈鱼要蒸多久？,清蒸鲈鱼.md\n白切鸡怎样才算熟？,白切鸭.md\n", encoding="utf-8"
    )
    with visit(browser, app) as page:
        page.locator("#fs-settings .toggle-button").click()
        pick(page, "#fs-documents", "清蒸鲈鱼")
        page.keyboard.press("Escape")
        ask(page, "红烧肉怎么做？")
        page.locator(".fs-why summary").last.click()
        told = page.locator(".fs-why[open]").last.inner_text()
        assert "Searched for: 红烧肉怎么做？" in told and "清蒸鲈鱼" in told
        assert "1. 红烧肉" not in told, "it was not among the chosen documents"
        open_tab(page, "Knowledge")
        pick(page, "#fs-kb-collection", "菜谱")
        page.get_by_role("button", name="Measure it with your own questions").click()
        page.set_input_files("#fs-ev-file input[type=file]", questions)
        page.locator("#fs-ev-file .file-preview").wait_for()  # its name alone shows while it is still on its way
        page.click("#fs-ev-run")
        # the table holds a row that is never seen, for its widths
        page.locator("#fs-ev-table").get_by_text("meaning alone").locator("visible=true").first.wait_for()
        assert "50.0" in page.locator("#fs-ev-table").inner_text()
        assert "白切鸭.md" in page.locator("#fs-ev-notes").inner_text()


def test_chinese_interface_and_example_questions(browser: Browser, app: RunningApp) -> None:
    with visit(browser, app, "zh-CN") as page:
        open_tab(page, "知识库")
        page.click("#fs-kb-new")
        title = "getComputedStyle(document.querySelector('.toast-title.error'), '::before').content"
        page.locator(".toast-title.error").wait_for()
        assert page.evaluate(title) == '"出错了"'
        open_tab(page, "对话")
        page.locator("#fs-log .example").first.click()
        page.locator(ANSWERED).first.wait_for()
        assert "词元" in page.locator(ANSWERED).first.inner_text()


def test_streaming_stop_and_retry(browser: Browser, app: RunningApp) -> None:
    with visit(browser, app) as page:
        page.fill("#fs-question textarea", "How do I make lentil dal?")
        page.keyboard.press("Enter")
        stop = page.locator("#fs-question .stop-button")
        stop.wait_for()
        page.locator("#fs-log .bot.message p").first.wait_for()
        early = page.locator("#fs-log .bot.message").last.inner_text()
        stop.click()
        page.locator(ANSWERED).first.wait_for()
        stopped = page.locator("#fs-log .bot.message").last.inner_text()
        assert "stopped" in stopped and len(stopped) >= len(early)
        page.get_by_role("button", name="Retry").first.click()
        page.locator("#fs-question .stop-button").wait_for()
        page.locator("#fs-question .submit-button").wait_for(timeout=120_000)
        assert page.locator("#fs-log .user.message").count() == 1
        assert page.locator("#fs-log .bot.message").last.inner_text() != stopped


def test_a_conversation_survives_reload_and_kill(browser: Browser, tmp_path: Path) -> None:
    app = RunningApp(tmp_path)
    app.wait()
    with visit(browser, app) as page:
        pick(page, "#fs-collection", "Off")
        answer = ask(page, "Hello!")
        page.reload()
        page.locator(ANSWERED).first.wait_for()
        assert page.locator("#fs-log .bot.message").last.inner_text() == answer
        app.kill()
        again = RunningApp(tmp_path, port=app.port)
        again.wait()
        page.reload()
        page.locator(ANSWERED).first.wait_for()
        assert page.locator("#fs-log .bot.message").last.inner_text() == answer
        page.locator("#fs-conversations label").first.wait_for(state="attached")
        assert page.locator("#fs-conversations label").count() == 1
        again.stop()


def written(browser: Browser, folder: Path) -> tuple[list[str], str]:
    """A PDF of two pages, a workbook and an empty file; and the question that the PDF's second page answers."""
    paper = browser.new_page()
    paper.set_content(
        "<title>Canteen</title><h1>Canteen</h1><p>Rules for the staff.</p><div style='break-after:page'></div>"
        "<h2>Duty roster</h2><p>Zanzibar Petrov is on duty on Wednesday, phone 8801.</p>"
    )
    paper.pdf(path=folder / "duty.pdf")
    paper.close()
    rows = [["Item", "Price in yuan"], ["Green notebook", 12], ["Red stapler", 38]]
    write(folder, "prices.xlsx", make_xlsx({"Prices": rows}))
    write(folder, "empty.txt", "")
    return [str(folder / name) for name in ("duty.pdf", "prices.xlsx", "empty.txt")], "What phone number has Petrov?"


def opened(page: Page, source: Locator) -> Locator:
    """What a passage opens in its document, once that is there."""
    source.locator("summary").click()
    source.locator(".fs-open").click()
    panel = page.locator("#fs-viewer .fs-view-wide")
    panel.wait_for()
    return panel


def test_knowledge_tab_add_ask_open_delete(browser: Browser, app: RunningApp, tmp_path: Path) -> None:
    files, question = written(browser, tmp_path)
    with visit(browser, app) as page:
        open_tab(page, "Knowledge")
        page.locator("#fs-kb-title input, #fs-kb-title textarea").first.fill("Duties")
        page.click("#fs-kb-new")
        page.wait_for_function("document.querySelector('#fs-kb-collection input').value.startsWith('Duties')")
        page.set_input_files("#fs-kb-files input[type=file]", files)
        page.locator(".fs-file-added").nth(1).wait_for()
        page.locator(".fs-file-failed").wait_for()
        assert "empty" in page.locator(".fs-file-failed").inner_text()
        page.wait_for_function("document.querySelector('#fs-kb-collection input').value === 'Duties (2)'")
        page.locator("#fs-kb-care button").first.click()
        page.click("#fs-kb-backup")
        page.locator("#fs-kb-saved a").first.wait_for()
        page.click("#fs-kb-verify")
        page.locator("#fs-kb-told .fs-good").wait_for()
        page.locator("#fs-kb-query input, #fs-kb-query textarea").first.fill("Who is Zanzibar?")
        page.keyboard.press("Enter")
        page.locator("#fs-kb-found .fs-source").first.wait_for()
        assert "8801" in page.locator("#fs-kb-found").inner_text()
        open_tab(page, "Chat")
        pick(page, "#fs-collection", "Duties")
        assert "8801" in ask(page, question)
        page.locator(".fs-cite").first.click()
        paper = page.locator("#fs-viewer .fs-view-page")
        paper.wait_for()
        assert "page 2 of 2" in page.locator("#fs-viewer").inner_text()
        assert paper.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
        on, mark = paper.bounding_box(), paper.locator("mark").first.bounding_box()
        assert on and mark and on["x"] < mark["x"] < on["x"] + on["width"] / 2, "in the line, not below it"
        assert on["y"] < mark["y"] < on["y"] + on["height"] / 4
        page.keyboard.press("Escape")
        assert not page.locator("#fs-viewer").is_visible()
        page.locator("#fs-log button[title=Like], #fs-log button[aria-label=Like]").last.click()
        page.locator(".toast-body.info").wait_for()
        ask(page, "What is the price of the Red stapler?")
        rows = opened(page, page.locator("#fs-log .fs-source").last)
        assert rows.locator("tr").filter(has_text="Red stapler").inner_text().split() == ["3", "Red", "stapler", "38"]
        assert rows.locator("th").all_inner_texts() == ["Row", "Item", "Price in yuan"]
        page.locator(".fs-view-close").click()

        open_tab(page, "Knowledge")
        page.get_by_role("button", name="Measure it with your own questions").click()
        kept = page.locator("#fs-ev-questions >> text=Petrov >> visible=true").first
        kept.wait_for()
        # The list is written once more when the upload is over; what is chosen stays so.
        # The table keeps an invisible copy of its cells to measure them.
        cell = page.locator("#fs-kb-table >> text=duty.pdf >> visible=true").first
        cell.click()
        page.locator("#fs-kb-remove").click()
        cell.wait_for(state="detached")
        page.wait_for_function("document.querySelector('#fs-kb-collection input').value === 'Duties (1)'")
        open_tab(page, "Chat")
        page.locator(".fs-cite").first.click()
        page.locator("#fs-viewer .fs-warning").wait_for()
        assert "deleted" in page.locator("#fs-viewer").inner_text() and not paper.is_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="New chat").click()
        page.locator(ANSWERED).first.wait_for(state="detached")
        answer = ask(page, question)
        assert "8801" not in answer and "No answer found" in answer
        open_tab(page, "Knowledge")
        kept.wait_for(state="hidden")


def test_engine_tab_is_refreshed_only_while_it_is_shown(browser: Browser, app: RunningApp) -> None:
    with visit(browser, app, "zh-CN") as page:
        asked: list[str] = []
        # What is not queued is asked for by its own request.
        page.on("request", lambda r: asked.append(r.url) if r.method == "POST" and "/run/" in r.url else None)
        page.wait_for_timeout(2 * LOOK)
        assert not asked, "nobody looks"
        for leave in ("by its tab", "by a new chat", "not"):
            open_tab(page, "引擎")
            cards = page.locator("#fs-engine .fs-card")
            cards.nth(5).wait_for()
            assert "/8" in cards.nth(1).inner_text() and "MiB" in cards.nth(5).inner_text()
            for _ in range(2):  # it is refreshed
                page.wait_for_event("request", lambda r: r.method == "POST" and "/run/" in r.url)
            if leave == "not":
                break
            if leave == "by its tab":
                open_tab(page, "对话")
            else:
                page.get_by_role("button", name="新对话").click()
            page.locator("#fs-question textarea").wait_for()
            page.wait_for_timeout(2 * LOOK)  # the look that finds nobody there
            before = len(asked)
            page.wait_for_timeout(2 * LOOK)
            assert len(asked) == before, "nobody looks any more"


def test_phone_width_has_no_sideways_scroll(browser: Browser, app: RunningApp) -> None:
    with visit(browser, app, width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#fs-question textarea").is_visible()
