"""Formats of other packages, found by their entry points."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from fervid import Timeline
from fervid.cli.export import export as command
from fervid.exports import Format, Job, export, format_names, formats

pytestmark = pytest.mark.slow


def write(job: Job, out: Path) -> None:
    """How long each person shows each expression."""
    episodes = Timeline.read(job.folder).episodes
    lengths = (episodes["offset"] - episodes["onset"]).groupby(episodes["expression"]).sum()
    lengths.round(2).to_csv(out)


DURATIONS = Format(write, ".durations.csv")
NOT_A_FORMAT = 3


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint(name, f"{__name__}:{name}" if name != "gone" else "no_such:X", formats.GROUP)
        for name in ("DURATIONS", "NOT_A_FORMAT", "gone", "elan")
    ]
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("sys").modules[__name__])
    monkeypatch.setattr(formats, "entry_points", lambda *, group: points)


def test_another_package_adds_a_format(results: dict[str, Path], tmp_path: Path) -> None:
    assert format_names()[-3:] == ["DURATIONS", "NOT_A_FORMAT", "gone"]
    (path,) = export(results["two_speakers"], "DURATIONS", tmp_path)
    assert path.name == "two_speakers.durations.csv"
    assert path.read_text().startswith("expression,0")
    (again,) = export(results["two_speakers"], "elan", tmp_path)
    assert again.suffix == ".eaf"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone", "no_such:X cannot be loaded"), ("NOT_A_FORMAT", "is not a fervid.exports.Format")],
)
def test_one_that_cannot_be_used_is_one_line(
    results: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    reason: str,
) -> None:
    option = next(one for one in command.params if one.name == "to")
    monkeypatch.setattr(option.type, "choices", format_names())
    arguments = [str(results["two_speakers"]), "--to", name, "-o", str(tmp_path)]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 3
    assert reason in done.output
    assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
