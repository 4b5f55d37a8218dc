// Chips open their passage; copy buttons copy. Delegated, because Gradio redraws messages while they stream.
document.addEventListener("click", (event) => {
  const chip = event.target.closest(".fs-cite");
  if (chip) {
    const source = document.querySelector(`[data-source="${chip.dataset.cite}"]`);
    if (source) {
      source.open = true;
      source.scrollIntoView({ behavior: "smooth", block: "nearest" });
      source.classList.add("fs-flash");
      setTimeout(() => source.classList.remove("fs-flash"), 1200);
    }
    return;
  }
  const copy = event.target.closest(".fs-copy");
  if (copy) {
    const label = copy.textContent;
    // The clipboard API exists on https and localhost only; the text area works on plain http too.
    const done = () => { copy.textContent = copy.dataset.copied; setTimeout(() => { copy.textContent = label; }, 1200); };
    if (navigator.clipboard) {
      navigator.clipboard.writeText(copy.dataset.copy).then(done);
    } else {
      const area = document.createElement("textarea");
      area.value = copy.dataset.copy;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      done();
    }
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
