"""Every figure of the course, one function each; stands on evaluation, data and base alone.

`style` has the colours, the other modules are named after what they show.
"""

from .data import (
    class_balance,
    image_grid,
    image_sizes,
    post_grid,
    text_lengths,
    words_per_class,
)
from .diagrams import model_structure, outline
from .explanations import (
    coloured_words,
    deletion_curves,
    explanation_figure,
    picture_maps,
    rank_correlations,
)
from .prediction import combinations, prediction_bars
from .results import (
    calibration,
    class_recall,
    confusion_matrix,
    run_comparison,
    waterfall,
    who_is_right,
)
from .style import CLASS_COLOURS, MODE_COLOURS, class_colours, save_figure, use_style
from .training import learning_curve, ragged_mean, training_curves

__all__ = [
    "CLASS_COLOURS",
    "MODE_COLOURS",
    "calibration",
    "class_balance",
    "class_colours",
    "class_recall",
    "coloured_words",
    "combinations",
    "confusion_matrix",
    "deletion_curves",
    "explanation_figure",
    "image_grid",
    "image_sizes",
    "learning_curve",
    "model_structure",
    "outline",
    "picture_maps",
    "post_grid",
    "prediction_bars",
    "ragged_mean",
    "rank_correlations",
    "run_comparison",
    "save_figure",
    "text_lengths",
    "training_curves",
    "use_style",
    "waterfall",
    "who_is_right",
    "words_per_class",
]
