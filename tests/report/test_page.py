"""The report: what it says, that it is safe with hostile names, and that it asks for nothing."""

import base64
import hashlib
import html.parser
import json
import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS, Expressions, FrameBatch
from fervid.report import render, write_report
from fervid.report.binning import bin_frames
from fervid.report.figures import COLOURS, CONFIG, fine_data, timeline_figure
from fervid.report.html import file_size, number, percent, timecode
from fervid.report.layout import ZERO_MS
from fervid.report.maker import ReportMaker
from fervid.results.codebook import EPISODE_COLUMNS
from fervid.results.rows import frame_table, lost_rows
from fervid.results.summaries import summarize
from fervid.results.writer import ResultWriter
from tests.helpers.known_faces import NO_EPISODES, faces_at, rows_of, settled, tracked

HAPPY = (0.1, 0.0, 0.05, 0.7, 0.05, 0.05, 0.05)
SAD = (0.1, 0.0, 0.1, 0.2, 0.5, 0.0, 0.1)
DASH = "\N{EN DASH}"
HOSTILE = "<img src=x onerror=alert(1)>.mp4"


def table_of(n_frames, faces, *, fps=10.0, first=0, ids=None):
    """Frame table of (row in the batch, seven probabilities) pairs; one id unless told."""
    index = np.arange(first, first + n_frames)
    n = len(faces)
    found = faces_at([f for f, _ in faces], np.ones((n, 4)), score=1.0)
    rows = rows_of(
        FrameBatch(np.zeros((n_frames, 1, 1), np.uint8), index, index / fps),
        tracked(found, ids if ids is not None else [1] * n),
        Expressions.of_free_faces(np.array([p for _, p in faces], np.float32).reshape(n, 7)),
    )
    return frame_table(settled(rows, frame_s=1 / fps)[0])


def episodes_of(*given):
    """Table of (face id, expression, onset, offset)."""
    table = pd.DataFrame(given, columns=["face_id", "expression", "onset", "offset"])
    table = table.assign(duration=table["offset"] - table["onset"], peak_time=table["onset"])
    others = {name: "" if name == "previous" else 0 for name in EPISODE_COLUMNS}
    return table.assign(**{k: v for k, v in others.items() if k not in table})[
        list(EPISODE_COLUMNS)
    ]


def figure_of(*tables, lanes=(1,), episodes=NO_EPISODES, cuts=()):
    names = {lane: f"face {lane}" for lane in lanes}
    return timeline_figure(bin_frames(tables, lanes=lanes), names, episodes, cuts)


def page_of(*tables, **meta):
    people, summary = summarize(tables, NO_EPISODES)
    about = {"recording": {"name": "clip.mp4"}, **meta}
    return render(tables, NO_EPISODES, people, summary, about)


