"""Measurements, each repeatable with one command; docs/BENCHMARKS.md holds targets and figures. A timing is never asserted in a test."""
