"""How rows are read: against each person's own resting face, or as the model puts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.change import changes, intensities, relative_probabilities
from fervid.expressions.looks import Looks, LooksKeeper
from fervid.expressions.resting import RestingFace, find, told
from fervid.tracking.people import numbered


class RelativeReading:
    """Compares people with their own resting faces.

    Rows are those of `fervid.results.rows.ROW`, with `lasts_s`; `learn` sees all of them, in order,
    before `apply` changes `adjusted`, `change`, `intensity` and `compared`. People whose resting
    face is not known stay as they are.

    Args:
        person: the person that each track shows.
        stretch: start and end in seconds, its end excluded, of a part in which people rest;
            who is not seen there is compared with what is found in the whole recording.
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
        self._elsewhere = dict(at_rest or {})
        self._all, self._there = LooksKeeper(person), LooksKeeper(person)
        self._faces: dict[int, RestingFace] | None = None

    def learn(self, rows: NDArray[Any]) -> None:
        """Take the next rows into account."""
        self._all.learn(rows)
        if self._stretch is not None:
            start_s, end_s = self._stretch
            self._there.learn(rows[(rows["time_s"] >= start_s) & (rows["time_s"] < end_s)])

    @property
    def faces(self) -> dict[int, RestingFace]:
        """The resting face of each person; to be asked when all rows are learned."""
        if self._faces is None:
            everyone = self._all.everyone()
            there = {**self._elsewhere, **self._there.everyone()}
            known = {
                who: told(looks, everyone[who]) for who, looks in there.items() if who in everyone
            }
            self._faces = {who: known.get(who) or find(looks) for who, looks in everyone.items()}
        return self._faces

    def apply(self, rows: NDArray[Any]) -> None:
        """Read rows."""
        who = numbered(rows["face_id"], self._person)
        for person in np.unique(who).tolist():
            face = self.faces.get(person)
            if face is not None and face.known:
                read_against(rows, np.flatnonzero(who == person), face)


def read_against(rows: NDArray[Any], mine: NDArray[np.intp], face: RestingFace) -> None:
    """Read some of the rows, which show one person, against a resting face."""
    change = changes(rows["probs"][mine], face)
    rows["change"][mine] = change
    rows["adjusted"][mine] = relative_probabilities(change, rows["probs"][mine])
    rows["intensity"][mine] = intensities(change)
    rows["compared"][mine] = True
