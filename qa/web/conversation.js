const finished = () =>
  [...element.querySelectorAll(".qa-turn")].filter((turn) => !turn.querySelector(".qa-looking"));
// Only these are kept and exported, not questions that were refused or stopped.
const answered = () => finished().filter((turn) => "answered" in turn.dataset);
const asked = () => location.hash.slice(1).split(/&?at=/)[0];

// Announced by screen readers when an answer has arrived; outside of what Gradio replaces.
const said = document.createElement("p");
said.setAttribute("role", "status");
said.className = "qa-unseen";
element.after(said);

// Marks the citation that the reader shows; returns the turn that the address names.
const follow = () => {
  for (const cite of element.querySelectorAll("a.qa-cite")) {
    if (cite.getAttribute("href") === location.hash) cite.setAttribute("aria-current", "true");
    else cite.removeAttribute("aria-current");
  }
  return finished().find((turn) => turn.dataset.link === asked());
};
window.addEventListener("hashchange", follow);

let count = 0;
let fresh = true;
watch("value", () => {
  const turns = finished();
  const last = turns.at(-1);
  // The browser keeps the questions; they are answered again when the page is opened.
  if (turns.length) {
    localStorage.setItem(props.storage_key, JSON.stringify(answered().map((turn) => turn.dataset.link)));
  } else if (count) {
    localStorage.removeItem(props.storage_key);
    history.pushState(null, "", location.pathname + location.search);
  }
  if (turns.length > count && last.dataset.link !== asked() && !fresh) {
    history.pushState(null, "", `#${last.dataset.link}`); // an address of its own; nothing is sent
    document.dispatchEvent(new CustomEvent("qa-asking"));
  }
  fresh &&= !turns.length && !element.querySelector(".qa-looking");
  said.textContent = turns.length > count ? last.dataset.said : "";
  count = turns.length;
  for (const button of element.querySelectorAll("button.qa-judge")) {
    button.setAttribute("aria-pressed", String(judged.get(about(button)) === button.dataset.good));
  }
  const scroller = element.querySelector(".qa-scroll");
  const shown = element.querySelector(".qa-turn:has(.qa-looking)") ?? follow() ?? last;
  const top = (of) => of.getBoundingClientRect().top;
  if (shown) scroller.scrollTop += top(shown) - top(scroller) - 8;
});

// Judgements are sent to the server at once; a reason may follow.
const judged = new Map();
const about = (button) =>
  `${button.closest(".qa-turn").dataset.link} ${button.dataset.number ?? ""}`;
const judge = async (button) => {
  const turn = button.closest(".qa-turn");
  const send = (reason) =>
    server.judge({
      link: turn.dataset.link,
      number: button.dataset.number ? Number(button.dataset.number) : null,
      good: button.dataset.good === "true",
      reason,
    });
  judged.set(about(button), button.dataset.good);
  for (const other of turn.querySelectorAll("button.qa-judge")) {
    if (about(other) === about(button)) other.setAttribute("aria-pressed", String(other === button));
  }
  turn.querySelector(".qa-why")?.remove();
  const form = document.createElement("form");
  form.className = "qa-why";
  const reason = form.appendChild(document.createElement("input"));
  reason.maxLength = 1000;
  reason.placeholder = "Why? (optional)";
  reason.setAttribute("aria-label", reason.placeholder);
  form.appendChild(document.createElement("button")).textContent = "Keep";
  const note = form.appendChild(document.createElement("p"));
  note.setAttribute("role", "status");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    note.textContent = await send(reason.value);
  });
  button.parentElement.after(form);
  note.textContent = await send("");
};

const save = async (button) => {
  const turns = button.dataset.what === "all" ? answered() : [button.closest(".qa-turn")];
  const format = button.dataset.format;
  const links = turns.map((turn) => turn.dataset.link);
  const { pack, note } = await server.export({ links, format });
  button.parentElement.querySelector(".qa-saved").textContent = note;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([pack]));
  link.download = `evidence.${format}`;
  link.click();
  URL.revokeObjectURL(link.href);
};

element.addEventListener("click", (event) => {
  event.target.closest(".qa-cited")?.classList.add("qa-dismissed");
  const button = event.target.closest("button");
  if (!button) return;
  const turn = Number(button.dataset.turn);
  if (button.matches(".qa-without-history")) trigger("input", { turn, without_history: true });
  if (button.matches(".qa-again")) trigger("input", { turn });
  if (button.matches(".qa-judge")) judge(button);
  if (button.matches(".qa-save")) save(button);
});

// Escape hides a preview until the pointer or the focus returns.
element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const cited of element.querySelectorAll(".qa-cited")) cited.classList.add("qa-dismissed");
});
for (const coming of ["pointerover", "focusin"]) {
  element.addEventListener(coming, (event) => {
    const cited = event.target.closest(".qa-cited");
    if (!cited?.contains(event.relatedTarget)) cited?.classList.remove("qa-dismissed");
  });
}
