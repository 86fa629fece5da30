"""The three answers of every sensor: yes, no, and not enough data to say."""

from enum import StrEnum


class Verdict(StrEnum):
    """Whether a sensor alarms. Missing data is never 'no'."""

    YES = "yes"
    NO = "no"
    NOT_ENOUGH_DATA = "not_enough_data"
