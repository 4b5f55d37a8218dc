// Of Chinese and English the one that the browser names first, as the server chooses: what the page says is in it.
document.documentElement.lang = navigator.languages.find((name) => /^(zh|en)/i.test(name)) || "en";

// Chips open their passage; copy buttons copy. Delegated, because Gradio redraws messages while they stream; by class,
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

// The words do what the thumb under the answer does: Gradio knows which answer a thumb belongs to.
const correctAnswer = (button) => {
  const row = button.closest(".message-row").nextElementSibling;
  [...row.querySelectorAll("button")].pop().click();
};

document.addEventListener("click", (event) => {
  const chip = event.target.closest(".fs-cite");
  const copy = event.target.closest(".fs-copy");
  const correct = event.target.closest(".fs-correct");
  if (chip) {
    openPassage(chip);
  } else if (copy) {
    copyAnswer(copy);
  } else if (correct) {
    correctAnswer(correct);
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
