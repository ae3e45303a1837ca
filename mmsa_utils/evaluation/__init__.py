"""What predictions are worth: metrics, comparisons of runs, records on disk, analysis.

Stands on the base modules and on `data`; knows no model and no training.
"""

from .analysis import (
    ablation_table,
    data_facts,
    kept_steps,
    label_noise,
    overruling,
    score_table,
    spread,
    who_is_right,
    words_by_correctness,
)
from .anonymity import in_row_order
from .calibration import cross_fitted_temperature, with_temperature
from .comparison import (
    compare,
    compare_all,
    comparison_table,
    corrected_error,
    corrected_t_test,
    holm,
    mcnemar_p,
)
from .metrics import confusion, macro_f1, reliability, summary
from .oof import classes_of, load_oof, probabilities_of, table_rows
from .predictions import CrossValidation, FoldResult
from .records import load_ablations, load_analysis, load_record, save_run, write_predictions

__all__ = [
    "CrossValidation",
    "FoldResult",
    "ablation_table",
    "classes_of",
    "compare",
    "compare_all",
    "comparison_table",
    "confusion",
    "corrected_error",
    "corrected_t_test",
    "cross_fitted_temperature",
    "data_facts",
    "holm",
    "in_row_order",
    "kept_steps",
    "label_noise",
    "load_ablations",
    "load_analysis",
    "load_oof",
    "load_record",
    "macro_f1",
    "mcnemar_p",
    "overruling",
    "probabilities_of",
    "reliability",
    "save_run",
    "score_table",
    "spread",
    "summary",
    "table_rows",
    "who_is_right",
    "with_temperature",
    "words_by_correctness",
    "write_predictions",
]
