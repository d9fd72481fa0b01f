"use strict";
// Unpacks arrays that Python has packed.
function numbers({ dtype, bdata }) {
  const kinds = {
    f4: Float32Array, f8: Float64Array, u1: Uint8Array, i1: Int8Array, u2: Uint16Array, u4: Uint32Array,
  };
  if (Uint8Array.fromBase64) return new kinds[dtype](Uint8Array.fromBase64(bdata).buffer);
  const text = atob(bdata);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return new kinds[dtype](bytes.buffer);
}

// The page contains all bins of all lanes; as many as a screen can show are drawn.
function refinement(data, origin) {
  const SHOWN_BINS = 1200;
  const FOOT_MS = 0.2;
  const COLUMNS = 400;
  const MOST_BARS = 500;
  const edges = numbers(data.edges);
  const classes = data.expressions.length;
  const lanes = data.lanes.map((lane) =>
    Object.fromEntries(Object.entries(lane).map(([name, array]) => [name, numbers(array)])));

  // Index of the first bin that begins after a time.
  function after(time) {
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (edges[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Means over groups of bins, weighted by their numbers of faces.
  function groups(lane, from, to) {
    const first = Math.max(0, after(from) - 2);
    const end = Math.min(edges.length - 1, after(to) + 1);
    const size = Math.max(1, Math.ceil((end - first) / SHOWN_BINS));
    const found = [];
    for (let start = first; start < end; start += size) {
      const stop = Math.min(start + size, end);
      const group = { left: edges[start], right: edges[stop], faces: 0, valence: 0, band: 0 };
      group.mean = new Float64Array(classes);
      for (let bin = start; bin < stop; bin++) {
        const faces = lane.faces[bin];
        group.faces += faces;
        group.valence += (faces * lane.valence[bin]) / 120;
        group.band += faces * (lane.band[bin] / 120) ** 2;
        for (let k = 0; k < classes; k++) group.mean[k] += faces * lane.mean[bin * classes + k];
      }
      const total = group.mean.reduce((sum, value) => sum + value, 0);
      for (let k = 0; k < classes; k++) group.mean[k] /= total;
      group.valence /= group.faces;
      group.band = Math.sqrt(group.band / group.faces);
      found.push(group);
    }
    return found;
  }

  // Every stretch with faces is drawn as a block: the starts of its groups, its end, and a point
  // on either side where the area is zero.
  function outline(found) {
    const points = [];
    found.forEach((group, place) => {
      if (!group.faces) return;
      const [before, next] = [found[place - 1], found[place + 1]];
      if (!before || !before.faces) points.push({ x: group.left - FOOT_MS, group, foot: true });
      points.push({ x: group.left, group, foot: false });
      if (next && next.faces) return;
      points.push({ x: group.right, group, foot: false });
      points.push({ x: group.right + FOOT_MS, group, foot: true });
    });
    return points;
  }

  // If there are many short episodes, each column of the screen shows the longest one.
  function mosaic(runs, from, to) {
    const step = (to - from) / COLUMNS;
    const shown = new Map();
    for (const { lane, name, left, right } of runs) {
      if (!shown.has(lane)) shown.set(lane, Array.from({ length: COLUMNS }, () => new Map()));
      const columns = shown.get(lane);
      const first = Math.max(0, Math.floor((left - from) / step));
      const last = Math.min(COLUMNS - 1, Math.floor((right - from) / step));
      for (let at = first; at <= last; at++) {
        const start = from + at * step;
        const inside = Math.min(right, start + step) - Math.max(left, start);
        columns[at].set(name, (columns[at].get(name) ?? 0) + inside);
      }
    }
    const found = [];
    for (const [lane, columns] of shown) {
      let run = null;
      columns.forEach((names, at) => {
        const shares = [...names];
        const total = shares.reduce((sum, [, inside]) => sum + inside, 0);
        const [longest] = shares.reduce((a, b) => (b[1] > a[1] ? b : a), [null, 0]);
        const name = total >= step / 2 ? longest : null;
        const left = from + at * step;
        if (run && run.name === name) run.right = left + step;
        else {
          run = { lane, name, left, right: left + step };
          if (name) found.push(run);
        }
      });
    }
    return found;
  }

  const [who, expression, left, right] = ["who", "expression", "left", "right"].map((name) =>
    numbers(data.episodes[name]));
  const all = Array.from(who, (lane, k) => ({
    lane: data.names[lane], place: lane - 1, name: data.expressions[expression[k]], left: left[k], right: right[k],
  }));
  let runs = all;
  let views = lanes;
  const seconds = (time) => (time - origin) / 1000;

  // The sums of some parts of lanes; `sign` -1 takes them away.
  function summed(parts) {
    const bins = edges.length - 1;
    const made = { faces: new Float64Array(bins), mean: new Float64Array(bins * classes), valence: new Float64Array(bins), band: new Float64Array(bins) };
    for (const { lane, from, to, sign } of parts) {
      for (let bin = 0; bin < bins; bin++) {
        const time = seconds(edges[bin]);
        const faces = sign * lane.faces[bin];
        if (!faces || time < from || time >= to) continue;
        made.faces[bin] += faces;
        made.valence[bin] += faces * lane.valence[bin];
        made.band[bin] += faces * lane.band[bin] ** 2;
        for (let k = 0; k < classes; k++) made.mean[bin * classes + k] += faces * lane.mean[bin * classes + k];
      }
    }
    for (let bin = 0; bin < bins; bin++) {
      const faces = Math.max(made.faces[bin], 0);
      made.faces[bin] = faces;
      made.valence[bin] /= faces || 1;
      made.band[bin] = Math.sqrt(Math.max(made.band[bin], 0) / (faces || 1));
      for (let k = 0; k < classes; k++) made.mean[bin * classes + k] /= faces || 1;
    }
    return made;
  }

  const partsOf = (person, sign) => person.sources
    .filter(({ id }) => data.ids.includes(id))
    .map(({ id, from, to }) => ({ lane: lanes[1 + data.ids.indexOf(id)], from, to, sign }));
  const isWhole = (parts) => parts.length === 1 && parts[0].from <= 0 && parts[0].to === Infinity;

  return {
    get runs() { return runs; },
    // People as a reader has named, merged and split them; those with a lane.
    arrange(edited) {
      runs = all.flatMap((run) => edited
        .pieces(data.ids[run.place], seconds(run.left), seconds(run.right))
        .map(({ person, from, to }) => ({
          ...run, lane: person.name, left: Math.max(run.left, origin + from * 1000), right: Math.min(run.right, origin + to * 1000),
        })));
      const shown = edited.shown.filter((person) => partsOf(person, 1).length);
      const out = edited.people.filter((person) => !person.shown).flatMap((person) => partsOf(person, -1));
      const everyone = out.length ? summed([{ lane: lanes[0], from: -Infinity, to: Infinity, sign: 1 }, ...out]) : lanes[0];
      views = [everyone, ...shown.map((person) => {
        const parts = partsOf(person, 1);
        return isWhole(parts) ? parts[0].lane : summed(parts);
      })];
      return shown.map((person) => person.name);
    },
    // When two people are both in the picture, in seconds; null: never for two bins and more.
    together(one, other) {
      const [a, b] = [one, other].map((person) => summed(partsOf(person, 1)).faces);
      let run = 0;
      for (let bin = 0; bin < a.length; bin++) {
        run = a[bin] > 0 && b[bin] > 0 ? run + 1 : 0;
        if (run > 1) return seconds(edges[bin]);
      }
      return null;
    },
    episodeAt: (place, time) => all.find((run) => run.place === place && run.left <= time && time < run.right)?.name ?? null,
    // The share of each expression in a lane at a time; null without a face.
    shares(lane, time) {
      const bin = after(time) - 1;
      const { faces, mean } = lanes[lane];
      if (!(faces[bin] > 0)) return null;
      return data.expressions.map((_, k) => mean[bin * classes + k] / 250);
    },
    // Base, length and lane of the bars of each expression.
    bars(from, to, names) {
      const inView = runs.filter((run) => run.right > from && run.left < to);
      const drawn = inView.length > MOST_BARS ? mosaic(inView, from, to) : inView;
      return names.map((name) => {
        const mine = drawn.filter((run) => run.name === name);
        return {
          base: mine.map((run) => run.left),
          x: mine.map((run) => run.right - run.left),
          y: mine.map((run) => run.lane),
        };
      });
    },
    // x and y of the areas in the order of `names`, and of the band and line of valence.
    part(lane, from, to, names) {
      const points = outline(groups(views[lane] ?? views[0], from, to));
      const x = points.map((point) => point.x);
      const column = (atFoot, value) =>
        points.map(({ foot, group }) => (foot ? atFoot : value(group)));
      const order = names.map((name) => data.expressions.indexOf(name));
      const areas = order.map((k) => column(0, (group) => group.mean[k]));
      const valence = [-1, 1, 0].map((sign) =>
        column(sign ? 0 : null, (group) => group.valence + sign * group.band));
      const y = [...areas, ...valence];
      return { x: y.map(() => x), y };
    },
  };
}
