-- Run once, on an empty volume. Airflow's own database is made by the image.
CREATE DATABASE ledger;
CREATE DATABASE mlflow;
