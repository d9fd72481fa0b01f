"use strict";
// The page as it was written, before other scripts change it.
const asMade = {
  head: document.head.outerHTML,
  body: [...document.body.children].filter((one) => one.tagName !== "SCRIPT").map((one) => one.outerHTML).join("\n"),
};

// Says what the file contains before a copy is shared.
function sharing(edited, stem) {
  const dialog = document.getElementById("sharing");
  const unsaved = document.getElementById("unapplied");

  function copy(pictures) {
    const page = new DOMParser().parseFromString(asMade.body, "text/html");
    if (!pictures) {
      page.querySelectorAll("img").forEach((image) => image.remove());
      page.getElementById("recording").removeAttribute("src");
      page.querySelectorAll(".with-pictures").forEach((words) => words.remove());
      page.querySelectorAll(".without-pictures").forEach((words) => { words.hidden = false; });
    }
    const scripts = [...document.scripts].map((script) => script.outerHTML).join("\n");
    return `<!doctype html>\n<html lang="en">\n${asMade.head}\n<body>\n${page.body.innerHTML}\n${scripts}\n</body>\n</html>\n`;
  }

  document.getElementById("share").addEventListener("click", () => {
    unsaved.hidden = !edited.changed;
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest(".close")) dialog.close();
    const kind = event.target.closest("button")?.dataset.copy;
    if (!kind) return;
    save(new Blob([copy(kind === "all")], { type: "text/html" }), `${stem}-report.html`);
    dialog.close();
  });
}
