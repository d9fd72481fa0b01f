"use strict";
// The people on the page. A person consists of faces, or parts of faces, of the tables.
function editedPeople(given) {
  const listeners = [];
  const history = [];
  const whole = (part) => ({ ...part, from: part.from ?? 0, to: part.to ?? Infinity });
  let people = given.map((one) => ({ ...one, parts: one.parts.map(whole), sources: one.sources.map(whole) }));
  let spans = new Map();

  function index() {
    spans = new Map();
    for (const person of people) {
      for (const source of person.sources) {
        if (!spans.has(source.id)) spans.set(source.id, []);
        spans.get(source.id).push({ ...source, person });
      }
    }
    for (const list of spans.values()) list.sort((a, b) => a.from - b.from);
  }

  const clone = () => people.map((one) => ({ ...one, parts: [...one.parts], sources: [...one.sources] }));
  const announce = () => { index(); listeners.forEach((listen) => listen()); };
  function change(edit) {
    history.push(clone());
    edit();
    announce();
  }

  // A name that is not in use.
  function free(name) {
    const taken = new Set(people.map((one) => one.name));
    let [made, letter] = [name, "b"];
    while (taken.has(made)) {
      made = `${name} ${letter}`;
      letter = String.fromCharCode(letter.charCodeAt(0) + 1);
    }
    return made;
  }

  const inside = ({ from, to }, low, high) => ({ from: Math.max(from, low), to: Math.min(to, high) });
  const cut = (parts, low, high) =>
    parts.map((part) => ({ ...part, ...inside(part, low, high) })).filter(({ from, to }) => from < to);

  // Which faces are one person and are shown, whatever the names and the order.
  const grouping = () => people
    .map(({ shown, sources }) => JSON.stringify([shown, sources.map(({ id, from, to }) => [id, from, to]).sort()]))
    .sort().join();

  index();
  const first = grouping();
  return {
    get people() { return people; },
    get shown() { return people.filter((one) => one.shown); },
    get changed() { return history.length > 0; },
    get regrouped() { return grouping() !== first; },
    onChange: (listen) => listeners.push(listen),
    // The person of a face at a time; null if left out.
    at(id, seconds) {
      const found = spans.get(id)?.find(({ from, to }) => from <= seconds && seconds < to)?.person;
      return found?.shown ? found : null;
    },
    // The people of a face in a stretch, with their start and end in it.
    pieces(id, from, to) {
      return (spans.get(id) ?? [])
        .filter((span) => span.person.shown && span.from < to && span.to > from)
        .map((span) => ({ person: span.person, ...inside(span, from, to) }));
    },
    rename: (person, name) => change(() => { person.name = name; }),
    show: (person, shown) => change(() => { person.shown = shown; }),
    move(person, steps) {
      const from = people.indexOf(person);
      const to = from + steps;
      if (to < 0 || to >= people.length) return;
      change(() => { people.splice(to, 0, ...people.splice(from, 1)); });
    },
    merge: (person, into) => change(() => {
      into.parts.push(...person.parts);
      into.sources.push(...person.sources);
      into.seen = [Math.min(into.seen[0], person.seen[0]), Math.max(into.seen[1], person.seen[1])];
      people.splice(people.indexOf(person), 1);
    }),
    split: (person, seconds) => change(() => {
      const [parts, sources] = [person.parts, person.sources];
      const other = {
        ...person, name: free(person.name), seen: [seconds, person.seen[1]],
        parts: cut(parts, seconds, Infinity), sources: cut(sources, seconds, Infinity),
      };
      Object.assign(person, {
        seen: [person.seen[0], seconds], parts: cut(parts, 0, seconds), sources: cut(sources, 0, seconds),
      });
      people.splice(people.indexOf(person) + 1, 0, other);
    }),
    undo() {
      people = history.pop();
      announce();
    },
    // The file for `fervid report --people`.
    text() {
      const quoted = (word) => (/[",\n]/.test(word) ? `"${word.replaceAll('"', '""')}"` : word);
      const time = (value) => (value > 0 && value < Infinity ? String(Number(value.toFixed(6))) : "");
      const rows = people.flatMap(({ name, shown, parts }) => parts.map(({ face, from, to }) =>
        [face, name === `face ${face}` ? "" : name, time(from), time(to), shown ? "yes" : "no"]));
      return [["face_id", "name", "from", "to", "show"], ...rows].map((row) => `${row.map(String).map(quoted).join(",")}\n`).join("");
    },
  };
}
