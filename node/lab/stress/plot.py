"""A stress as a picture. matplotlib is imported here alone, and only where a picture was asked for."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from node.lab.stress.run import PassResult, StressReport
from node.lab.stress.series import Series

_DPI: Final = 100
_SIZE_IN: Final = (11.0, 11.5)
_INK: Final = "#22313f"
_RED: Final = "#c0392b"
_BLUE: Final = "#2c6fbb"
_GREEN: Final = "#2e8b57"
_GREY: Final = "#9aa5b1"
_PANELS: Final = (3.0, 1.6, 1.6, 1.6, 1.6)  # Heights.


class PlotError(Exception):
    """The picture cannot be written; the message says why."""


def draw(report: StressReport, title: str, file: Path) -> None:
    """Write a PNG: the worse pass in full, the other one thin behind it. Raises PlotError."""
    worse = report.worse
    other = next((one for one in report.passes if one is not worse), None)
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    with mpl.rc_context({"font.size": 9, "axes.titlesize": 10, "axes.edgecolor": _GREY}):
        axes = figure.subplots(5, 1, sharex=True, height_ratios=_PANELS)
        _price(axes[0], worse.series)
        _fractions(axes[1], worse.series)
        _line(axes[2], worse, other, "open_interest", "open interest, USDC", _BLUE)
        _line(axes[3], worse, other, "insurance", "insurance fund, USDC", _GREEN)
        _liquidations(axes[4], worse, other)
        days = worse.series.hours[-1] > 72
        axes[4].set_xlabel("days" if days else "hours")
        if days:
            axes[4].xaxis.set_major_formatter(lambda hours, _: f"{hours / 24:g}")
            axes[4].set_xticks([24 * day for day in range(int(worse.series.hours[-1] // 24) + 1)])
        for ax in axes:
            ax.grid(visible=True, color="#e3e8ee", linewidth=0.7)
            ax.set_axisbelow(True)
            for side in ("top", "right"):
                ax.spines[side].set_visible(False)
            ax.margins(x=0.005)
        figure.suptitle(title, fontsize=12, color=_INK)
        try:
            figure.savefig(file, format="png")
        except OSError as error:
            raise PlotError(f"{file} cannot be written: {error.strerror or error}") from None


def _price(ax: Any, series: Series) -> None:
    ax.plot(series.hours, series.price, color=_INK, linewidth=0.9)
    ax.set_ylabel("index, USDC")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _fractions(ax: Any, series: Series) -> None:
    ax.step(series.hours, series.initial, where="post", color=_BLUE, linewidth=1.1, label="initial")
    ax.step(series.hours, series.maintenance, where="post", color=_RED, linewidth=1.1, label="maintenance")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("margin, % of 100k USDC")
    ax.legend(loc="upper right", frameon=False, ncols=2)


def _line(ax: Any, worse: PassResult, other: PassResult | None, name: str, label: str, colour: str) -> None:
    if other is not None:
        ax.plot(other.series.hours, getattr(other.series, name), color=_GREY, linewidth=0.8, label=_order(other))
    ax.plot(
        worse.series.hours, getattr(worse.series, name), color=colour, linewidth=1.1, label=f"{_order(worse)} (worse)"
    )
    ax.yaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set_ylabel(label)
    if name == "insurance":
        ax.legend(loc="best", frameon=False, ncols=2)


def _liquidations(ax: Any, worse: PassResult, other: PassResult | None) -> None:
    if other is not None:
        ax.plot(other.series.hours, other.series.liquidations, color=_GREY, linewidth=0.8)
    hours, total = worse.series.hours, worse.series.liquidations
    ax.fill_between(hours, total, step="post", color=_RED, alpha=0.15, linewidth=0)
    ax.step(hours, total, where="post", color=_RED, linewidth=1.1)
    ax.set_ylim(bottom=0)
    ax.set_ylabel("accounts liquidated")


def _order(one: PassResult) -> str:
    return "high first" if one.high_first else "low first"