class Reader(html.parser.HTMLParser):
    """Collects the tags, their attributes, the text and the scripts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.scripts, self._inside = [], [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else None
        if tag == "script":
            self.scripts.append([dict(attrs), ""])

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1][1] += data
        elif self._inside is None:
            self.text.append(data)

    def words(self):
        return " ".join(" ".join(self.text).split())

    def json(self, name):
        return next(json.loads(text) for attrs, text in self.scripts if attrs.get("id") == name)


def test_bins_by_hand():
    table = table_of(4, [(0, HAPPY), (0, SAD), (2, SAD)], ids=[1, 2, 2])
    binned = bin_frames([table], lanes=[2])
    np.testing.assert_allclose(binned.edges, [0, 0.1, 0.2, 0.3, 0.4])
    assert binned.frames.tolist() == [1, 1, 1, 1]
    assert binned.faces.tolist() == [[2, 0, 1, 0], [1, 0, 1, 0]]
    happy = binned.mean[0, :, EXPRESSIONS.index("happy")]
    np.testing.assert_allclose(happy, [0.45, np.nan, 0.2, np.nan], atol=1e-6)
    np.testing.assert_allclose(binned.valence[0], [0.15, np.nan, -0.3, np.nan], atol=1e-6)
    np.testing.assert_allclose(binned.valence[1], [-0.3, np.nan, -0.3, np.nan], atol=1e-6)
    np.testing.assert_allclose(binned.seen(0), [[0, 0.1], [0.2, 0.3]])
    half = binned.coarser(2)
    np.testing.assert_allclose(half.edges, [0, 0.2, 0.4])
    np.testing.assert_allclose(half.mean[0, :, EXPRESSIONS.index("happy")], [0.45, 0.2])
    assert half.faces.tolist() == [[2, 1], [1, 1]]


def test_the_band_is_how_far_single_frames_lie_from_the_smoothed_value():
    table = table_of(2, [(0, HAPPY), (1, HAPPY)])
    table["smooth_valence"] = table["valence"] + [0.3, -0.4]
    binned = bin_frames([table], max_bins=2).coarser(1)
    np.testing.assert_allclose(binned.band, [[np.sqrt((0.3**2 + 0.4**2) / 2)]], atol=1e-6)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.sets(st.integers(0, 59)),
    st.sampled_from([0.5, 7.0, 30.0, 240.0]),
    st.integers(1, 59),
    st.sampled_from([2, 8, 20]),
)
def test_binning_conserves_mass_and_gaps(n, at, fps, cut, max_bins):
    faces = [(f, HAPPY if f % 2 else SAD) for f in sorted(at) if f < n]
    table = table_of(n, faces, fps=fps)
    binned = bin_frames([table.iloc[:cut], table.iloc[cut:]], lanes=[1], max_bins=max_bins)
    assert 1 <= len(binned) <= max_bins
    assert binned.frames.sum() == n
    assert binned.faces.sum(axis=1).tolist() == [len(faces)] * 2
    assert np.all(np.diff(binned.edges) > 0)
    sums = np.nansum(binned.mean[0] * binned.faces[0, :, None], axis=0)
    np.testing.assert_allclose(sums, table[list(EXPRESSIONS)].sum(), atol=1e-5)
    # A bin is a gap exactly when none of its frames has a face.
    spot = np.searchsorted(binned.edges, table["timestamp"], side="right") - 1
    for k in range(len(binned)):
        has_face = table["success"][spot == k].any()
        assert np.isnan(binned.mean[0, k]).all() != has_face
        assert np.isnan(binned.valence[0, k]) != has_face


def numbers(array: dict[str, str]) -> NDArray[np.floating[Any]]:
    """What plotly.js makes of a typed array."""
    flat = np.frombuffer(base64.b64decode(array["bdata"]), "<" + array["dtype"])
    return flat.reshape([int(side) for side in array.get("shape", "-1").split(",")])


def test_thirty_thousand_rows_fit_the_bins():
    tables = [
        table_of(1000, [(f, HAPPY) for f in range(1000)], fps=30, first=k)
        for k in range(0, 30000, 1000)
    ]
    binned = bin_frames(tables)
    assert 4000 <= len(binned) <= 8000
    assert 1000 <= len(binned.coarser()) <= 2000
    assert binned.faces.sum() == binned.coarser().faces.sum() == 30_000
    figure = timeline_figure(binned, {}, NO_EPISODES)
    assert len(json.dumps(figure)) < 800_000
    assert len(json.dumps(fine_data(binned, {}, NO_EPISODES))) < 300_000


def test_areas_sum_to_one_with_faces_and_to_zero_in_gaps():
    faces = [(f, HAPPY) for f in (*range(2), *range(5, 8))]
    figure = figure_of(table_of(10, faces))
    areas = [t for t in figure["data"] if t["type"] == "scatter" and t["yaxis"] == "y"]
    assert {t["name"] for t in areas} == set(EXPRESSIONS)
    total = np.sum([numbers(t["y"]) for t in areas], axis=0)
    x = (numbers(areas[0]["x"]) - 946_684_800_000) / 1000
    inside = (x >= 0) & (x <= 0.2) | (x >= 0.5) & (x <= 0.8)
    np.testing.assert_allclose(total, inside, atol=1e-5)
    assert not np.isnan(total).any()
    lines = [t for t in figure["data"] if t.get("name") == "valence (derived)"]
    assert np.isnan(numbers(lines[0]["y"])[~inside]).all()


def test_a_gap_is_empty_in_every_panel():
    early, late = table_of(4, [(f, HAPPY) for f in range(4)]), table_of(3, [(0, SAD)], first=8)
    lost = frame_table(lost_rows(np.arange(4, 8), np.arange(4, 8) / 10))
    figure = figure_of(pd.concat([early, lost]), late)
    x, line = (
        numbers(next(t for t in figure["data"] if t.get("name") == "faces found")[axis])
        for axis in "xy"
    )
    assert np.isnan(line).tolist() == [0.4 <= t < 0.8 for t in np.round((x - ZERO_MS) / 1000, 6)]
    assert line[~np.isnan(line)].tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    # Where an edge of the band has no value, Plotly fills straight on across the gap.
    band = [numbers(t["y"]) for t in figure["data"] if t.get("yaxis") == "y3"][:2]
    assert np.isfinite(band).all()


def test_no_time_can_be_taken_for_a_year():
    figure = figure_of(table_of(50, [(2, HAPPY)]))
    places = [numbers(trace.get("base", trace["x"])) for trace in figure["data"]]
    assert all(place.min(initial=np.inf) > 1e6 for place in places)


def test_lanes_show_episodes_where_they_are_and_where_each_person_is_seen():
    faces = [(f, HAPPY) for f in (*range(6), *range(8, 10))]
    found = episodes_of((1, "happy", 0.0, 0.6), (1, "sad", 0.8, 0.9), (9, "sad", 0.0, 0.1))
    figure = figure_of(table_of(10, faces), episodes=found, cuts=[0.7])
    go.Figure(figure)  # raises where Plotly knows no such property or value
    bars = {t["name"]: t for t in figure["data"] if t["type"] == "bar"}
    start = {name: ((numbers(bar["base"]) - ZERO_MS) / 1000).tolist() for name, bar in bars.items()}
    length = {name: (numbers(bar["x"]) / 1000).tolist() for name, bar in bars.items()}
    assert start["seen"] == pytest.approx([0, 0.8])
    assert length["seen"] == pytest.approx([0.6, 0.2])
    assert (start["happy"], length["happy"]) == (pytest.approx([0]), pytest.approx([0.6]))
    assert (start["sad"], length["sad"]) == (pytest.approx([0.8]), pytest.approx([0.1]))
    assert bars["seen"]["y"] == ["face 1"] * 2
    (cut,) = figure["layout"]["shapes"]
    assert (cut["x0"] - ZERO_MS) / 1000 == pytest.approx(0.7)


def test_the_page_gets_every_bin_of_every_lane():
    faces = [(f, HAPPY if f % 2 else SAD) for f in range(20)]
    binned = bin_frames([table_of(20, faces, ids=[1, 2] * 10)], lanes=[2])
    found = episodes_of((1, "fear", 0.0, 9.0), (2, "happy", 0.1, 0.6), (2, "sad", 0.6, 1.0))
    fine = fine_data(binned, {2: "face 2"}, found)
    assert fine["names"] == ["everyone", "face 2"]
    told = {name: numbers(array) for name, array in fine["episodes"].items()}
    assert told["who"].tolist() == [1, 1]
    assert [fine["expressions"][k] for k in told["expression"]] == ["happy", "sad"]
    np.testing.assert_allclose((told["left"] - ZERO_MS) / 1000, [0.1, 0.6])
    np.testing.assert_allclose((told["right"] - ZERO_MS) / 1000, [0.6, 1.0])
    edges = (numbers(fine["edges"]) - ZERO_MS) / 1000
    np.testing.assert_allclose(edges, binned.edges, atol=1e-4)
    lane = fine["lanes"][1]
    seen = numbers(lane["faces"]) > 0
    assert seen.tolist() == [False, True] * 10
    mean = numbers(lane["mean"]).reshape(-1, 7) / 250
    np.testing.assert_allclose(mean[seen], np.tile(HAPPY, (10, 1)), atol=0.003)
    np.testing.assert_allclose(numbers(lane["valence"])[seen] / 120, 0.6, atol=0.005)


def test_expressions_have_the_palette_and_config_shares_nothing():
    assert tuple(COLOURS) == EXPRESSIONS
    assert len(set(COLOURS.values())) == 7
    assert CONFIG["showSendToCloud"] is False
    assert CONFIG["plotlyServerURL"] == ""
    assert CONFIG["displaylogo"] is False


def test_the_page_says_what_was_found():
    table = table_of(10, [(f, HAPPY) for f in range(5)] + [(5, SAD)])
    reader = Reader(
        page_of(
            table,
            recording={"name": "talk.mp4", "duration_s": 3725.0, "fps": 29.97, "width": 640},
            warnings=["The end is damaged."],
            models=[{"name": "net", "sha256": "ab" * 32, "metrics": {"accuracy": 0.7113}}],
            settings={"min_face": 40},
        )
    )
    words = reader.words()
    for expected in (
        "1:02:05",
        "60.0%",
        "talk.mp4",
        "The end is damaged.",
        "happy minus the strongest negative expression",
        "Art. 5(1)(f)",
        "Art. 50(3)",
        "Barrett et al. 2019",
        "0.7113",
        "ab" * 32,
        "min face",
        "happy, 83%",
    ):
        assert expected in words
    assert [tag for tag, _ in reader.tags].count("h1") == 1
    figure = reader.json("figure-data")
    assert "derived" in str(figure["layout"]["annotations"])
    assert figure["layout"]["xaxis2"]["rangeslider"]["visible"] is True


def test_only_twenty_faces_are_listed_and_the_rest_counted():
    faces = [(f, HAPPY) for f in range(30)]
    words = Reader(page_of(table_of(30, faces, ids=range(1, 31)))).words()
    assert "These are the 20 people seen longest; 10 more are in people.csv" in words


@pytest.mark.parametrize("frames", [0, 1, 50])
def test_no_faces_at_all(frames):
    reader = Reader(page_of(table_of(frames, [])))
    assert ("No face was found" if frames else "No frame was analysed") in reader.words()
    assert reader.scripts == []


def test_one_frame_with_one_face():
    page = page_of(table_of(1, [(0, HAPPY)]))
    figure = Reader(page).json("figure-data")
    left, right = figure["layout"]["xaxis"]["range"]
    assert right > left
    assert "NaN" not in json.dumps(figure)


def test_hostile_text_stays_text():
    page = page_of(
        table_of(3, [(0, HAPPY)]),
        recording={"name": HOSTILE},
        warnings=["</script><script>alert(2)</script>"],
        models=[
            {"name": "<b>m", "limits": ["</style><svg onload=alert(3)>"], "<i>": {"<u>": "<s>"}}
        ],
        settings={"<object>": "{{ 7 * 7 }}", "list": ["<iframe>"]},
        created="<base href=//x>",
    )
    reader = Reader(page)
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"img", "svg", "b", "u", "s", "object", "iframe", "base"}
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    assert not any("alert(" in text for attrs, text in reader.scripts if attrs.get("type"))
    assert HOSTILE in reader.words()
    assert "{{ 7 * 7 }}" in reader.words()
    assert HOSTILE not in page
    assert reader.json("figure-config")["toImageButtonOptions"]["filename"] == (
        "img_src_x_onerror_alert_1-timeline"
    )


def test_the_page_loads_nothing_and_its_policy_lets_only_its_scripts_run():
    reader = Reader(page_of(table_of(3, [(0, HAPPY)])))
    for tag, attrs in reader.tags:
        assert tag not in ("link", "iframe", "img", "object", "embed")
        assert not {"src", "action", "srcset"} & set(attrs)
        assert attrs.get("href", "#").startswith("#")
    policy = next(a["content"] for _, a in reader.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    code = [text for attrs, text in reader.scripts if "type" not in attrs]
    hashes = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in code]
    assert hashes == allowed
    assert "http" not in policy


def write_result(folder, name="clip.mp4"):
    with ResultWriter(folder, report=ReportMaker()) as writer:
        writer.append(table_of(40, [(f, HAPPY) for f in (*range(10), *range(20, 40))]))
        writer.finish(NO_EPISODES, {"recording": {"name": name}, "warnings": [HOSTILE]})
    return folder


def test_write_report_renders_again_from_the_tables(tmp_path):
    folder = write_result(tmp_path / "r")
    first = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert write_report(folder) == folder / "report.html"
    assert (folder / "report.html").read_bytes() == first
    assert len(list(folder.iterdir())) == 7


def test_a_failing_write_report_keeps_the_old_one(tmp_path, monkeypatch):
    folder = write_result(tmp_path / "r")
    first = (folder / "report.html").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(ResultError, match="No space left"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == first
    assert len(list(folder.iterdir())) == 7


def test_a_name_that_is_no_text_still_makes_a_page(tmp_path):
    folder = write_result(tmp_path / "r", name="caf\udce9.mp4")
    assert "caf?.mp4" in (folder / "report.html").read_text(encoding="utf-8")


def test_words_for_numbers():
    assert [timecode(s) for s in (0, 59.99, 3600, 360_000.5, None, float("nan"))] == [
        *("0:00:00", "0:00:59", "1:00:00", "100:00:00", DASH, DASH),
    ]
    assert [percent(p) for p in (0.5, 1, float("nan"))] == ["50.0%", "100.0%", DASH]
    values = (True, None, 1234567, 0.71134, 1e6, "x")
    assert [number(v) for v in values] == ["yes", DASH, "1,234,567", "0.7113", "1,000,000", "x"]
    assert [file_size(s) for s in (999, 48_123_456)] == ["999 bytes", "48.1 MB"]
