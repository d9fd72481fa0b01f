"""Who is who: joined when it is safe, kept apart when it is not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fervid.records import FrameBatch
from fervid.tracking.appearance import patches, textures
from fervid.tracking.gallery import Gallery
from fervid.tracking.likeness import likeness, most_different, views
from fervid.tracking.people import People, numbered
from tests.helpers.known_faces import faces_at, tracked

SIDE = 80.0


def face(person: int, look: int = 0) -> NDArray[np.uint8]:
    """A made face: smooth noise that is the person's own, with a little that is each look's."""

    def smooth(seed: int) -> NDArray[np.float64]:
        noise = np.random.default_rng(seed).normal(size=(54, 54))
        kernel = np.exp(-(np.arange(-3, 4) ** 2) / 4.0)
        for axis in (0, 1):
            noise = np.apply_along_axis(np.convolve, axis, noise, kernel, "valid")
        return np.asarray(noise / noise.std())

    mixed = smooth(person) + 0.15 * smooth(1000 + look)
    return np.clip(128 + 40 * mixed, 0, 255).astype(np.uint8)


def mixed_face(share: float) -> NDArray[np.uint8]:
    """A face between two made ones that are a little alike."""
    ends = [0.55 * face(3).astype(np.float64) + 0.45 * face(person) for person in (5, 6)]
    return np.asarray(share * ends[0] + (1 - share) * ends[1], np.uint8)


def see(
    people: People,
    tracks: Sequence[tuple[int, int]],
    times: Sequence[float],
    *,
    cut: bool = False,
    side: float = SIDE,
    at: Sequence[float] = (),
    picture: NDArray[np.uint8] | None = None,
) -> None:
    """Show (track, person) pairs side by side, or `at` places, at some times.

    All of them look like the picture, if there is one.
    """
    count = len(times)
    images = np.zeros((count, 2, 2), np.uint8)
    batch = FrameBatch(images, np.arange(count), np.array(times, np.float64))
    places = list(at) or [300.0 * k for k in range(len(tracks))]
    boxes = [[x, 10.0, side, side] for _ in times for x in places]
    found = faces_at([row for row in range(count) for _ in tracks], boxes)
    ids = [track for _ in times for track, _ in tracks]
    shown = [face(person, look=row) for row in range(count) for _, person in tracks]
    if picture is not None:
        shown = [picture] * len(shown)
    cuts = np.zeros(count, np.bool_)
    cuts[0] = cut
    people.add(batch, tracked(found, ids), np.stack(shown).__getitem__, cuts, 1.0)


def test_one_who_comes_back_is_the_same_and_a_newcomer_is_not() -> None:
    people = People(1.0)
    see(people, [(1, 7), (2, 8)], np.arange(0, 3, 0.1).tolist())
    see(people, [(3, 9)], np.arange(5, 8, 0.1).tolist(), cut=True)
    see(people, [(4, 8)], np.arange(20, 23, 0.1).tolist(), cut=True)
    assert people.numbers() == {1: 1, 2: 2, 3: 3, 4: 2}


def test_two_in_one_frame_are_never_one() -> None:
    people = People(1.0)
    see(people, [(1, 7)], [0.0, 0.1, 0.2])
    see(people, [(1, 7), (2, 7)], [0.3, 0.4, 0.5, 0.6])
    assert people.numbers() == {1: 1, 2: 2}


def test_one_who_might_be_either_of_two_is_neither() -> None:
    people = People(1.0)
    see(people, [(1, 7), (2, 7)], [0.0, 0.1, 0.2])
    see(people, [(3, 7)], [9.0, 9.1, 9.2], cut=True)
    assert people.numbers() == {1: 1, 2: 2, 3: 3}


def test_one_who_got_two_numbers_gets_one_when_more_is_seen() -> None:
    """The third time shows a face in between those of the first and the second time."""
    sides, middle = (mixed_face(1.0), mixed_face(0.0)), mixed_face(0.5)
    first, second = views(sides[0][None]), views(sides[1][None])
    assert 0.38 < likeness(first, second) < 0.42
    assert min(likeness(views(middle[None]), end) for end in (first, second)) > 0.5
    for shown, expected in ((sides, {1: 1, 2: 2}), ((*sides, middle), {1: 1, 2: 1, 3: 1})):
        people = People(1.0)
        for track, picture in enumerate(shown, start=1):
            see(people, [(track, 0)], [9.0 * track, 9.0 * track + 0.1], cut=True, picture=picture)
        assert people.numbers() == expected


def crowd(people: People, count: int) -> dict[int, int]:
    """A track a second of faces that are somebody's for the larger part, and then another's."""
    rng = np.random.default_rng(5)
    pool = [face(person).astype(np.float64) for person in range(count // 3)]
    for track in range(1, count + 1):
        mine, other = rng.choice(len(pool), 2, replace=False)
        share = rng.uniform(0.5, 0.8)
        picture = (share * pool[mine] + (1 - share) * pool[other]).astype(np.uint8)
        see(people, [(track, 0)], [2.0 * track, 2.0 * track + 0.1], cut=True, picture=picture)
    return people.numbers()


@pytest.mark.slow
def test_few_of_many_are_compared_and_nobody_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counted(seen: NDArray[np.float16], known: NDArray[np.float16]) -> float:
        compared.append(1)
        return likeness(seen, known)

    monkeypatch.setattr("fervid.tracking.people.likeness", counted)
    count = 180
    found = crowd(People(1.0), count)
    assert 20 < max(found.values()) < count / 2  # many are joined
    few = len(compared)
    compared.clear()
    monkeypatch.setattr(Gallery, "candidates", lambda self, views, least: list(self._numbers))
    assert crowd(People(1.0), count) == found
    assert len(compared) > 4 * few


def test_a_gallery_finds_those_who_look_alike_in_the_order_they_came() -> None:
    rng = np.random.default_rng(0)
    axes = np.eye(64, dtype=np.float16)
    gallery: Gallery[str] = Gallery()
    assert gallery.candidates(axes[:1], 0.5) == []
    for name, rows in (("a", [0, 1]), ("b", [1, 2]), ("c", []), ("d", [3]), ("e", [1])):
        gallery.put(name, axes[rows])
    for number in range(200):  # the table grows, and what is outdated goes
        gallery.put(f"{number % 9}", axes[rng.integers(8, 64, 5)])
    gallery.put("a", axes[[1, 4]])
    gallery.remove("e")
    assert gallery.candidates(axes[[1, 5]], 0.5) == ["a", "b"]
    assert gallery.candidates(axes[[0]], 0.5) == []
    assert gallery.candidates((axes[[3]] * 0.6 + axes[[0]] * 0.8), 0.59) == ["d"]
    assert gallery.candidates(axes[:0], 0.5) == []


def test_two_who_were_seen_together_are_not_joined_by_a_third() -> None:
    people = People(1.0)
    see(people, [(1, 7), (2, 7)], [0.0, 0.1])
    for track in (3, 4, 5):
        see(people, [(track, 7)], [9.0 * track, 9.0 * track + 0.1], cut=True)
    numbers = people.numbers()
    assert numbers[1] != numbers[2]
    assert not {numbers[track] for track in (3, 4, 5)} & {numbers[1], numbers[2]}


@pytest.mark.parametrize("cut", [False, True])
def test_small_faces_are_not_told_apart(cut: bool) -> None:
    people = People(1.0)
    see(people, [(1, 7)], [0.0, 0.1, 0.2], side=30.0)
    see(people, [(2, 7)], [9.0, 9.1, 9.2], side=30.0, cut=cut)
    assert people.numbers() == {1: 1, 2: 2}


def test_nobody_at_all() -> None:
    people = People(1.0)
    see(people, [(1, 7)], [0.0])
    assert People(1.0).numbers() == {}
    assert numbered(np.array([0, 0]), {}).tolist() == [0, 0]
    assert numbered(np.array([0, 3, 1]), {1: 1, 3: 1}).tolist() == [0, 1, 1]


def test_textures_do_not_change_with_light_and_tell_made_faces_apart() -> None:
    one, other = face(1), face(2)
    darker = (one * 0.5 + 20).astype(np.uint8)
    looks = textures(np.stack([one, darker, other, one]))
    assert looks.shape == (4, 36 * 59)
    np.testing.assert_allclose(np.linalg.norm(looks, axis=1), 1, atol=1e-6)
    assert looks[0] @ looks[3] == pytest.approx(1, abs=1e-6)
    assert looks[0] @ looks[1] > 0.9
    assert looks[0] @ looks[2] < 0.7
    assert len(textures(np.zeros((0, 48, 48), np.uint8))) == 0


def test_views_tell_made_faces_apart_and_few_are_kept() -> None:
    seen = views(np.stack([face(1), face(1, look=1), face(2), face(1) // 2 + 20]))
    alike = seen.astype(np.float32) @ seen.astype(np.float32).T
    np.testing.assert_allclose(np.diag(alike), 1, atol=2e-3)
    assert min(alike[0, 1], alike[0, 3]) > 0.7
    assert alike[0, 2] < 0.42
    assert likeness(seen[:1], seen[2:]) == pytest.approx(alike[0, 3], abs=1e-3)
    assert likeness(seen[:0], seen) == likeness(seen, seen[:0]) == 0
    few = most_different(seen, 2)
    assert len(few) == 2
    assert likeness(seen[2:3], few) == pytest.approx(1, abs=2e-3)
    np.testing.assert_array_equal(views(np.stack([face(1)])), seen[:1])


def test_patches_correlate_as_the_pictures_do() -> None:
    images = np.stack([np.tile(face(k)[:40, :40], (2, 2)) for k in (1, 2)])
    boxes = np.array([[0, 0, 40, 40], [40, 40, 40, 40], [0, 0, 40, 40]], np.float32)
    looks = patches(images, np.array([0, 0, 1]), boxes, (80, 80))
    assert looks[0] @ looks[1] > 0.99
    assert looks[0] @ looks[2] < 0.7
    assert not patches(
        np.full((1, 8, 8), 9, np.uint8), np.zeros(1, np.int64), boxes[:1], (8, 8)
    ).any()
    assert patches(images, np.zeros(0, np.int64), boxes[:0], (80, 80)).shape == (0, 16)


def test_people_are_numbered_by_first_appearance(tmp_path: Path) -> None:
    people = People(1.0)
    see(people, [(5, 1)], [0.0, 0.1], at=[600.0])
    see(people, [(2, 2), (5, 1)], [0.2, 0.3], at=[0.0, 600.0])
    assert people.numbers() == {5: 1, 2: 2}
