"""The commands of `mmsa_utils COMMAND`: a function each, which returns the exit status.

options    options that commands share, and the check before a run
course     check, notebooks, scores, reference, ablations, report
predict    predict
train      train, import-mvsa

Commands import what they need themselves: torch takes seconds to load, and
`mmsa_utils --help` should not.
"""

__all__ = ["course", "options", "predict", "train"]
