"use strict";
// Unpacks arrays that Python has packed.
function numbers({ dtype, bdata }) {
  const kinds = {
    f4: Float32Array, f8: Float64Array, u1: Uint8Array, i1: Int8Array, u2: Uint16Array, u4: Uint32Array,
  };
  const bytes = Uint8Array.from(atob(bdata), (c) => c.charCodeAt(0));
  return new kinds[dtype](bytes.buffer);
}

// The page contains all bins of all lanes; as many as a screen can show are drawn.
function refinement(data) {
  const SHOWN_BINS = 2000;
  const FOOT_MS = 0.2;
  const COLUMNS = 800;
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
  const runs = Array.from(who, (lane, k) => ({
    lane: data.names[lane], place: lane - 1, name: data.expressions[expression[k]], left: left[k], right: right[k],
  }));

  return {
    runs,
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
      const points = outline(groups(lanes[lane], from, to));
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
