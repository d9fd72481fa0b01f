"use strict";
// The table of episodes: filtered by person, expression and words, and sorted.
function episodeTable({ data, edited, expressions, colours, pictures }) {
  const STEP = 200;
  const table = document.getElementById("episode-table");
  if (!table || !data.onset) return () => {};
  const [onset, offset, peak, peakAt, who, expression] =
    ["onset", "offset", "peak", "peak_time", "who", "expression"].map((name) => numbers(data[name]));
  const given = Array.from(onset, (_, k) => ({
    from: onset[k] / 10000, to: offset[k] / 10000, peak: peak[k] / 1000, peakAt: peakAt[k] / 10000,
    id: who[k], name: `face ${who[k]}`, expression: expressions[expression[k]],
  }));
  // Of an episode that is cut, the peak is known of the part that has it.
  const named = () => given.flatMap((one) => edited.pieces(one.id, one.from, one.to).map(({ person, from, to }) => ({
    ...one, name: person.name, from, to, ...(from <= one.peakAt && one.peakAt < to ? {} : { peak: null, peakAt: from }),
  })));
  let all = named();
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
    const address = pictures.get(`${one.id} ${one.expression}`);
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
      named, element("td", one.peak === null ? "–" : `${(100 * one.peak).toFixed(1)}%`), times[2],
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

  let sorting = (some) => some;
  function whose() {
    const [first, ...others] = field("whose").options;
    const chosen = field("whose").value;
    others.forEach((other) => other.remove());
    const there = new Set(all.map((one) => one.name));
    const people = edited.shown.map((person) => person.name).filter((name) => there.has(name));
    field("whose").append(...people.map((name) => element("option", name)));
    field("whose").value = people.includes(chosen) ? chosen : first.value;
  }
  whose();
  field("what").append(...expressions.map((value) => element("option", value)));
  for (const id of ["whose", "what"]) field(id).addEventListener("change", () => { most = STEP; fill(); });
  edited.onChange(() => {
    all = named();
    order = sorting(all);
    whose();
    fill();
  });
  field("find").addEventListener("input", () => { most = STEP; fill(); });
  field("more").addEventListener("click", () => { most += STEP; fill(); });
  sortable(table, (column, down) => {
    sorting = (some) => ordered(some, KEYS[column], down);
    order = sorting(all);
    fill();
  });
  field("filters").hidden = false;
  fill();
  // Highlight the rows of the current moment.
  return (time) => shown.forEach(({ one, row }) => row.classList.toggle("now", one.from <= time && time < one.to));
}
