"""The interactive report: one HTML file that works offline and asks the network for nothing."""

from fervid.report.page import render, save_report, write_report

__all__ = ["render", "save_report", "write_report"]
