"""Parts of the page as HTML, and tables in readable form. Foreign text is escaped."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.report import partial_line
from fervid.report.figures import COLOURS
from fervid.report.html import percent
from fervid.web.visits import Visit
from fervid.web.work import Answer, PhotoAnswer, Waiting

TITLE = """
<h1>fervid</h1> <p>Emotion timelines from recordings: which expression each face shows, moment by
moment. Everything is computed <strong>on this machine</strong>; nothing is sent anywhere.</p>"""

NOTICE = """
<p><strong>Expressions are what a face shows, not what a person feels.</strong> People smile without
joy and grieve without a frown, and this differs by person, situation and culture.</p> <ul> <li>Do
not base decisions about people on the results, such as hiring, grading, policing, diagnosis or
judging honesty.</li> <li>In the European Union, inferring emotions of people at work and in
education is prohibited except for medical or safety reasons; elsewhere, people exposed to it
must be informed. Faces are biometric data: ask for consent, and delete what you do not need.</li>
<li>The models are weak on disgust and fear, and often confuse sad and neutral. Accuracy
by age, gender and ethnicity was measured only for smiles, on fifty people. Check first how many
frames show a face.</li> </ul>"""

KEPT = """<p class="small">The files that you choose are copied to a temporary folder on this
       machine. A copy and its results are deleted when you remove the file, close this page or stop
       fervid, and at the latest an hour after you last used it. Download what you want to
       keep.</p>"""

NOT_KEPT = """<p class="small">The browser sends single frames of the camera only to fervid on this
           machine. Each frame replaces the one before in memory, the last one is deleted when you
           close this page, and nothing is stored.</p>"""

HOW_TO_BEGIN = "Press “Click to Access Webcam”, then “Record”."
NO_FACE = "No face in the picture."


def problem(text: str) -> str:
    """A line about a problem."""
    return f'<p class="problem" role="alert">{escape(text)}</p>'


def note(text: str) -> str:
    """A plain line."""
    return f"<p>{escape(text)}</p>"


CLICKS = """element.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button) trigger("click", { ...button.dataset });
});"""
"""Tells the page which button of the list of files was clicked."""


def files(visit: Visit, problem_with_one: str = "") -> str:
    """A line for each chosen file: what came of it, and buttons."""
    rows = "".join(_file(visit, upload) for upload in visit.uploads)
    first = problem(problem_with_one) if problem_with_one else ""
    return f"{first}<ul>{rows}</ul>" if rows else first


def _file(visit: Visit, upload: Path) -> str:
    name, token = escape(upload.name), upload.parent.name
    mark = ' aria-current="true"' if upload == visit.shown else ""
    has_result = isinstance(visit.outcomes.get(upload), Answer | PhotoAnswer)
    show = f'<button type="button" data-show="{token}"{mark} aria-label="Show {name}">Show</button>'
    remove = f'<button type="button" data-remove="{token}" aria-label="Remove {name}">✕</button>'
    return (
        f"<li{mark}><b>{name}</b> {_state(visit, upload)} "
        f"<span>{show if has_result else ''} {remove}</span></li>"
    )


def _state(visit: Visit, upload: Path) -> str:
    outcome = visit.outcomes.get(upload)
    if isinstance(outcome, Answer):
        return note(_outcome(outcome))
    if isinstance(outcome, PhotoAnswer):
        return note(_faces(len(outcome.faces)))
    if outcome is not None:
        return problem(outcome)
    if visit.working is None:
        return note("Not analysed yet.")
    return note("Being analysed." if upload == visit.working else "Waiting.")


def progress(visit: Visit) -> str:
    """The progress of the running analysis, as a bar with text; empty if none runs."""
    state = visit.progress
    if visit.working is None or state is None:
        return ""
    if isinstance(state, Waiting) and state.before:
        one = "one analysis comes" if state.before == 1 else f"{state.before} analyses come"
        return _bar("", f"Waiting: {one} first.")
    if isinstance(state, Waiting) or not state.frames:
        return _bar("", "Getting ready…")
    rate = f"{state.frames / max(state.elapsed_s, 1e-6):,.0f} per second"
    if state.expected is None:
        return _bar("", f"{state.frames:,} frames, {rate}")
    most = max(state.expected, state.frames)
    part = f'value="{state.frames}" max="{most}"'
    return _bar(part, f"{state.frames:,} of {state.expected:,} frames, {rate}")


def _bar(part: str, words: str) -> str:
    return f'<progress {part} aria-label="progress"></progress><p role="status">{escape(words)}</p>'


def bars(probs: NDArray[np.float64] | None, words: str) -> str:
    """The expressions of a face as seven bars below a text; (7,) probabilities, None: no face."""
    shares = [0.0] * len(EXPRESSIONS) if probs is None else probs.tolist()
    rows = "".join(
        f"<dt>{name}</dt>"
        f"<dd><span style='width:{share:.1%};background:{COLOURS[name]}'></span></dd>"
        f"<dd>{share:.0%}</dd>"
        for name, share in zip(EXPRESSIONS, shares, strict=True)
    )
    return f"<p>{escape(words)}</p><dl>{rows}</dl>"


def shown_by(probs: NDArray[np.float64], faces: int) -> str:
    """The most probable expression of the largest face, in words."""
    largest = f" (the largest of {faces} faces)" if faces > 1 else ""
    return f"{EXPRESSIONS[int(probs.argmax())]}, {probs.max():.0%}{largest}"


def framed(address: str, name: str) -> str:
    """The report inside the page, and a link to it alone."""
    where = escape(address)
    return (
        f'<p><a href="{where}" target="_blank" rel="noopener">Open the report in a new tab'
        f'</a></p><iframe src="{where}" title="Report of {escape(name)}"></iframe>'
    )


def _outcome(answer: Answer) -> str:
    """A summary of a recording; its report has the warnings."""
    found = answer.meta["detection"]
    share = f"{found['frames_with_face']:,} of {found['frames']:,} frames show a face"
    people = "1 person" if answer.people == 1 else f"{answer.people:,} people"
    line = partial_line(answer.meta)
    partial = f" {line[0].upper()}{line[1:]}." if line else ""
    return f"{people}. {share} ({found['detection_rate']:.0%}).{partial}"


def _faces(count: int) -> str:
    """A summary of a photo."""
    return {0: "No face was found.", 1: "1 face."}.get(count, f"{count:,} faces.")


def faces_table(faces: pd.DataFrame) -> pd.DataFrame:
    """A row for each face of a photo: the probability of each expression."""
    shown = pd.DataFrame({"face": faces["face"].astype(str), "shows": faces["state"].astype(str)})
    for name in EXPRESSIONS:
        shown[name] = [percent(share) for share in faces[name]]
    return shown
