"""One pass over a recording in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from fervid.records import FrameBatch
from fervid.video.ffmpeg import Child


class DecodingRun:
    """One pass over a recording, in which a thread decodes one batch ahead of the reader.

    Iterating yields the batches, and raises any error of the thread.

    Args:
        child: the decoder; it is closed with the run.
        batches: what it decodes.
    """

    def __init__(self, child: Child, batches: Iterator[FrameBatch]) -> None:
        self._child = child
        self._batches = batches
        self._queue: queue.Queue[FrameBatch | Exception | None] = queue.Queue(maxsize=1)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[FrameBatch]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """Stop the child and the thread; this ends an iteration in progress."""
        self._closed.set()
        self._child.kill()
        self._thread.join()
        self._child.close()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put(None)

    def _pump(self) -> None:
        try:
            for batch in self._batches:
                self._put(batch)
                if self._closed.is_set():
                    return
            self._put(None)
        except Exception as error:  # re-raised in the reader's thread
            self._put(error)

    def _put(self, item: FrameBatch | Exception | None) -> None:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return
