"""Names, merges, splits, people who are left out: all tables and exports of a result follow."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from fervid.cli import main
from fervid.exports import export
from fervid.report.maker import ReportMaker
from fervid.report.people import edit_people
from fervid.results.files import read_frames, read_meta, read_table
from fervid.results.writer import ResultWriter
from fervid.studies.opening import open_results
from tests.helpers.made_talk import made_talk

CHANGES = """face_id,name,from,to,show
3,Carla,,,yes
1,Anna,,,yes
4,Anna,,,yes
2,Ben,,4,yes
2,Dora,4,,yes
5,,,,no
"""


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of which each test gets a copy."""
    return made_talk(tmp_path_factory.mktemp("talk"))


@pytest.fixture
def result(talk: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(talk, tmp_path / talk.name))


@pytest.fixture
def changes(tmp_path: Path) -> Path:
    file = tmp_path / "talk.people.csv"
    file.write_text(CHANGES, "utf-8")
    return file


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def bytes_of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_all_tables_agree(result: Path, changes: Path) -> None:
    found = pd.concat(read_frames(result))
    assert report(result, "--people", changes).exit_code == 0
    people = read_table(result, "people")
    assert people["name"].tolist() == ["Carla", "Anna", "Ben", "Dora"]
    assert people["face_id"].tolist() == [3, 1, 2, 6]
    assert people["found_as"].tolist() == ["3", "1 4", "2", "2"]
    assert people["faces"].tolist() == [70, 70, 40, 40]
    assert people["first_seen"].tolist() == [1.0, 0.0, 0.0, 4.0]
    frames = pd.concat(read_frames(result))
    assert len(frames["frame"].unique()) == 100
    assert frames.groupby("name")["frame"].count().to_dict() == {
        "Anna": 70,
        "Ben": 40,
        "Carla": 70,
        "Dora": 40,
    }
    assert (frames.loc[frames["frame"] >= 80, "success"] == 0).all()
    faces = frames[frames["success"] == 1]
    both = faces.merge(found, left_on=["frame", "found_as"], right_on=["frame", "face_id"])
    assert len(both) == 220
    assert (both["face_x_x"] == both["face_x_y"]).all()
    summary = read_table(result, "summary").iloc[0]
    assert (summary["people"], summary["faces"], summary["frames_with_face"]) == (4, 220, 80)
    codebook = pd.read_csv(result / "codebook.csv")
    for table in ("frames", "episodes", "people", "summary"):
        listed = codebook.loc[codebook["table"] == table, "column"].tolist()
        assert listed == pd.read_csv(result / f"{table}.csv").columns.tolist()


def test_an_episode_is_cut_where_a_face_is_split(result: Path, changes: Path) -> None:
    report(result, "--people", changes)
    episodes = read_table(result, "episodes").set_index("name")
    columns = ["onset", "offset", "first_frame", "last_frame", "found_as"]
    ben, dora = (episodes.loc[name, columns].tolist() for name in ("Ben", "Dora"))
    assert ben == pytest.approx([0.0, 4.0, 0, 39, 2])
    assert dora == pytest.approx([4.0, 8.0, 40, 79, 2])
    assert episodes.loc["Dora", "mean"] == pytest.approx(0.88)
    assert episodes.loc["Anna", "expression"].tolist() == ["happy", "angry"]
    assert set(episodes.index) == {"Ben", "Dora", "Anna", "Carla"}


def test_resting_faces_of_one_person_are_taken_together(result: Path, changes: Path) -> None:
    report(result, "--people", changes)
    people = read_table(result, "people").set_index("name")
    assert people.loc["Anna", ["resting_face", "rest_s", "rest_rows"]].tolist() == ["found", 4, 40]
    assert people.loc["Anna", "rest_spread"] == pytest.approx(0.03**0.5, abs=5e-4)
    assert people.loc["Ben", "resting_face"] == "unused"


def test_the_same_changes_give_the_same_bytes_and_none_undoes_them(
    result: Path, changes: Path
) -> None:
    before = bytes_of(result)
    report(result, "--people", changes)
    once = bytes_of(result)
    assert report(result, "--people", changes).exit_code == 0
    assert bytes_of(result) == once
    report(result, "--people", result / "people.edits.csv")
    assert bytes_of(result) == once
    assert report(result).exit_code == 0
    assert bytes_of(result) == once
    assert report(result, "--people", "none").exit_code == 0
    assert bytes_of(result) == before


def test_removing_the_file_of_changes_undoes_them_and_altering_it_applies_it(
    result: Path, changes: Path
) -> None:
    before = bytes_of(result)
    report(result, "--people", changes)
    edits = result / "people.edits.csv"
    edits.write_text(edits.read_text("utf-8").replace("Carla", "Karla"), "utf-8")
    report(result)
    assert read_table(result, "people")["name"].tolist()[0] == "Karla"
    edits.unlink()
    report(result)
    assert bytes_of(result) == before


