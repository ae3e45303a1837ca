"""Why a model answers as it does, and whether the reasons deserve trust. Stands on prediction."""

from .network import Network, network_of, randomised
from .parts import Parts, leave_one_out
from .regions import PatchParts, grad_cam, occlusion, seen_picture
from .report import Explanation, explain_post
from .target import Target
from .trust import Deletion, deletion, deletion_summary, rank_correlation
from .truth import demo_carriers, held_out_contributions, shares_by_case
from .words import WordGradients, WordParts, integrated_gradients

__all__ = [
    "Deletion",
    "Explanation",
    "Network",
    "Parts",
    "PatchParts",
    "Target",
    "WordGradients",
    "WordParts",
    "deletion",
    "deletion_summary",
    "demo_carriers",
    "explain_post",
    "grad_cam",
    "held_out_contributions",
    "integrated_gradients",
    "leave_one_out",
    "network_of",
    "occlusion",
    "randomised",
    "rank_correlation",
    "seen_picture",
    "shares_by_case",
]
