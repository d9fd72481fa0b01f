"""The reader says in the page who is who, and the file that it hands out does the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fervid.report.people import edit_people
from fervid.results.files import read_table
from tests.helpers.browsing import Page, open_address
from tests.helpers.made_talk import made_talk

pytestmark = pytest.mark.slow


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return made_talk(tmp_path)


@pytest.fixture
def page(browser: Any, result: Path) -> Iterator[Page]:
    opened = open_address(browser, (result / "report.html").as_uri())
    yield opened
    assert [line for line in opened.complaints if "ERR_FILE_NOT_FOUND" not in line] == []
    opened.close()


def name(page: Page, was: str, now: str) -> None:
    page.get_by_label(f"Name of {was}", exact=True).fill(now)
    page.get_by_label(f"Name of {was}", exact=True).press("Enter")


def names(page: Page, what: str) -> list[str]:
    """The words of all elements of a kind, in their order."""
    return [text.split("\n")[0] for text in page.locator(what).all_inner_texts()]


def lanes(page: Page) -> list[str]:
    return list(page.evaluate("document.getElementById('timeline').layout.yaxis2.categoryarray"))


def bars(page: Page) -> set[str]:
    shown = "[...document.getElementById('timeline').data].filter((one) => one.type === 'bar')"
    return set(page.evaluate(f"{shown}.flatMap((one) => [...one.y])"))


def said(page: Page) -> str:
    return str(page.locator("#editor-said").inner_text())


def saved(page: Page, to: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save changes").click()
    assert waiting.value.suggested_filename == "talk.people.csv"
    waiting.value.save_as(to / "talk.people.csv")
    return to / "talk.people.csv"


def test_people_are_named_merged_split_ordered_and_left_out(
    page: Page, result: Path, tmp_path: Path
) -> None:
    assert page.get_by_role("button", name="Save changes").is_disabled()
    name(page, "face 2", "Ben")
    assert lanes(page) == ["face 1", "Ben", "face 3", "face 4", "face 5"]
    assert names(page, "#bars b") == lanes(page)
    name(page, "face 1", "Anna")
    page.get_by_label("face 4 is the same person as", exact=True).select_option(label="Anna")
    assert said(page) == "face 4 and Anna are now one person."
    page.get_by_label("face 3 is the same person as", exact=True).select_option(label="Anna")
    assert "face 3 and Anna are both in the picture at 0:00:01" in said(page)
    page.evaluate("location.hash = '#t=4'")
    page.wait_for_timeout(300)
    page.get_by_label("Split Ben at the moment shown", exact=True).click()
    assert said(page).startswith("From 0:00:04.0 on, Ben is somebody else.")
    name(page, "Ben b", "Dora")
    page.get_by_label("Show face 5", exact=True).uncheck()
    page.get_by_label("face 3: earlier", exact=True).click()
    page.get_by_label("face 3: earlier", exact=True).click()
    page.get_by_label("face 3: earlier", exact=True).click()
    name(page, "face 3", "Carla")
    order = ["Carla", "Anna", "Ben", "Dora"]
    assert lanes(page) == order
    assert names(page, "#bars b") == order
    assert bars(page) == set(order)
    assert names(page, "#who option") == ["everyone", *order]
    rows = page.locator("#episode-table tbody tr")
    assert rows.count() == 5
    page.select_option("#whose", label="Dora")
    assert "0:00:04.0" in rows.first.inner_text()
    page.select_option("#who", label="Dora")
    titles = page.evaluate(
        "document.getElementById('timeline').layout.annotations.map((one) => one.text)"
    )
    assert titles[0] == "<b>What Dora shows</b>: mean probabilities"
    file = saved(page, tmp_path)
    edit_people(result, file)
    people = read_table(result, "people")
    assert people["name"].tolist() == order
    assert people["found_as"].tolist() == ["3", "1 4", "2", "2"]
    assert people["faces"].tolist() == [70, 70, 40, 40]
    again = open_address(page.context.browser, (result / "report.html").as_uri())
    assert lanes(again) == order
    assert again.get_by_label("Name of face 5", exact=True).is_visible()
    again.get_by_label("Show face 5", exact=True).check()
    name(again, "Dora", "Dorothea")
    edit_people(result, saved(again, tmp_path))
    assert read_table(result, "people")["name"].tolist() == [
        *("Carla", "Anna", "Ben", "Dorothea", "face 5"),
    ]
    again.close()


def test_changes_can_be_undone(page: Page) -> None:
    name(page, "face 2", "Ben")
    name(page, "Ben", "=cmd")
    assert said(page) == "A name cannot begin with =."
    page.get_by_role("button", name="Undo").click()
    assert lanes(page)[1] == "face 2"
    assert page.get_by_role("button", name="Undo").is_disabled()
