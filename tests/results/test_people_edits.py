"""Who is who, as a reader's file of changes says it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.errors import ResultError
from fervid.results.people_edits import edited_people, read_edits

FOUND = pd.DataFrame(
    {"face_id": [1, 2, 3], "first_seen": [0.0, 1.0, 6.0], "last_seen": [5.0, 9.0, 9.0]}
)


def edited(tmp_path: Path, text: str):
    file = tmp_path / "people.csv"
    file.write_text("face_id,name,from,to,show\n" + text, "utf-8")
    return edited_people(read_edits(file), FOUND)


def person_names(made, *faces: tuple[int, float]) -> list[str]:
    ids, times = zip(*faces, strict=True)
    places = made.person_indices(np.array(ids), np.array(times))
    return ["" if place < 0 else made.people[place].name for place in places]


def test_a_name_changes_neither_numbers_nor_order(tmp_path: Path) -> None:
    made = edited(tmp_path, "2,Anna,,,\n")
    assert [(one.face_id, one.name) for one in made.people] == [
        (2, "Anna"),
        (1, "face 1"),
        (3, "face 3"),
    ]


def test_the_same_name_is_the_same_person(tmp_path: Path) -> None:
    made = edited(tmp_path, "1,Anna,,,\n3,Anna,,,\n2,Ben,,,\n")
    assert [(one.face_id, one.found_as) for one in made.people] == [(1, "1 3"), (2, "2")]
    assert person_names(made, (1, 2.0), (3, 7.0), (2, 7.0)) == ["Anna", "Anna", "Ben"]


def test_a_person_without_a_name_can_be_merged(tmp_path: Path) -> None:
    made = edited(tmp_path, "3,face 1,,,\n")
    assert [(one.face_id, one.name) for one in made.people] == [(1, "face 1"), (2, "face 2")]


def test_a_face_can_be_one_and_then_another(tmp_path: Path) -> None:
    made = edited(tmp_path, "2,Anna,,0:04,\n2,Ben,4,,\n")
    assert person_names(made, (2, 3.999), (2, 4.0)) == ["Anna", "Ben"]
    assert {one.name: one.face_id for one in made.people} == {
        "Anna": 2,
        "Ben": 4,
        "face 1": 1,
        "face 3": 3,
    }
    assert made.cuts_of(2) == [4.0]


def test_what_no_row_speaks_of_keeps_its_number(tmp_path: Path) -> None:
    made = edited(tmp_path, "2,Anna,3,4,\n1,Ben,,20,\n")
    assert person_names(made, (2, 2.0), (2, 3.0), (2, 4.0)) == ["face 2", "Anna", "face 2"]
    assert {one.name: one.face_id for one in made.people} == {
        "Anna": 4,
        "Ben": 1,
        "face 2": 2,
        "face 3": 3,
    }


def test_people_can_be_left_out_for_a_while(tmp_path: Path) -> None:
    made = edited(tmp_path, "1,,,,no\n2,,5,,no\n")
    assert [one.name for one in made.people] == ["face 2", "face 3"]
    assert person_names(made, (1, 1.0), (2, 4.0), (2, 5.0)) == ["", "face 2", ""]


def test_numbers_do_not_depend_on_the_order(tmp_path: Path) -> None:
    rows = ["2,Anna,,4,\n", "2,Ben,4,,\n", "3,Carl,,,\n"]
    one, other = (edited(tmp_path, "".join(order)) for order in (rows, rows[::-1]))
    assert {p.name: p.face_id for p in one.people} == {p.name: p.face_id for p in other.people}
    assert [p.name for p in other.people[:3]] == ["Carl", "Ben", "Anna"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("7,Anna,,,\n", "there is no face 7; face ids are 1, 2, 3"),
        ("Anna,Anna,,,\n", "'Anna' is not the number of a face"),
        ("2,Anna,5,5,\n", "row 2: ends at 5, before its start at 5"),
        ("2,Anna,noon,,\n", "row 2: 'noon' is not a time"),
        ("2,Anna,,5,\n2,Ben,4,,\n", "face 2 is 'Anna' and 'Ben' at the same time, at 4 s"),
        ("2,Anna,20,,\n", "face 2 is not seen from 20 s on, only from 1 to 9 s"),
        ("2,Anna,,,maybe\n", "'maybe' is neither yes nor no"),
        ("2,=Anna,,,\n", "begins with =, which spreadsheets take for a formula"),
        ("2,NA,,,\n", "read as an empty cell"),
        ("1,Ben,,,\n2,face 1,,,\n", "face 2 is called 'face 1', but face 1 is called 'Ben'"),
        ("2,face 9,,,\n", "face 2 is called 'face 9', but there is no face 9"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ResultError, match=said):
        edited(tmp_path, text)


def test_the_table_of_people_itself_is_not_taken_for_changes(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("face_id,frames,resting_face\n1,2,found\n", "utf-8")
    with pytest.raises(ResultError, match="is the table of people, not a file of changes"):
        read_edits(file)
