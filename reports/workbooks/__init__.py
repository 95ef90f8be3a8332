"""Workbooks (报表) as a county office expects them. ``reports.exports`` decides who may have which."""
