"use strict";
// A click on a column's heading sorts its table; another one turns the order around.
(function () {
  const words = new Intl.Collator("en", { numeric: true });

  function key(cell) {
    const text = cell.textContent.trim().replace("\u2212", "-").replaceAll(",", "");
    if (text === "\u2013") return null;
    const value = /^[-+]?[\d.:]+%?$/.test(text)
      ? text.replace("%", "").split(":").reduce((sum, part) => 60 * sum + Number(part), 0)
      : NaN;
    return Number.isNaN(value) ? text : value;
  }

  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : words.compare(a, b);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      if (!head.textContent.trim() || "plain" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
        // What is not known comes last in either order.
        rows.sort(([a], [b]) =>
          (a === null) - (b === null) || (a === null ? 0 : down ? compare(b, a) : compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }
})();
