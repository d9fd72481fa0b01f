"use strict";
// Shows the rows that contain all words and have the chosen status and group, and their totals.
(function () {
  const field = (id) => document.getElementById(id);
  const rows = [...field("rows").tBodies[0].rows].map((row) => ({
    row, text: row.textContent.toLowerCase(), of: row.dataset,
  }));
  const people = [...(field("people-rows")?.tBodies[0].rows ?? [])].map((row) => ({
    row, text: row.textContent.toLowerCase(), of: row.dataset,
  }));
  const whole = new Intl.NumberFormat("en");
  const two = (number) => String(number).padStart(2, "0");

  function length(seconds) {
    const all = Math.floor(seconds);
    return `${Math.floor(all / 3600)}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}`;
  }

  function totals(shown) {
    const sum = (name) => shown.reduce((total, { of }) => total + Number(of[name]), 0);
    const frames = sum("frames");
    const some = shown.length < rows.length ? `${whole.format(shown.length)} of ` : "";
    const rate = frames ? `, ${((100 * sum("with")) / frames).toFixed(1)}% of them with a face` : "";
    return `${some}${whole.format(rows.length)} ${rows.length === 1 ? "recording" : "recordings"}, ` +
      `${length(sum("seconds"))} long, ${whole.format(frames)} frames${rate}`;
  }

  function show() {
    const words = field("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [status, group] = ["status", "group"].map((id) => field(id)?.value ?? "");
    const shown = rows.filter(({ row, text, of }) => {
      const fits = (!status || of.status === status) && (!group || of.group === group) &&
        words.every((word) => text.includes(word));
      row.hidden = !fits;
      return fits;
    });
    let some = false;
    for (const { row, text, of } of people) {
      row.hidden = (group && of.group !== group) || !words.every((word) => text.includes(word));
      some ||= !row.hidden;
    }
    if (people.length) field("nobody").hidden = some;
    field("totals").value = totals(shown);
    field("nothing").hidden = shown.length > 0;
  }

  field("controls").hidden = false;
  field("controls").addEventListener("input", show);
  show();
  document.documentElement.classList.add("ready");
})();
