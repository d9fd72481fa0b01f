"""Read a recording with the package fer (Haar cascade, the default), as its README does.

    python benchmarks/fer_video.py RECORDING

Runs in an environment of its own that has fer; `python -m benchmarks --compare fer` calls it.
"""

import sys

import cv2
from fer.fer import FER

recording = cv2.VideoCapture(sys.argv[1])
detector = FER()
while (frame := recording.read()[1]) is not None:
    detector.detect_emotions(frame)
