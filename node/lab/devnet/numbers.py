"""Reads a node's metrics page: samples by name and labels, and percentiles of its histograms."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_SAMPLE: Final = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Samples(NamedTuple):
    """One page."""

    values: Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]

    def one(self, name: str, default: float = 0.0) -> float:
        """The value of a metric without labels."""
        return self.values.get(name, {}).get((), default)

    def labelled(self, name: str, **labels: str) -> float:
        """The value of a metric with exactly these labels; 0 where there is none."""
        wanted = sorted(labels.items())
        return next((value for key, value in self.values.get(name, {}).items() if sorted(key) == wanted), 0.0)

    def total(self, name: str) -> float:
        """Sum over all labels."""
        return sum(self.values.get(name, {}).values())

    def percentile(self, name: str, part: float) -> float:
        """Of a histogram, by a straight line inside the bucket; its largest bound where it lies beyond; 0 without samples."""
        rows = self.values.get(f"{name}_bucket", {})
        buckets = sorted(
            (float(bound), count) for labels, count in rows.items() for key, bound in labels if key == "le"
        )
        total = buckets[-1][1] if buckets else 0.0
        if not total:
            return 0.0
        low_bound = low_count = 0.0
        for bound, count in buckets:
            if count >= part * total:
                if bound == float("inf"):
                    return low_bound
                return low_bound + (bound - low_bound) * (part * total - low_count) / (count - low_count)
            low_bound, low_count = bound, count
        raise AssertionError("the last bucket holds everything")


def parse_samples(page: str) -> Samples:
    """The samples of a page in the Prometheus text format."""
    values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for name, labels, value in _SAMPLE.findall(page):
        key = tuple(_LABEL.findall(labels))
        values.setdefault(name, {})[key] = float(value)
    return Samples(values)
