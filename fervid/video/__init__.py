"""Recordings in, batches of luma frames with exact times out; the only place that knows ffmpeg."""
