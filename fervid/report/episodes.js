"use strict";
// The table of episodes: filtered by person, expression and words, and sorted.
function episodeTable({ data, names, expressions, colours, pictures }) {
  const STEP = 200;
  const table = document.getElementById("episode-table");
  if (!table || !data.onset) return () => {};
  const [onset, offset, peak, peakAt, who, expression] =
    ["onset", "offset", "peak", "peak_time", "who", "expression"].map((name) => numbers(data[name]));
  const all = Array.from(onset, (_, k) => ({
    from: onset[k] / 10000, to: offset[k] / 10000, peak: peak[k] / 1000, peakAt: peakAt[k] / 10000,
    name: names[who[k]] ?? `face ${who[k]}`, expression: expressions[expression[k]],
  }));
  const field = (id) => document.getElementById(id);
  const KEYS = [
    null, (one) => one.from, (one) => one.to, (one) => one.to - one.from, (one) => one.name,
    (one) => one.expression, (one) => one.peak, (one) => one.peakAt,
  ];
  let order = all;
  let most = STEP;
  let shown = [];

  const element = (tag, text, kind) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  function moment(seconds) {
    const link = element("a", clock(seconds));
    link.href = `#t=${seconds.toFixed(3)}`;
    link.dataset.time = seconds.toFixed(3);
    return link;
  }

  function picture(one) {
    const cell = element("td", undefined, "face");
    const address = pictures.get(`${one.name} ${one.expression}`);
    if (!address) return cell;
    const image = element("img");
    Object.assign(image, { src: address, alt: "", width: 34, height: 34, loading: "lazy" });
    cell.append(image);
    return cell;
  }

  function rowOf(one) {
    const row = element("tr");
    const chip = element("span", undefined, "chip");
    chip.style.background = colours[one.expression];
    const named = element("td", undefined, "word");
    named.append(chip, one.expression);
    const times = [one.from, one.to, one.peakAt].map((seconds) => {
      const cell = element("td");
      cell.append(moment(seconds));
      return cell;
    });
    row.append(
      picture(one), times[0], times[1], element("td", (one.to - one.from).toFixed(1)), element("td", one.name, "word"),
      named, element("td", `${(100 * one.peak).toFixed(1)}%`), times[2],
    );
    return row;
  }

  function fill() {
    const words = field("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [person, what] = [field("whose").value, field("what").value];
    const found = order.filter((one) => {
      if ((person && one.name !== person) || (what && one.expression !== what)) return false;
      const text = `${one.name} ${one.expression} ${clock(one.from)}`;
      return words.every((word) => text.includes(word));
    });
    shown = found.slice(0, most).map((one) => ({ one, row: rowOf(one) }));
    table.tBodies[0].replaceChildren(...shown.map(({ row }) => row));
    field("found").textContent = `${found.length.toLocaleString("en")} of ${all.length.toLocaleString("en")} episodes`;
    field("more").hidden = found.length <= most;
    field("none-found").hidden = found.length > 0;
  }

  for (const [id, values] of [["whose", [...new Set(all.map((one) => one.name))].sort(byWords.compare)], ["what", expressions]]) {
    field(id).append(...values.map((value) => element("option", value)));
    field(id).addEventListener("change", () => { most = STEP; fill(); });
  }
  field("find").addEventListener("input", () => { most = STEP; fill(); });
  field("more").addEventListener("click", () => { most += STEP; fill(); });
  sortable(table, (column, down) => {
    order = ordered(all, KEYS[column], down);
    fill();
  });
  field("filters").hidden = false;
  fill();
  // Highlight the rows of the current moment.
  return (time) => shown.forEach(({ one, row }) => row.classList.toggle("now", one.from <= time && time < one.to));
}
