// Of Chinese and English the one that the browser names first, as the server chooses: what the page says is in it.
document.documentElement.lang = navigator.languages.find((name) => /^(zh|en)/i.test(name)) || "en";

// Chips open their passage, here and in its document; copy buttons copy. Delegated, because Gradio redraws messages while they stream; by class,
// because its sanitiser drops data attributes.
const openPassage = (chip) => {
  const target = [...chip.classList].find((name) => name.startsWith("fs-to-"));
  const source = target && document.querySelector("." + target.replace("fs-to-", "fs-at-"));
  if (source) {
    source.open = true;
    (source.querySelector("mark") || source).scrollIntoView({ behavior: "smooth", block: "center" });
    source.classList.add("fs-flash");
    setTimeout(() => source.classList.remove("fs-flash"), 1200);
  }
};

const copyAnswer = (button) => {
  const answer = button.closest(".md").cloneNode(true);
  answer.querySelectorAll(".fs-self, .fs-notice, .fs-sources, .fs-footer").forEach((part) => part.remove());
  answer.querySelectorAll(".fs-cite").forEach((chip) => chip.replaceWith("[" + chip.textContent + "]"));
  // Laid out for a moment, out of sight, so that innerText knows where lines end.
  answer.style.cssText = "position:fixed;left:-9999px;white-space:normal";
  document.body.append(answer);
  const text = answer.innerText.trim();
  answer.remove();
  const done = () => {
    const label = button.textContent;
    button.textContent = "✓";
    setTimeout(() => { button.textContent = label; }, 1200);
  };
  // The clipboard API exists on https and localhost only; the text area works on plain http too.
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text).then(done);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  done();
};

// Gradio has no event for what is in a message: an unseen button of its own takes what was pointed at to the server.
const tellServer = (button, unseen) => {
  window.fsWanted = [...button.classList].find((name) => /^fs-(to|for)-/.test(name)).replace(/^fs-(to|for)-/, "");
  document.querySelector(unseen).click();
};

// The document stands beside the chat, on a phone above it.
let opener = null;
const openDocument = (button) => {
  opener = button;
  document.body.classList.add("fs-viewing");
  tellServer(button, "#fs-view-open");
};
const closeDocument = () => {
  document.body.classList.remove("fs-viewing");
  if (opener && opener.isConnected) {
    opener.focus({ preventScroll: true });
  }
};
window.fsShowMark = () => {
  const view = document.querySelector("#fs-viewer .fs-view");
  const mark = view && view.querySelector("mark");
  if (mark) { // not scrollIntoView, which would move the page below, too
    const [at, all] = [mark, view].map((element) => element.getBoundingClientRect());
    view.scrollTop += (at.top + at.bottom) / 2 - (all.top + all.bottom) / 2;
    const wide = mark.closest(".fs-view-wide");
    if (wide) {
      wide.scrollLeft += (at.left + at.right) / 2 - (all.left + all.right) / 2;
    }
  }
  const close = document.querySelector("#fs-viewer .fs-view-close");
  if (close) {
    close.focus({ preventScroll: true });
  }
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    closeDocument();
  }
});

document.addEventListener("click", (event) => {
  const chip = event.target.closest(".fs-cite");
  const copy = event.target.closest(".fs-copy");
  const correct = event.target.closest(".fs-correct");
  const open = event.target.closest(".fs-open");
  if (chip) {
    openPassage(chip);
    openDocument(chip);
  } else if (open) {
    openDocument(open);
  } else if (copy) {
    copyAnswer(copy);
  } else if (correct) {
    tellServer(correct, "#fs-correct-open");
  } else if (event.target.closest(".fs-view-close")) {
    closeDocument();
  }
});

// On a wide screen the conversations stand open beside the chat; on a phone they would cover it. The button does nothing
// until Gradio has brought the page to life, hence the second look.
const openHistory = (tries) => {
  const history = document.querySelector("#fs-history");
  if (window.innerWidth < 1200 || tries === 0 || (history && history.classList.contains("open"))) {
    return;
  }
  if (history) {
    history.querySelector(".toggle-button").click();
  }
  setTimeout(() => openHistory(tries - 1), 400);
};
openHistory(25);
