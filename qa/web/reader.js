// The address decides what is read: a click on a citation changes it, and so does Back. The first
// time, what this browser kept of the conversation goes along: its questions, as links.
const kept = () => {
  try {
    return JSON.parse(localStorage.getItem(props.kept_as) ?? "[]");
  } catch {
    return [];
  }
};
window.addEventListener("hashchange", () => trigger("select", { link: location.hash }));
if (location.hash.length > 1 || kept().length) {
  trigger("select", { link: location.hash, kept: kept() });
}

element.addEventListener("click", async (event) => {
  const only = event.target.closest("button.qa-only");
  if (only) {
    trigger("input", { article: only.dataset.path });
    document.dispatchEvent(new CustomEvent("qa-asking"));
    document.querySelector("#qa-question textarea")?.focus();
  }
  const copy = event.target.closest("button.qa-copy");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = props.copied;
  }
});

// The cited passage is brought into view: inside the reader and, on a phone, on the page.
watch("value", () => {
  const target = element.querySelector("mark.qa-answer") ?? element.querySelector(".qa-passage");
  if (target) target.scrollIntoView({ block: "center" });
  else element.querySelector(".qa-scroll").scrollTop = 0;
});
