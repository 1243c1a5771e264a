// Filter the page. Without this script everything is shown, and the form is not.
const form = document.querySelector(".filter");
const blocks = [...document.querySelectorAll("tbody")];
const others = [...document.querySelectorAll("[data-about], details.columns, .doubts li")];
const words = ({ dataset, textContent }) =>
  (dataset.name ?? dataset.about ?? textContent).toLowerCase();

function filter() {
  const text = form.text.value.trim().toLowerCase();
  const persona = form.persona.value;
  let shown = 0;
  for (const block of blocks) {
    const marked = !form.marked.checked || block.querySelector(".flag");
    block.hidden = !marked || !words(block).includes(text);
    shown += block.hidden ? 0 : 1;
  }
  for (const one of others) one.hidden = !words(one).includes(text);
  for (const cell of document.querySelectorAll("[data-persona]")) {
    cell.hidden = persona !== "" && cell.dataset.persona !== persona;
  }
  form.shown.value = shown < blocks.length ? `${shown} of ${blocks.length}` : "";
  document.querySelector(".none").hidden = shown > 0;
  fit();
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

// Where the table is no wider than the page, the page scrolls it, and its head stays in view.
function fit() {
  const frame = document.querySelector(".scroll");
  frame.classList.remove("fits");
  frame.classList.toggle("fits", frame.scrollWidth <= frame.clientWidth);
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", openTarget);
addEventListener("resize", fit);
const folded = [...document.querySelectorAll("details.columns")];
addEventListener("beforeprint", () => {
  for (const one of folded) {
    one.dataset.was = one.open;
    one.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = one.dataset.was === "true";
});
openTarget();
fit();
