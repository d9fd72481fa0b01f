"use strict";
// Boxes over the recording with each person's name and expression, and bars beside it.
function overlay({ people, edited, shares, episodeAt, colours, expressions, origin }) {
  const TICKS = 10000;
  const WHOLE = 65535;
  const JUST_BEFORE = 6; // in ticks, as players round the times of frames
  const video = document.getElementById("recording");
  const canvas = document.getElementById("marks");
  const toggle = document.getElementById("boxes");
  const bars = document.getElementById("bars");
  const tracks = people.map(({ id, t, hold, box }) => ({
    id, t: numbers(t), hold: numbers(hold), box: numbers(box),
  }));
  let at = 0;

  // Left, top, right and bottom as shares of the picture; null if the person is not in it.
  function boxAt({ t, hold, box }, time) {
    const ticks = time * TICKS + JUST_BEFORE;
    let [low, high] = [0, t.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (t[middle] <= ticks) low = middle + 1;
      else high = middle;
    }
    const last = low - 1;
    if (last < 0) return null;
    const corner = (point, k) => box[4 * point + k] / WHOLE;
    const corners = [0, 1, 2, 3];
    if (hold[last]) {
      return ticks - t[last] < hold[last] * (TICKS / 1000) ? corners.map((k) => corner(last, k)) : null;
    }
    if (last + 1 >= t.length) return null;
    const share = Math.min(1, Math.max(0, (time * TICKS - t[last]) / (t[last + 1] - t[last])));
    return corners.map((k) => corner(last, k) + share * (corner(last + 1, k) - corner(last, k)));
  }

  function shownBy(lane, time) {
    const expression = episodeAt(lane, origin + time * 1000);
    const now = shares(lane + 1, origin + time * 1000);
    return { expression, share: expression && now ? now[expressions.indexOf(expression)] : null, now };
  }

  // Where everyone is and what they show, for tests and screen readers.
  const seen = (time) => tracks.flatMap((track, lane) => {
    const box = boxAt(track, time);
    const person = box && edited.at(track.id, time);
    return person ? [{ lane, person, name: person.name, box, ...shownBy(lane, time) }] : [];
  });

  function draw(time) {
    at = time;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const all = seen(time);
    const labels = [];
    if (toggle.getAttribute("aria-pressed") === "true") all.forEach((one) => mark(pen, one, width, height, labels));
    list(all);
  }

  // The words of a label, shorter ones where the picture is small or another label is in the way.
  function labelOf(pen, { name, expression, share }, [left, top, , bottom], width, height, labels) {
    const wordings = [name];
    if (expression) wordings.unshift(`${name} \u00b7 ${expression}`);
    if (share !== null && width > 420) wordings.unshift(`${wordings[0]} ${Math.round(100 * share)}%`);
    const y = top >= 19 ? top - 19 : Math.min(bottom + 1, height - 18);
    const places = wordings.map((words) => {
      const wide = pen.measureText(words).width + 10;
      return { words, wide, x: Math.max(0, Math.min(left - 1, width - wide)), y };
    });
    const free = ({ x, wide }) => labels.every((one) => one.x > x + wide || one.x + one.wide < x || Math.abs(one.y - y) > 18);
    const label = places.find(free) ?? places.at(-1);
    labels.push(label);
    return label;
  }

  function mark(pen, one, width, height, labels) {
    const corners = one.box.map((edge, k) => edge * (k % 2 ? height : width));
    const [left, top, right, bottom] = corners;
    const colour = one.expression ? colours[one.expression] : "#ffffff";
    pen.lineWidth = 4;
    pen.strokeStyle = "rgba(0, 0, 0, .55)";
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.lineWidth = 2;
    pen.strokeStyle = colour;
    pen.setLineDash(one.expression ? [] : [5, 4]);
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.setLineDash([]);
    pen.font = "600 12px system-ui, sans-serif";
    const { words, wide, x, y } = labelOf(pen, one, corners, width, height, labels);
    pen.fillStyle = "rgba(15, 17, 21, .82)";
    pen.fillRect(x, y, wide, 18);
    pen.fillStyle = colour;
    pen.fillRect(x, y, 3, 18);
    pen.fillStyle = "#ffffff";
    pen.fillText(words, x + 7, y + 13);
  }

  let rows = new Map();
  function rowOf({ name }) {
    const row = document.createElement("li");
    row.innerHTML = '<b></b><span class="says"></span><span class="bar" aria-hidden="true"></span>';
    row.firstChild.textContent = name;
    for (const expression of expressions) {
      const piece = document.createElement("i");
      piece.style.background = colours[expression];
      row.lastChild.append(piece);
    }
    return row;
  }

  function arrange() {
    const lanes = new Set(tracks.map(({ id }) => id));
    const shown = edited.shown.filter(({ sources }) => sources.some(({ id }) => lanes.has(id)));
    rows = new Map(shown.map((person) => [person, rowOf(person)]));
    bars.replaceChildren(...rows.values());
    draw(at);
  }

  function list(all) {
    const here = new Map(all.map((one) => [one.person, one]));
    rows.forEach((row, person) => {
      const one = here.get(person);
      row.classList.toggle("away", !one);
      row.children[1].textContent = one ? one.expression ?? "no clear expression" : "not in the picture";
      [...row.lastChild.children].forEach((piece, k) => {
        piece.style.width = one?.now ? `${100 * one.now[k]}%` : 0;
      });
    });
  }

  function switchOver() {
    toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
    draw(at);
  }
  toggle.addEventListener("click", switchOver);
  new ResizeObserver(() => requestAnimationFrame(() => draw(at))).observe(canvas);
  const size = () => {
    if (!video.videoWidth) return;
    document.getElementById("stage").style.setProperty("--aspect", video.videoWidth / video.videoHeight);
  };
  video.addEventListener("loadedmetadata", size);
  video.addEventListener("resize", size);
  size();
  edited.onChange(arrange);
  arrange();
  return { draw, seen, switchOver };
}
