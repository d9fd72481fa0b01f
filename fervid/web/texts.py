"""Parts of the page as HTML, and tables in readable form. Foreign text is escaped."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.pipeline import Progress
from fervid.records import EXPRESSIONS
from fervid.report import partial_line
from fervid.report.figures import COLOURS
from fervid.report.html import percent, timecode
from fervid.results.people_edits import names_of, unnamed
from fervid.timeline import Timeline
from fervid.web.work import Waiting

TITLE = """
<h1>fervid</h1> <p>Emotion timelines from recordings: which expression each face shows, moment by
moment. Everything is computed <strong>on this machine</strong>; nothing is sent anywhere.</p>"""

NOTICE = """
<p><strong>Expressions are what a face shows, not what a person feels.</strong> People smile without
joy and grieve without a frown, and this differs by person, situation and culture.</p> <ul> <li>Do
not base decisions about people on it, such as hiring, grading, policing, diagnosis or judging
honesty.</li> <li>In the European Union, inferring emotions of people at work and in education is
prohibited except for medical or safety reasons; elsewhere, people exposed to it must be informed.
Faces are biometric data: ask for consent, and delete what you do not need.</li> <li>The models are
weak on disgust and fear, and at distinguishing sad from neutral. Accuracy by age, gender and
ethnicity was measured only for smiles, on fifty people. First look at the share of frames with a
face.</li> </ul>"""

KEPT = """<p class="small">The file that you choose is copied to a temporary folder on this machine.
       The copy and all results are deleted when you remove the file, close this page or stop
       fervid, at the latest an hour after the last use. Download what you want to keep.</p>"""

NOT_KEPT = """<p class="small">The browser sends single frames of the camera only to fervid on this
           machine. Each frame replaces the one before in memory, the last one is deleted when you
           close this page, and nothing is stored.</p>"""

HOW_TO_BEGIN = "Press “Click to Access Webcam”, then “Record”."
NO_FACE = "No face in the picture."

_LARGE = 10_000


def problem(text: str) -> str:
    """A line about a problem."""
    return f'<p class="problem" role="alert">{escape(text)}</p>'


def note(text: str) -> str:
    """A plain line."""
    return f'<p role="status">{escape(text)}</p>'


def progress_bar(state: Waiting | Progress) -> str:
    """The progress of an analysis, as a bar with text."""
    if isinstance(state, Waiting):
        one = "one analysis comes" if state.before == 1 else f"{state.before} analyses come"
        return _bar("", f"Waiting: {one} first.")
    if not state.frames:
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


def outcome(timeline: Timeline) -> str:
    """A summary of a recording, with warnings first."""
    meta = timeline.meta
    found = meta["detection"]
    share = f"{found['frames_with_face']:,} of {found['frames']:,} frames show a face"
    lines = [
        f"<h2>{escape(str(meta['recording']['name']))}</h2>",
        note(f"{share} ({found['detection_rate']:.0%}). {_people(len(timeline.people))}"),
    ]
    if partial := partial_line(meta):
        lines.append(problem(partial))
    lines += [f'<p class="warning">{escape(str(warning))}</p>' for warning in meta["warnings"]]
    return "\n".join(lines)


def photo_outcome(name: str, faces: int) -> str:
    """A summary of a photo."""
    words = {0: "No face was found.", 1: "1 face."}.get(faces, f"{faces:,} faces.")
    return f"<h2>{escape(name)}</h2>{note(words)}"


def faces_table(faces: pd.DataFrame) -> pd.DataFrame:
    """A row for each face of a photo: the probability of each expression."""
    shown = pd.DataFrame({"face": faces["face"].astype(str), "shows": faces["state"].astype(str)})
    for name in EXPRESSIONS:
        shown[name] = [percent(share) for share in faces[name]]
    return shown


def _people(count: int) -> str:
    return "1 person." if count == 1 else f"{count:,} people."


def people_table(people: pd.DataFrame) -> pd.DataFrame:
    """A row for each person: when seen, and share of time in episodes of each expression."""
    shown = pd.DataFrame({"person": list(names_of(people).values())})
    shown["first seen"] = [timecode(seconds, 1) for seconds in people["first_seen"]]
    shown["seen for"] = [timecode(seconds, 1) for seconds in people["seen_s"]]
    for name in (*EXPRESSIONS, "uncertain"):
        shown[name] = [percent(share) for share in people[f"{name}_time"]]
    return shown


def episodes_table(episodes: pd.DataFrame) -> pd.DataFrame:
    """A row for each episode, by time; only the first ones if there are very many."""
    first = episodes.sort_values("onset", kind="stable").head(_LARGE)
    return pd.DataFrame(
        {
            "from": [timecode(seconds, 1) for seconds in first["onset"]],
            "to": [timecode(seconds, 1) for seconds in first["offset"]],
            "person": [unnamed(face) for face in first["face_id"].tolist()],
            "expression": first["expression"].tolist(),
            "peak": [percent(share) for share in first["peak"]],
        }
    )
