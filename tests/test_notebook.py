"""The Colab notebook runs from top to bottom: smoke preset, miniature data, this machine."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.toy_data import toy_fer, write_csv

ROOT = Path(__file__).parent.parent


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_trains_evaluates_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    notebook = nbformat.read(ROOT / "training" / "colab_tpu.ipynb", as_version=4)
    (parameters,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    values = {
        "PROJECT": str(ROOT),
        "DATA": str(write_csv(toy_fer(), tmp_path / "fer2013.csv")),
        "VOTES": "",
        "RUN": str(tmp_path / "run"),
        "PRESET": "smoke",
    }
    assert all(f"{name} = " in parameters.source for name in values)
    parameters.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    for name in ("best.npz", "my-model.npz", "my-model.json", "evaluation/evaluation.html"):
        assert (tmp_path / "run" / name).stat().st_size > 0
