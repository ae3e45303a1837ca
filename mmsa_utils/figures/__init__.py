"""Every figure of the course, one function each; stands on evaluation, data and base alone.

`style` has the colours, the other modules are named after what they show.
"""

from .data import (
    class_balance,
    class_shares,
    image_grid,
    label_pairs,
    post_grid,
    text_lengths,
)
from .diagrams import model_structure, outline
from .explanations import (
    coloured_words,
    deletion_curves,
    explanation_figure,
    picture_maps,
    rank_correlations,
)
from .neighbours import picture_neighbours
from .pitfalls import (
    error_pairs,
    fold_gains,
    in_points,
    points_of_mistakes,
    repetitions,
    scores_by_share,
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
    "class_shares",
    "coloured_words",
    "combinations",
    "confusion_matrix",
    "deletion_curves",
    "error_pairs",
    "explanation_figure",
    "fold_gains",
    "image_grid",
    "in_points",
    "label_pairs",
    "learning_curve",
    "model_structure",
    "outline",
    "picture_maps",
    "picture_neighbours",
    "points_of_mistakes",
    "post_grid",
    "prediction_bars",
    "ragged_mean",
    "rank_correlations",
    "repetitions",
    "run_comparison",
    "save_figure",
    "scores_by_share",
    "text_lengths",
    "training_curves",
    "use_style",
    "waterfall",
    "who_is_right",
]
