"""The interactive report: one HTML file that works offline and loads nothing from the network."""

from fervid.report.html import partial_line
from fervid.report.page import render, save_report, write_report

__all__ = ["partial_line", "render", "save_report", "write_report"]
