"use strict";
// The table in which readers change people.
function peopleTable(edited, { together, now, pictures }) {
  const section = document.getElementById("people-editor");
  if (!section) return;
  const body = document.querySelector("#editor-table tbody");
  const field = (id) => document.getElementById(id);
  const said = field("editor-said");
  const BAD_START = /^[=+\-@]/;

  const element = (tag, more = {}) => Object.assign(document.createElement(tag), more);
  const cell = (...content) => {
    const made = element("td");
    made.append(...content);
    return made;
  };
  function button(text, label, act) {
    const made = element("button", { type: "button", textContent: text, title: label });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  }

  const faces = ({ parts }) => [...new Set(parts.map(({ face }) => face))].join(", ");

  function named(person, input) {
    const name = input.value.trim();
    const other = edited.people.find((one) => one !== person && one.name === name);
    if (!name || name === person.name) input.value = person.name;
    else if (BAD_START.test(name)) {
      input.value = person.name;
      said.textContent = `A name cannot begin with ${name[0]}.`;
    } else if (other) merge(person, other);
    else {
      const was = person.name;
      edited.rename(person, name);
      said.textContent = `${was} is now called ${name}.`;
    }
  }

  function merge(person, into) {
    const both = together(person, into);
    if (both !== null) {
      said.textContent = `${person.name} and ${into.name} are both in the picture at ${clock(both)}, so they are two people.`;
      fill();
      return;
    }
    const [one, other] = [person.name, into.name];
    edited.merge(person, into);
    said.textContent = `${one} and ${other} are now one person.`;
  }

  function split(person) {
    const seconds = Math.floor(now() * 1000) / 1000;
    const name = person.name;
    if (!(person.seen[0] < seconds && seconds <= person.seen[1])) {
      said.textContent = `Go to a moment between ${clock(person.seen[0])} and ${clock(person.seen[1])} first: ${name} is split at the moment shown.`;
      return;
    }
    edited.split(person, seconds);
    said.textContent = `From ${clock(seconds)} on, ${name} is somebody else. Give that person a name.`;
    const rows = [...body.rows];
    rows[edited.people.findIndex((one) => one.name === name) + 1]?.querySelector("input").select();
  }

  function same(person) {
    const choice = element("select");
    choice.setAttribute("aria-label", `${person.name} is the same person as`);
    choice.append(element("option", { value: "", textContent: "–" }));
    edited.people.forEach((other, place) => {
      if (other !== person) choice.append(element("option", { value: place, textContent: other.name }));
    });
    choice.addEventListener("change", () => choice.value && merge(person, edited.people[Number(choice.value)]));
    return choice;
  }

  function rowOf(person) {
    const row = element("tr");
    row.classList.toggle("out", !person.shown);
    const move = (steps, sign, word) => button(sign, `${person.name}: ${word}`, () => {
      edited.move(person, steps);
      body.rows[edited.people.indexOf(person)].querySelectorAll("button")[steps > 0 ? 1 : 0].focus();
    });
    const input = element("input", { type: "text", value: person.name, maxLength: 60, spellcheck: false, autocomplete: "off" });
    input.setAttribute("aria-label", `Name of ${person.name}`);
    input.addEventListener("change", () => named(person, input));
    const image = pictures(person);
    const shown = element("input", { type: "checkbox", checked: person.shown });
    shown.setAttribute("aria-label", `Show ${person.name}`);
    shown.addEventListener("change", () => {
      edited.show(person, shown.checked);
      said.textContent = `${person.name} is ${person.shown ? "shown" : "left out"}.`;
    });
    const times = cell();
    person.seen.forEach((seconds, end) => {
      const link = element("a", { href: `#t=${seconds.toFixed(3)}`, textContent: clock(seconds) });
      link.dataset.time = seconds.toFixed(3);
      times.append(end ? "–" : "", link);
    });
    const picture = cell(...(image ? [element("img", { src: image, alt: "", width: 34, height: 34 })] : []));
    picture.className = "face";
    row.append(
      cell(move(-1, "↑", "earlier"), move(1, "↓", "later")), picture, cell(input), times, cell(faces(person)),
      cell(same(person)), cell(button("Split here", `Split ${person.name} at the moment shown`, () => split(person))), cell(shown),
    );
    return row;
  }

  function fill() {
    body.replaceChildren(...edited.people.map(rowOf));
    field("editor-undo").disabled = !edited.changed;
    field("editor-save").disabled = !edited.changed;
    section.classList.toggle("changed", edited.changed);
  }

  field("editor-undo").addEventListener("click", () => {
    edited.undo();
    said.textContent = "The last change is undone.";
  });
  field("editor-save").addEventListener("click", () => {
    save(new Blob([edited.text()], { type: "text/csv" }), section.dataset.file);
    said.textContent = `Saved as ${section.dataset.file}.`;
  });
  edited.onChange(fill);
  section.hidden = false;
  fill();
}

// Lets the reader save a file.
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
