// Files are dropped anywhere on the page, or chosen with the two hidden inputs. Gradio uploads each;
// then one event names them all.
const within = async (entry, folder = "") => {
  const path = folder + entry.name;
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    return [[await new Promise((done, failed) => entry.file(done, failed)), path]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // Returns at most a hundred entries at a time, and none at the end.
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    found.push(...some);
  }
  const inner = await Promise.all(found.map((each) => within(each, `${path}/`)));
  return inner.flat();
};

const bring = async (files) => {
  const place = () => element.querySelector(".qa-add");
  const brought = [];
  for (const [file, name] of files) {
    const said = place().dataset.sending;
    const note = place().querySelector(".qa-sending");
    note.textContent = said.replace("{}", brought.length + 1).replace("{}", files.length);
    let path = null;
    if (file.size <= Number(place().dataset.most)) {
      try {
        ({ path } = await upload(file));
      } catch {
        path = null; // the server reports it, with the file's name
      }
    }
    brought.push({ name, path });
  }
  place().querySelector(".qa-sending").textContent = "";
  if (brought.length) trigger("upload", { files: brought });
};

const dragged = (event) => event.dataTransfer?.types.includes("Files");
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!dragged(event)) return;
    event.preventDefault();
    const over = kind === "dragenter" || kind === "dragover";
    document.body.classList.toggle("qa-dropping", over);
  });
}
document.addEventListener("drop", async (event) => {
  if (!dragged(event)) return;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry());
  const found = await Promise.all(entries.filter(Boolean).map((entry) => within(entry)));
  await bring(found.flat());
});

element.addEventListener("change", (event) => {
  const input = event.target;
  if (input.type !== "file") return;
  const named = [...input.files].map((file) => [file, file.webkitRelativePath || file.name]);
  input.value = "";
  bring(named.filter(([, name]) => !name.split("/").some((part) => part.startsWith("."))));
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches(".qa-undo")) trigger("input", { article: button.dataset.path, back: true });
  if (button?.matches(".qa-pick")) element.querySelector(`input[name=${button.dataset.input}]`).click();
});
