"""What the facts of features must be by default, as they were served and as they are trained on."""

from __future__ import annotations

from evergreen.adapters.quality_rule import Rule, none_of

MISSING_EXCESS = Rule(
    fact="missing_excess",
    why="A feature is missing about as often as it was when the model learned.",
    high=0.1,
    by_feature=True,
)
MISSING_SHARE = Rule(
    fact="missing_share",
    why="A feature that is nearly always missing is not computed any more.",
    high=0.95,
    by_feature=True,
)
INFINITE = none_of("infinite", "An infinite value is a division by zero.")
CONSTANT = Rule(
    fact="constant",
    why="A feature that varied and is one value now is not computed any more.",
    equal=False,
    by_feature=True,
)
LEAKAGE = Rule(
    fact="auc",
    why="A feature that orders the rows by their label knows the label.",
    high=0.95,
    by_feature=True,
)
FEATURES = (
    INFINITE,
    CONSTANT,
    Rule(
        fact="outside_excess",
        why="Values lie where the model learned; else the unit changed.",
        high=0.5,
        by_feature=True,
    ),
    Rule(
        fact="unknown_levels",
        why="The model knows most levels; else they were renamed.",
        high=0.2,
        by_feature=True,
    ),
    LEAKAGE,
    Rule(
        fact="skew",
        why="The model is served the values that training would compute.",
        high=0.05,
        by_feature=True,
    ),
)
TRAINING = (
    Rule(fact="rows", why="There is something to learn from.", low=1),
    Rule(
        fact="positives",
        why="Some rows are clicked and most are not.",
        low=0.0001,
        high=0.5,
        learn="both",
        cap=0.95,
    ),
    INFINITE,
    CONSTANT,
    LEAKAGE,
)
