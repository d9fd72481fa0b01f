"""Programs: kept between runs, remade when anything differs, the same on several devices."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fervid.errors import SetupError
from fervid.models import cache
from fervid.models.inference import in_chunks
from fervid.models.program import Function, Leaves, Program, find_devices

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 6), np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")  # child processes keep compiled code there, too
    return tmp_path / "cache"


class Made:
    """Means of images times a weight; counts how often it was made."""

    def __init__(self, weight: float = 2.0) -> None:
        self.weight, self.times = weight, 0

    def __call__(self, on_cpu: bool) -> tuple[Function, Leaves]:
        self.times += 1

        def means(leaves: Leaves, images: jax.Array, count: jax.Array) -> tuple[jax.Array, ...]:
            def chunk(part: jax.Array) -> tuple[jax.Array, jax.Array]:
                return leaves[0] * part.mean((1, 2)), part[:, 0].astype(jnp.float32)

            return in_chunks(chunk, images, 2, count=count[0])

        return means, [jnp.float32(self.weight)]


def program(made: Made, key: str = "means", batch_size: int = 8) -> Program:
    return Program({"key": key}, made, batch_size=batch_size)


def check(run: Program, weight: float = 2.0) -> None:
    means, rows = run(IMAGES)
    np.testing.assert_allclose(means, weight * IMAGES.mean((1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(rows, IMAGES[:, 0])


def test_a_later_program_is_read_not_made() -> None:
    first, later = Made(), Made()
    check(program(first))
    check(program(later))
    assert (first.times, later.times) == (1, 0)


def test_another_key_or_batch_is_another_program() -> None:
    check(program(Made()))
    other = Made(3.0)
    check(program(other, key="thrice"), 3.0)
    check(program(Made(), batch_size=6))
    assert other.times == 1


def test_a_damaged_file_is_made_again(own_cache: Path) -> None:
    check(program(Made()))
    for path in own_cache.glob("*.*"):
        if path.is_file():
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
    again = Made()
    check(program(again))
    assert again.times == 1


RUN = """
import numpy as np
from fervid.expressions.classifier import ExpressionClassifier
from fervid.records import FaceCrops
ExpressionClassifier(batch_size=6).classify(
    FaceCrops(np.zeros((1, 48, 48), np.uint8), np.zeros(1, np.int32))
)
"""


def test_what_a_killed_process_left_half_compiled_is_no_trouble(own_cache: Path) -> None:
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        (compiled,) = (path for path in own_cache.rglob("*-cache"))
        compiled.write_bytes(compiled.read_bytes()[:100])
    assert len(list(own_cache.glob("*.program"))) == 1


@pytest.mark.parametrize("folder", ["", "/dev/null/nowhere"])
def test_without_a_cache_all_works(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, folder)
    made = Made()
    check(program(made))
    assert made.times == 1


def test_a_full_cache_loses_its_oldest_files(own_cache: Path) -> None:
    for number in range(230):
        cache.write(f"{number}.file", b"x")
    assert len(list(own_cache.iterdir())) == 200
    assert cache.read("229.file") == b"x"
    assert cache.read("0.file") is None


def test_a_kind_of_device_that_is_not_there() -> None:
    with pytest.raises(SetupError, match="JAX finds no TPU"):
        find_devices("tpu")


SHARDED = """
import jax
jax.config.update("jax_num_cpu_devices", 3)
import cv2, numpy as np
from fervid.expressions.classifier import ExpressionClassifier
from fervid.detection.detector import FaceDetector
from fervid.models.program import find_devices
from fervid.records import FaceCrops, FrameBatch

devices, index = find_devices(), np.arange(5)
assert len(devices) == 3
portrait = cv2.resize(cv2.imread("sample_media/portrait.jpg", cv2.IMREAD_GRAYSCALE), (160, 240))
turned = [portrait[:, ::flip] for flip in (1, -1, 1, -1, 1)]
frames = FrameBatch(np.stack(turned), index, index / 10)
noise = np.random.default_rng(0).integers(0, 256, (7, 48, 48), np.uint8)
crops = FaceCrops(noise, np.arange(7, dtype=np.int32))
for answer in (
    lambda used: FaceDetector(batch_size=6, devices=used).detect(frames, (160, 240)),
    lambda used: ExpressionClassifier(batch_size=6, devices=used).classify(crops),
):
    one, three = answer(devices[:1]), answer(devices)
    assert len(one) == len(three) >= 5, (len(one), len(three))
    for name in one.__dataclass_fields__:
        np.testing.assert_allclose(getattr(one, name), getattr(three, name), atol=1e-3)
"""


def test_several_devices_answer_as_one() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SHARDED]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
