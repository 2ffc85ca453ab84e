// The address names what is read: a click on a citation changes it, and so does Back. When the page
// is opened, the questions that this browser keeps are sent along, as links.
const kept = () => {
  try {
    return JSON.parse(localStorage.getItem(props.storage_key) ?? "[]");
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
    copy.textContent = "Copied";
  }
});

// Scrolls to the cited passage: inside the reader and, on a phone, on the page.
watch("value", () => {
  const target = element.querySelector("mark.qa-answer") ?? element.querySelector(".qa-passage");
  if (target) target.scrollIntoView({ block: "center" });
  else element.querySelector(".qa-scroll").scrollTop = 0;
});