def test_names_alone_change_no_number(result: Path, tmp_path: Path) -> None:
    before = pd.concat(read_frames(result))
    file = tmp_path / "names.csv"
    file.write_text("face_id,name\n2,Ben\n", "utf-8")
    report(result, "--people", file)
    after = pd.concat(read_frames(result))
    pd.testing.assert_frame_equal(after[before.columns], before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("face_id,name\n9,Anna\n", "there is no face 9; face ids are 1, 2, 3, 4, 5"),
        (
            "face_id,name\n1,Anna\n2,Anna\n",
            "faces 1 and 2 are both in the picture at 0.000 s, so they cannot both be 'Anna'",
        ),
        ("name\nAnna\n", "has no column 'face_id'"),
    ],
)
def test_changes_that_do_not_fit_change_nothing(
    result: Path, tmp_path: Path, text: str, said: str
) -> None:
    before = bytes_of(result)
    file = tmp_path / "wrong.csv"
    file.write_text(text, "utf-8")
    done = report(result, "--people", file)
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.count("\n") == 1
    assert bytes_of(result) == before
    assert [path.name for path in result.parent.iterdir() if path.name.startswith(".")] == []


def test_exports_use_the_names_in_their_order(result: Path, changes: Path) -> None:
    report(result, "--people", changes)
    (eaf,) = export(result, "elan")
    tiers = [line for line in eaf.read_text("utf-8").splitlines() if "TIER_ID" in line]
    assert [line.split('TIER_ID="')[1].split('"')[0] for line in tiers] == [
        "Carla",
        "Anna",
        "Ben",
        "Dora",
    ]
    (vtt,) = export(result, "webvtt")
    assert "Dora: happy" in vtt.read_text("utf-8")
    assert "face" not in vtt.read_text("utf-8")
    (document,) = export(result, "json")
    whole = json.loads(document.read_text("utf-8"))
    assert [one["name"] for one in whole["people"]] == ["Carla", "Anna", "Ben", "Dora"]
    assert {row["name"] for row in whole["frames"] if row["success"]} == {
        "Carla",
        "Anna",
        "Ben",
        "Dora",
    }
    (datavyu,) = export(result, "datavyu")
    assert "Carla (MATRIX" in datavyu.read_text("utf-8")
    (subjects,) = export(result, "boris")
    assert set(pd.read_excel(subjects)["subject"]) == {"Carla", "Anna", "Ben", "Dora"}
    for path in export(result, "parquet"):
        table = pd.read_parquet(path)
        assert ("name" in table) == (path.stem != "summary")


def test_the_report_uses_the_names_and_meta_says_what_was_done(result: Path, changes: Path) -> None:
    report(result, "--people", changes)
    page = (result / "report.html").read_text("utf-8")
    options = page.split('<select id="who">')[1].split("</select>")[0]
    shown = [part.split("<")[0] for part in options.split('">')[1:]]
    assert shown == ["everyone", "Carla", "Anna", "Ben", "Dora"]
    assert ">face 5<" not in page
    meta = read_meta(result)
    assert meta["provenance"][-1]["made_by"] == "fervid.edit_people"
    anna, dora = (meta["people_edits"]["people"][k] for k in (1, 3))
    assert anna == {"face_id": 1, "name": "Anna", "parts": [{"face": 1}, {"face": 4}]}
    assert dora["parts"] == [{"face": 2, "from": 4.0}]
    assert meta["people_edits"]["left_out"] == [
        {"name": "face 5", "seen": [8.0, 8.9], "parts": [{"face": 5}]}
    ]


def test_a_new_analysis_says_that_names_are_not_in_it(result: Path, changes: Path) -> None:
    report(result, "--people", changes)
    episodes = read_table(result / "as_found", "episodes")
    frames = pd.concat(read_frames(result / "as_found"))
    with ResultWriter(result, overwrite=True, report=ReportMaker()) as writer:
        writer.append(frames)
        writer.finish(episodes, {"recording": {"name": "talk.mp4"}, "warnings": []})
    assert not (result / "as_found").exists()
    assert "people.edits.csv is from an earlier analysis" in read_meta(result)["warnings"][0]
    assert report(result, "--people", result / "people.edits.csv").exit_code == 0
    assert read_table(result, "people")["name"].tolist() == ["Carla", "Anna", "Ben", "Dora"]


def test_a_study_takes_people_of_one_name_for_one_person(talk: Path, tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        folder = Path(shutil.copytree(talk, tmp_path / day / talk.name))
        names = tmp_path / f"{day}.csv"
        names.write_text("face_id,name\n1,Anna\n", "utf-8")
        edit_people(folder, names)
    opened = open_results(tmp_path, measure="probability")
    people = [person for source in opened.sources() for person in opened.reader.of(source)]
    by_face = {face: {one.name for one in people if one.face_id == face} for face in (1, 2)}
    assert by_face[1] == {"Anna"}
    assert by_face[2] == {"monday/talk.mp4.fervid#2", "tuesday/talk.mp4.fervid#2"}
