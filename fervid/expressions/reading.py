"""The relative reading: rows compared with each person's own resting face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.change import changes, intensities, relative_probabilities
from fervid.expressions.looks import Looks, LooksKeeper
from fervid.expressions.resting import RestingFace, find_resting_face, given_resting_face
from fervid.records import is_covered
from fervid.tracking.people import numbered


class RelativeReading:
    """Compares people with their own resting faces.

    Pass all rows (`fervid.results.rows.ROW`, with `lasts_s`) in order to `learn`; `apply` then sets
    `adjusted`, `change`, `intensity` and `compared`. Rows of people without a known resting face
    are not changed.

    Args:
        person: the person of each track.
        stretch: start and end (excluded) in seconds of a part in which people rest. For people who
            are not seen there, the resting face is found in the whole recording.
        at_rest: looks of people, by number, at rest in another recording or a photo.
    """

    def __init__(
        self,
        person: Mapping[int, int],
        stretch: tuple[float, float] | None = None,
        at_rest: Mapping[int, Looks] | None = None,
    ) -> None:
        self._person = person
        self._stretch = stretch
        self._at_rest_elsewhere = dict(at_rest or {})
        self._all, self._at_rest = LooksKeeper(person), LooksKeeper(person)
        self._faces: dict[int, RestingFace] | None = None

    def learn(self, rows: NDArray[Any]) -> None:
        """Add the next rows."""
        self._all.learn(rows)
        if self._stretch is not None:
            start_s, end_s = self._stretch
            self._at_rest.learn(rows[(rows["time_s"] >= start_s) & (rows["time_s"] < end_s)])

    @property
    def faces(self) -> dict[int, RestingFace]:
        """The resting face of each person; call after all rows are learned."""
        if self._faces is None:
            everyone = self._all.everyone()
            at_rest = {**self._at_rest_elsewhere, **self._at_rest.everyone()}
            given = {
                person_id: given_resting_face(looks, everyone[person_id])
                for person_id, looks in at_rest.items()
                if person_id in everyone and looks.rows
            }
            self._faces = {
                person_id: given.get(person_id) or find_resting_face(looks)
                for person_id, looks in everyone.items()
            }
        return self._faces

    def apply(self, rows: NDArray[Any]) -> None:
        """Compare rows with resting faces."""
        person_id = numbered(rows["face_id"], self._person)
        for person in np.unique(person_id).tolist():
            face = self.faces.get(person)
            if face is not None and face.known:
                read_against(rows, np.flatnonzero(person_id == person), face)


def read_against(rows: NDArray[Any], mine: NDArray[np.intp], face: RestingFace) -> None:
    """Compare some of the rows, which show one person, with a resting face; but no covered face."""
    mine = mine[~is_covered(rows["covered"][mine])]
    change = changes(rows["probs"][mine], face)
    rows["change"][mine] = change
    rows["adjusted"][mine] = relative_probabilities(change, rows["probs"][mine])
    rows["intensity"][mine] = intensities(change)
    rows["compared"][mine] = True
