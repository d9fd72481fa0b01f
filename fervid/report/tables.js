"use strict";
// A click on a heading sorts the table by its column; another one reverses the order.
const byWords = new Intl.Collator("en", { numeric: true });

// Missing values come last in either order.
function ordered(rows, key, down) {
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : byWords.compare(a, b));
  return rows
    .map((row) => [key(row), row])
    .sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : down ? compare(b, a) : compare(a, b)))
    .map(([, row]) => row);
}

function sortable(table, sort) {
  const heads = [...table.tHead.rows[0].cells];
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
      sort(column, down);
    });
  });
}

(function () {
  function key(cell) {
    const text = cell.textContent.trim().replace("\u2212", "-").replaceAll(",", "");
    if (text === "\u2013") return null;
    const value = /^[-+]?[\d.:]+%?$/.test(text)
      ? text.replace("%", "").split(":").reduce((sum, part) => 60 * sum + Number(part), 0)
      : NaN;
    return Number.isNaN(value) ? text : value;
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    sortable(table, (column, down) =>
      body.append(...ordered([...body.rows], (row) => key(row.cells[column]), down)));
  }
})();
