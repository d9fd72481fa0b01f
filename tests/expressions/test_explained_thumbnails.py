"""Maps of what the model reacts to, beside the thumbnails of a result and in its report."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.errors import ModelError
from fervid.explanations import Explanations, explain
from fervid.expressions import explained_thumbnails
from fervid.expressions.classifier import ExpressionClassifier
from fervid.expressions.map_pictures import gradient_tile
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS, FaceCrops
from fervid.report import write_report
from fervid.results.files import read_meta, read_thumbnails
from fervid.settings import Settings
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

CLIP = SAMPLES / "two_speakers.mp4"
FEW = {"fps": 4.0, "end": 8.0}


@dataclass
class Seen:
    """A result, and what the models were given for it."""

    folder: Path
    classified: set[bytes] = field(default_factory=set)
    explained: list[bytes] = field(default_factory=list)
    maps: list[Explanations] = field(default_factory=list)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    found = Seen(tmp_path_factory.mktemp("explained") / "r.fervid")
    classify = ExpressionClassifier.classify

    def note_classified(self: ExpressionClassifier, crops: FaceCrops) -> Any:
        found.classified |= {image.tobytes() for image in crops.images}
        return classify(self, crops)

    def note_explained(crops: FaceCrops, *args: Any) -> Explanations:
        found.explained += [image.tobytes() for image in crops.images]
        found.maps.append(explain(crops, *args))
        return found.maps[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExpressionClassifier, "classify", note_classified)
        patch.setattr(explained_thumbnails, "explain", note_explained)
        Analyzer(Settings(explain=True, **FEW)).analyze(CLIP, found.folder)
    return found


def picture_of(jpeg: bytes | None) -> np.ndarray:
    assert jpeg is not None
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), int)


def test_every_thumbnail_has_maps_of_the_crop_that_was_classified(seen: Seen) -> None:
    thumbnails = read_thumbnails(seen.folder)
    assert len(thumbnails) >= 3
    assert len(seen.explained) == len(thumbnails)
    assert set(seen.explained) <= seen.classified
    for one in thumbnails:
        both = picture_of(one.maps)
        assert both.shape == (96, 200, 3)
        assert len(one.maps or b"") < 15_000
        for half in (both[:, :96], both[:, 104:]):
            blue, red = half[..., 0], half[..., 2]
            assert (np.abs(red - blue) > 20).sum() > 100  # grey has equal colours


def test_signs_tell_the_strongest_places_without_colours() -> None:
    """A plus where a map is highest, a minus where it is lowest, nothing where it is faint."""
    dark, values = np.full((48, 48), 40, np.uint8), np.zeros((48, 48), np.float32)
    values[9:12, 9:12], values[29:32, 29:32] = 1.0, -0.6
    white = (gradient_tile(dark, values, 96) == 255).all(axis=2)
    plus, minus = white[:48, :48], white[48:, 48:]
    assert np.ptp(np.argwhere(plus), axis=0).tolist() == [8, 8]
    assert np.ptp(np.argwhere(minus), axis=0).tolist() == [0, 8]
    np.testing.assert_allclose(np.argwhere(plus).mean(axis=0), 21, atol=2)
    values[29:32, 29:32] = -0.1
    white = (gradient_tile(dark, values, 96) == 255).all(axis=2)
    assert white.sum() == plus.sum()


def test_maps_explain_the_probability_that_is_reported(seen: Seen) -> None:
    frames = pd.read_csv(seen.folder / "frames.csv")
    (maps,) = seen.maps
    thumbnails = sorted(read_thumbnails(seen.folder), key=lambda one: (one.face_id, one.expression))
    for row, one in enumerate(thumbnails):
        assert EXPRESSIONS[maps.expression[row]] == one.expression
        near = (frames["timestamp"] - one.time_s).abs() < 1e-3
        reported = frames.loc[near & (frames["face_id"] == one.face_id), one.expression]
        assert reported.item() == pytest.approx(maps.probs[row].max(), abs=2e-4)


def test_the_report_shows_them_and_says_what_they_are(seen: Seen) -> None:
    page = (seen.folder / "report.html").read_text("utf-8")
    alternatives = re.findall(r'<img [^>]*alt="(face [^"]+ under both maps[^"]*)"', page)
    thumbnails = read_thumbnails(seen.folder)
    assert len(alternatives) == len(thumbnails)
    for one, told in zip(thumbnails, alternatives, strict=True):
        assert told.startswith(f"face {one.face_id} at 0:00:")
        assert f"the probability of {one.expression}" in told
    words = re.sub(r"<[^>]+>", "", page)
    assert "raise the probability of the named expression" in words
    assert "lower it" in words
    assert "what the model reacts to, not whether it is right" in words


def test_the_report_is_rendered_again_without_jax(seen: Seen, tmp_path: Path) -> None:
    folder = shutil.copytree(seen.folder, tmp_path / "r.fervid")
    before = (folder / "report.html").read_text("utf-8")
    (folder / "report.html").unlink()
    block = "import sys; sys.modules |= dict.fromkeys(('jax', 'jaxlib', 'flax', 'cv2'))"
    code = f"{block}\nfrom fervid.cli import main; main(['report', {str(folder)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").read_text("utf-8") == before


def test_a_thumbnail_whose_maps_are_gone_is_shown_alone(seen: Seen, tmp_path: Path) -> None:
    folder = shutil.copytree(seen.folder, tmp_path / "r.fervid")
    gone, *left = sorted((folder / "thumbnails").glob("*.maps.jpg"))
    gone.unlink()
    pages = [write_report(folder).read_text("utf-8")]
    for path in left:
        path.unlink()
    pages.append(write_report(folder).read_text("utf-8"))
    assert [page.count("<figure") for page in pages] == [len(left), 0]
    assert ["What the model reacts to" in page for page in pages] == [True, False]


def test_by_default_there_are_none_and_earlier_ones_go(seen: Seen, tmp_path: Path) -> None:
    folder = shutil.copytree(seen.folder, tmp_path / "r.fervid")
    Analyzer(Settings(fps=4.0, end=8.0)).analyze(CLIP, folder, overwrite=True)
    thumbnails = read_thumbnails(folder)
    assert thumbnails
    assert [one.maps for one in thumbnails] == [None] * len(thumbnails)
    assert "<figure" not in (folder / "report.html").read_text("utf-8")


def test_maps_without_thumbnails_are_refused(tmp_path: Path) -> None:
    command = ["analyze", str(CLIP), "-o", str(tmp_path), "--no-thumbnails", "--explain"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert "explain needs thumbnails" in done.output
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_be_explained_costs_the_maps_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Explanations:
        raise ModelError("model odd: no gradients")

    monkeypatch.setattr(explained_thumbnails, "explain", refuse)
    folder = tmp_path / "r.fervid"
    Analyzer(Settings(explain=True, **FEW)).analyze(CLIP, folder)
    thumbnails = read_thumbnails(folder)
    assert thumbnails
    assert not any(one.maps for one in thumbnails)
    warning = "there are no maps of what the model reacts to: model odd: no gradients"
    assert warning in read_meta(folder)["warnings"]
