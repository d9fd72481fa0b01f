"""What Python users may give to `fervid.analyze`, and what they are told of mistakes."""

import inspect
import pydoc
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import fervid
from fervid.settings import Settings
from fervid.settings.keywords import SettingsKeywords, settings_of


def test_the_names_and_types_are_those_of_the_settings() -> None:
    given, kept = get_type_hints(SettingsKeywords), get_type_hints(Settings)
    assert list(given) == list(kept)
    differ = {name for name in given if given[name] != kept[name]}
    assert differ == {"start", "end", "baseline"}  # which may be text, too


def test_help_lists_every_setting_with_its_default() -> None:
    parameters = inspect.signature(fervid.analyze).parameters
    for field in fields(Settings):
        assert parameters[field.name].default == field.default
    assert list(parameters)[:4] == ["recording", "out", "overwrite", "progress"]
    shown = pydoc.plain(pydoc.render_doc(fervid.analyze))
    assert "fps: float | None = None" in shown
    assert "smooth: float = 0.3" in shown


def test_times_may_be_text_as_on_the_command_line() -> None:
    given = settings_of({"start": "1:30", "end": "0:12:00.5", "baseline": "1:35-1:40"})
    assert (given.start, given.end, given.baseline) == (90.0, 720.5, (95.0, 100.0))
    assert settings_of({"baseline": ["0:05", 15]}).baseline == (5.0, 15.0)
    assert settings_of({"start": None, "end": 3}) == Settings(end=3.0)


def test_numbers_of_numpy_become_plain_ones() -> None:
    given = settings_of({"fps": np.float32(5), "batch_size": np.int64(4), "weights": Path("x")})
    assert given == Settings(fps=5.0, batch_size=4, weights="x")
    assert type(given.fps) is float
    assert type(given.batch_size) is int


@pytest.mark.parametrize(
    ("given", "kind", "line"),
    [
        ({"fps_": 5}, TypeError, "there is no keyword argument 'fps_'; did you mean 'fps'?"),
        ({"overwrit": 1}, TypeError, "no keyword argument 'overwrit'; did you mean 'overwrite'?"),
        (
            {"zzz": 5},
            TypeError,
            "no keyword argument 'zzz'; known ones are fps, track, deinterlace, ",
        ),
        ({"start": "half past"}, ValueError, "start: 'half past' is not a time; write seconds"),
        ({"end": [1]}, TypeError, r"end must be seconds or text such as '1:30', not \[1\]"),
        ({"baseline": "5"}, ValueError, "baseline: '5' is neither two times, as in"),
        ({"baseline": 5}, TypeError, "baseline must be two times, text such as '0:05-0:15', or"),
        ({"fps": "5"}, TypeError, "fps must be a number, not '5'"),
        ({"fps": True}, TypeError, "fps must be a number, not True"),
        ({"working_size": 640.5}, TypeError, "working_size must be a whole number, not 640.5"),
        ({"smooth": None}, TypeError, "smooth must be a number, not None"),
        ({"thumbnails": "no"}, TypeError, "thumbnails must be True or False, not 'no'"),
        ({"detector": 5}, TypeError, "detector must be text, not 5"),
        ({"labels": "mine"}, ValueError, "labels must be one of mixture, fer2013, ferplus"),
        ({"start": "2:00", "end": "1:00"}, ValueError, "end must be after start"),
    ],
)
def test_mistakes_are_one_clear_line(
    tmp_path: Path, given: dict[str, Any], kind: type[Exception], line: str
) -> None:
    with pytest.raises(kind, match=line) as caught:
        fervid.analyze(tmp_path / "x.mp4", **given)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("fps") <= 2


def test_photos_and_pictures_are_asked_for_in_the_same_way(tmp_path: Path) -> None:
    picture = np.zeros((60, 60), np.uint8)
    for ask in (
        lambda: fervid.analyze_image(picture, label="fer2013"),
        lambda: fervid.predict(picture[None], label="fer2013"),
        lambda: fervid.analyze_photos(tmp_path / "x.jpg", label="fer2013"),
    ):
        with pytest.raises(TypeError, match=r"argument 'label'; did you mean 'labels'\?"):
            ask()
