#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chart.py SAMPLES.json CHART.svg: draws what `bench.py --json SAMPLES.json` has measured: the medians of each
runtime as bars, as parts of the baseline's (--baseline, crun if not told). Needs Matplotlib (Debian:
python3-matplotlib, so call it with /usr/bin/python3)."""

import argparse
import json
import statistics

import matplotlib

matplotlib.use("svg")
# Text as text, and no word of when it was drawn: the same figures make the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "martlet", "font.size": 9})
from matplotlib import pyplot  # noqa: E402

COLORS = ["#1b5e8c", "#c9822b", "#8a8a8a", "#6a994e", "#9c5fa0"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples")
    parser.add_argument("chart")
    parser.add_argument("--baseline", default="crun")
    parser.add_argument("--without", default="", metavar="NAME,…", help="runtimes to leave out")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    with open(arguments.samples) as file:
        measured = json.load(file)
    left_out = arguments.without.split(",")
    runtimes = [name for name in measured["runtimes"] if name not in left_out]
    medians = {
        name: {step: statistics.median(sample[0] for sample in samples)
               for step, samples in measured["samples"][name].items() if step != "init"}
        for name in runtimes
    }
    steps = list(medians[arguments.baseline])
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(steps) + 1.2))
    height = 0.8 / len(runtimes)
    for index, name in enumerate(runtimes):
        places = [row + (index - (len(runtimes) - 1) / 2) * height for row in range(len(steps))]
        ratios = [medians[name][step] / medians[arguments.baseline][step] for step in steps]
        bars = axes.barh(places, ratios, height, label=name, color=COLORS[index % len(COLORS)])
        axes.bar_label(bars, [f"{medians[name][step]:.2f} ms" for step in steps], padding=2, fontsize=6)
    axes.set_yticks(range(len(steps)), steps)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.6)
    axes.axvline(0.5, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlim(0, min(axes.get_xlim()[1], 3.2))
    axes.set_xlabel(f"time, {arguments.baseline} = 1 (medians of {measured['rounds']} rounds in turn); shorter is better")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(runtimes))
    for side in ["top", "right"]:
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(arguments.chart, metadata={"Date": None})


main()
