"""Evergreen: continuous training for recommenders and other tabular models, on Apache Airflow."""

__version__ = "0.1.0"
