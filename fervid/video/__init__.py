"""Decodes recordings to luma frames with exact times; the only place that runs ffmpeg."""
