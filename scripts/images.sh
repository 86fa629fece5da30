#!/usr/bin/env bash
# Builds the images, tagged <version>-<commit>, and prints their names and sizes.
#
#   scripts/images.sh [trainer] [airflow] [mlflow]     default: trainer airflow
#
# From the environment:
#   ENGINE         docker or podman, or a path to one; default: the first that answers
#   REGISTRY       put before the names, for example registry.example.com/ml
#   XGBOOST        xgboost-cpu (default), or xgboost: with CUDA, the tag ends in -gpu
#   BASE           what trainer and mlflow are built on, for example by digest
#   AIRFLOW_BASE   what airflow is built on
#   BUILD_OPTIONS  further options of `build`, for example --no-cache or --network=host
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$here"

say() { printf 'images: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

answers() { timeout 20 "$1" info >/dev/null 2>&1; }

find_engine() {
    local engine
    if [ -n "${ENGINE:-}" ]; then
        command -v "$ENGINE" >/dev/null || die "ENGINE=$ENGINE: no such program"
        answers "$ENGINE" || die "ENGINE=$ENGINE does not answer; '$ENGINE info' says why"
        echo "$ENGINE"; return
    fi
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && answers "$engine"; then echo "$engine"; return; fi
    done
    die "neither docker nor podman answers; start Docker, or install podman, or set ENGINE"
}

is_podman() { "$engine" --version | grep -qi podman; }

build() { # NAME SUFFIX [build option...]
    local name=$1 tag=${REGISTRY:+$REGISTRY/}evergreen-$1:$version-$commit$2; shift 2
    say "building $tag with $engine"
    # one time for everything in it: that of the commit, so that the same commit is the same image
    export SOURCE_DATE_EPOCH=$committed_at
    local options=(--build-arg "VERSION=$version" --build-arg "GIT_COMMIT=$revision")
    if is_podman; then options+=(--format docker --timestamp "$committed_at"); fi
    # shellcheck disable=SC2086  # a list of words on purpose
    "$engine" build --quiet --file "docker/$name/Dockerfile" --tag "$tag" "${options[@]}" "$@" \
        ${BUILD_OPTIONS:-} . >/dev/null || die "$tag was not built"
    printf '%s\t%s MB\n' "$tag" "$(($("$engine" image inspect --format '{{.Size}}' "$tag") / 1000000))"
}

wanted=()
for argument in "$@"; do
    case $argument in
        trainer | airflow | mlflow) wanted+=("$argument") ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) die "unknown image '$argument': trainer, airflow or mlflow" ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=(trainer airflow)

variant=${XGBOOST:-xgboost-cpu}
case $variant in
    xgboost-cpu) suffix="" ;;
    xgboost) suffix=-gpu ;;
    *) die "XGBOOST=$variant: xgboost-cpu or xgboost" ;;
esac
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null) || die "no git commit here, and the images carry it"
commit=$(git rev-parse --short=12 HEAD)
committed_at=$(git log -1 --format=%ct)
inputs=(airflow_settings.yaml dags docker include plugins requirements.txt)
if [ -n "$(git status --porcelain -- "${inputs[@]}")" ]; then
    say "uncommitted changes go into the images: their tags end in -dirty"
    commit+=-dirty revision+=-dirty
fi
engine=$(find_engine)

base=(${BASE:+--build-arg "BASE=$BASE"})
airflow_base=(${AIRFLOW_BASE:+--build-arg "BASE=$AIRFLOW_BASE"})
for image in "${wanted[@]}"; do
    case $image in
        trainer) build trainer "$suffix" --build-arg "XGBOOST=$variant" "${base[@]}" ;;
        airflow) build airflow "" "${airflow_base[@]}" ;;
        mlflow) build mlflow "" "${base[@]}" ;;
    esac
done
