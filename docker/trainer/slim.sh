#!/bin/sh
# Takes out of an environment what no step reads, and makes its bytecode: slim.sh /opt/venv
set -eu
venv=$1
site=$(echo "$venv"/lib/python3.*/site-packages)

find "$site" -type d -name tests -prune -exec rm -rf {} +
rm -rf "$site"/pyarrow/include "$site"/pyarrow/*flight*

# Of the 400 services that botocore knows: the store, and how to log in to it.
find "$site/botocore/data" -mindepth 1 -maxdepth 1 -type d \
    ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} +

# Symbols. Libraries under *.libs stay as they are: strip damages what auditwheel has patched.
find "$site" -name '*.so*' -type f ! -path '*.libs/*' -exec strip --strip-unneeded {} +

# What was taken out was not needed.
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -c \
    'import mlflow.xgboost, polars, pyarrow.compute, pyarrow.parquet, s3fs, scipy.stats, typer, xgboost'

# A pod is waited for, so bytecode is made now. It is trusted without a look at its source's time,
# so it starts quicker and is the same in every build; times are set for the same reason.
python -m compileall -q -j 0 --invalidation-mode unchecked-hash "$site"
find "$venv" -exec touch -hd @0 {} +
