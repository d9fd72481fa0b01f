"""What faces show: the classifier, and smoothing, resting faces and episodes over time."""
