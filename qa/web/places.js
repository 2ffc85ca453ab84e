// Library, conversation and reader are side by side in a wide window and tabs in a narrow one.
const tabs = [...element.querySelectorAll("[role=tab]")];
const show = (place) => {
  element.closest("#qa-places").dataset.place = place;
  for (const tab of tabs) {
    const chosen = tab.dataset.place === place;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
};
element.addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) show(tab.dataset.place);
});
element.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tab = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  show(tab.dataset.place);
  tab.focus();
});
// A link to a place in an article leads to the reader, and Back from there to the conversation.
const follow = () => show(/(^|[#&])at=/.test(location.hash) ? "reader" : "conversation");
window.addEventListener("hashchange", follow);
document.addEventListener("qa-asking", () => show("conversation"));
follow();
