"""A running server."""

import re
import signal
from collections.abc import Iterator

import pytest

from tests.helpers.web_server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("web"), "--max-upload", "20") as running:
        yield running
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 130
        assert list(running.folder.iterdir()) == []
        watched, *told, last = running.errors.read_text().splitlines()
        assert watched.startswith("NETWORK socket.getaddrinfo ['127.0.0.1', 80")
        assert last == "fervid: interrupted"
        expected = re.compile(r"'(127\.0\.0\.1|::1)'|^fervid: \w+ /\S+: cannot be answered \(")
        assert [line for line in told if not expected.search(line)] == []
