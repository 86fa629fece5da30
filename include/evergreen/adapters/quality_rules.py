"""What the facts of a table's hours must be by default: one rule a fact, each with its reason.

An error is damage, which no shop produces: its hours are left out of training. A warning is what a
shop may well produce, and a person should see.
"""

from __future__ import annotations

from dataclasses import replace

from evergreen.adapters.quality_rule import Rule, none_of

ENOUGH_ROWS = 500
"""A share of fewer rows moves by chance and by single baskets."""
EACH_HOUR, WHOLE_DAY = 'scope != "day"', 'scope == "day"'
SOME_ROWS = "rows >= 10"
MANY_ROWS = f"rows >= {ENOUGH_ROWS}"
HAS_OR_HAD_MANY = (  # rows / row_ratio is how many it had a week before
    f"{EACH_HOUR} and (rows >= {ENOUGH_ROWS} or rows >= {ENOUGH_ROWS} * row_ratio)"
)


def table_rules(min_hours: int, max_row_drop: float) -> list[Rule]:
    """Return what holds of every table's hours.

    Parameters:
        min_hours: closed hours that a day must have.
        max_row_drop: share of last week's rows that may be missing, 0 to 1.
    """
    least = round(1 - max_row_drop, 6)
    size = Rule(
        fact="row_ratio",
        why="Traffic is of the size of the same weekday a week before.",
        low=least,
        high=round(1 / least, 6) if least else None,
        severity="warning",
        where=WHOLE_DAY,
    )
    return [
        Rule(
            fact="closed",
            why="An hour that is missing is missing in training and in the baseline.",
            equal=True,
            where=EACH_HOUR,
            mostly=min_hours / 24,
        ),
        Rule(fact="readable", why="A file that is no Parquet is damaged.", equal=True),
        Rule(fact="contract", why="Columns and types are the lake's contract.", equal=True),
        none_of("unexpected_rows", "An hour has the rows that its _SUCCESS says."),
        size,
        replace(size, where=HAS_OR_HAD_MANY, learn="both"),  # a day is steadier than its hours
        none_of("outside_hour", "An event lies in its hour; else a clock or a time zone is off."),
        none_of("null_ids", "A row without its ids cannot be counted."),
    ]


LISTS = (
    none_of("position_gaps", "A list is shown whole: positions 1, 2, 3 and on.", optional=True),
    none_of("repeated_items", "A list shows an item once.", optional=True),
)
"""Only where a page view is a list of items."""
IMPRESSIONS = (
    none_of("duplicate_positions", "A page view has one item at a position."),
    none_of("repeated_page_views", "A page view is logged in one hour, once."),
    none_of("clicked_unshown", "What was clicked was shown before, at a position."),
    Rule(
        fact="unlabelled",
        why="A mature hour knows what was clicked.",
        high=0.01,
        learn="highest",
        cap=0.5,
    ),
    none_of("propensity_outside", "A propensity is a probability above 0.", optional=True),
    Rule(
        fact="propensity_missing",
        optional=True,
        why="A policy that logs propensities logs all of them.",
        high=0.01,
        learn="highest",
        cap=0.95,
    ),
    Rule(
        fact="inverse_propensity",
        optional=True,
        why="The mean of 1/propensity is about the number of items; else it is another policy's.",
        low=0.2,
        high=5,
        severity="warning",
        where=MANY_ROWS,
        learn="both",
    ),
    none_of("unknown_versions", "Only versions that were released can have been served."),
    none_of("unknown_source", "A row comes from the model or from the fallback."),
    Rule(
        fact="unseen_items",
        why="What is recommended is in the catalogue.",
        high=0.01,
        learn="highest",
        cap=0.5,
    ),
    Rule(
        fact="user_missing",
        optional=True,
        why="The share of unknown users hardly changes; else a login or a join is broken.",
        high=0.4,
        severity="warning",
        where=MANY_ROWS,
        learn="highest",
        factor=1.2,
        floor=0.1,
        cap=0.95,
    ),
    Rule(
        fact="seconds",
        why="Page views come one by one; else their times were cut off.",
        low=2,
        where=MANY_ROWS,
        learn="lowest",
        factor=1.0,
    ),
)
BUSY_USER = Rule(
    fact="top_user_page_views",
    optional=True,
    why="A person views so many pages at most; more may be a bot.",
    high=1_000,
    severity="warning",
    learn="highest",
    factor=3.0,
    floor=30,
)
BOT = Rule(
    fact="top_user_page_views",
    optional=True,
    why="No person views so many pages: a bot's clicks are not the shop's.",
    high=5_000,
    learn="highest",
    factor=10.0,
    floor=100,
)
SCORE = (
    Rule(fact="score_missing", why="What the model chose it has scored.", high=0.01, optional=True),
    Rule(
        fact="score_constant",
        why="A model that answers one score is broken.",
        equal=False,
        optional=True,
    ),
)
"""Only where the model's score is logged."""
ORDERS = (
    Rule(
        fact="duplicate_rows",
        why="A file that was written twice doubles the hour: half of its rows are there before.",
        high=0.45,
        where=SOME_ROWS,
        learn="highest",
        factor=1.2,
        cap=0.9,
    ),
    Rule(
        fact="repeated_lines",
        why="An order line lies in one hour; else an hour was landed as another.",
        high=0.1,
        where=SOME_ROWS,
        learn="highest",
        cap=0.9,
    ),
    none_of("negative_prices", "A price is not negative."),
    none_of("missing_prices", "An order line has a price."),
    none_of("quantities_below_1", "An order line has at least one piece; returns are not orders."),
    Rule(
        fact="quantity_max",
        why="A very large quantity is often a typing error.",
        high=100_000,
        severity="warning",
        learn="highest",
        factor=10.0,
        floor=1_000,
    ),
    Rule(
        fact="price_ratio",
        why="Half of the prices are near their item's last price; else the unit changed.",
        low=0.2,
        high=5,
    ),
    Rule(
        fact="new_items",
        why="New items come a few at a time; else item ids were renamed.",
        high=0.5,
        severity="warning",
        where="rows >= 100",
        learn="highest",
        factor=1.5,
        cap=0.95,
    ),
    Rule(
        fact="new_countries",
        optional=True,
        why="New countries are rare; else their spelling changed.",
        high=0.2,
        severity="warning",
        where="rows >= 100",
        learn="highest",
        factor=1.5,
        cap=0.95,
    ),
)


def ctr_rules(rate: float | None) -> list[Rule]:
    """Return what a CTR can be: an error only where labels are damaged; the CTR sensor judges.

    Parameters:
        rate: the profile's CTR; None where it is unknown.
    """
    bound = 0.5 if rate is None else min(0.95, max(0.5, round(2 * rate, 4)))
    rules = [
        Rule(
            fact="ctr",
            why="Not everything is clicked; else the labels are damaged.",
            high=bound,
            learn="highest",
            factor=1.5,
            cap=0.95,
        )
    ]
    if rate is not None:
        # Of 20 clicks or more that are expected, fewer than 1 in 50 came: labels are lost. In one
        # hour clicks come in bursts, and a stale champion has few: left out, such hours would hide
        # its decline from the CTR sensor.
        why = "Clicks come about as often as the profile says; else labels are lost or made up."
        ratio = Rule(fact="ctr_ratio", why=why, low=0.02, high=10, where=WHOLE_DAY)
        few = "Hours with hardly a click are looked at; the CTR sensor judges them."
        rules += [
            Rule(fact="ctr_ratio", why=few, low=0.02, severity="warning", where=EACH_HOUR),
            replace(ratio, low=None, where=EACH_HOUR),
            ratio,
        ]
    return rules
