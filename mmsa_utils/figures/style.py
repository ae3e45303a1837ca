"""One look for all figures, and one colour for each class and mode everywhere."""

from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

CLASS_COLOURS = {"negative": "#c8553d", "neutral": "#8d99ae", "positive": "#2a9d8f"}
MODE_COLOURS = {"text": "#3d5a98", "image": "#e09f3e", "words": "#8a6d3b", "fused": "#7b4b94"}
BASELINE_COLOUR = "#adb5bd"  # of runs that are no mode
UNLABELLED_COLOUR = "#6c757d"


def use_style() -> None:
    """Sets the course's look for all figures that follow."""
    sns.set_theme(style="whitegrid", context="notebook", font_scale=0.9)
    plt.rcParams.update(
        {
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.wspace": 0.06,  # else a panel's label touches the one before
            "axes.titlesize": "medium",
        }
    )


def run_colour(run: str) -> str:
    """The colour of a mode, or grey for a run that is no mode."""
    return MODE_COLOURS.get(run, BASELINE_COLOUR)


def save_figure(figure: Figure, file: Path) -> None:
    """Saves a figure as PNG for the report and closes it; the same figure gives the same bytes.

    Args:
        file: its folder is made where it is missing.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # The program's name would change the file with every version of matplotlib.
    figure.savefig(file, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
