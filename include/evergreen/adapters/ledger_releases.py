"""Retraining runs, and who became champion when: the source of truth for who is champion."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database, rows
from evergreen.adapters.ledger_rows import Release, ReleaseKind, Run
from evergreen.adapters.ledger_schema import releases, runs
from evergreen.domain.errors import ChampionChanged, RunUnknown, VersionBlocked

MAX_RACES = 5
"""A lost race for a fencing number is looked at again this often; the second look decides."""


class Releases(Database):
    """Runs and releases."""

    def open_run(self, model: str, run_key: str, *, trigger: str, manifest: dict[str, Any]) -> None:
        """Keep that a retraining began; a run that is there already is left as it is."""
        self._insert_if_absent(
            runs,
            ("run_key",),
            run_key=run_key,
            model=model,
            trigger=trigger,
            manifest=manifest,
            opened_at=datetime.now(tz=UTC),
        )

    def close_run(
        self, run_key: str, *, verdict: str, version: int | None, body: dict[str, Any]
    ) -> None:
        """Keep what became of a retraining, instead of an earlier verdict.

        Raises:
            RunUnknown: it was never opened.
        """
        values = {"verdict": verdict, "version": version, "body": body}
        with self._writing() as connection:
            done = connection.execute(
                sa.update(runs)
                .where(runs.c.run_key == run_key)
                .values(closed_at=datetime.now(tz=UTC), **values)
            )
        if done.rowcount == 0:
            raise RunUnknown(
                f"run {run_key} is not in ledger {self.name}, so it cannot end as {verdict}; "
                "freeze its window first"
            )

    def run(self, run_key: str) -> Run | None:
        """Return one retraining; None when there is none of this key."""
        found = self._rows(Run, runs, runs.c.run_key == run_key, order=(runs.c.run_key,))
        return found[0] if found else None

    def runs(self, model: str) -> list[Run]:
        """Return a model's retrainings, oldest first."""
        return self._rows(Run, runs, runs.c.model == model, order=(runs.c.opened_at,))

    def verdicts(self, model: str) -> dict[str, dict[str, Any]]:
        """Return the bodies of a model's runs that the gate has judged, by run key."""
        judged = sa.select(runs.c.run_key, runs.c.body).where(
            runs.c.model == model, runs.c.verdict.is_not(None)
        )
        with self._reading() as connection:
            found = connection.execute(judged.order_by(runs.c.closed_at, runs.c.run_key))
            return {row.run_key: row.body or {} for row in found}

    def champion(self, model: str) -> Release | None:
        """Return the release in force; None before the first."""
        with self._reading() as connection:
            return _champion(connection, model)

    def releases(self, model: str) -> list[Release]:
        """Return a model's releases, first one first."""
        return self._rows(Release, releases, releases.c.model == model, order=(releases.c.fence,))

    def released(self, model: str, version: int) -> Release | None:
        """Return the newest release of this version; None when it was never champion."""
        found = [release for release in self.releases(model) if release.version == version]
        return found[-1] if found else None

    def model_digest(self, model: str, version: int) -> str | None:
        """Return the SHA-256 of a released version's model; None of one released without.

        The registry has a digest of its own, beside the file: whoever can change one of them can
        change the other. So readers compare with this one.
        """
        found = [
            release.evidence["model_sha256"]
            for release in self.releases(model)
            if release.version == version and release.evidence.get("model_sha256")
        ]
        return str(found[-1]) if found else None

    def blocked(self, model: str) -> frozenset[int]:
        """Return the versions that probation rolled back; only a person may put one back."""
        with self._reading() as connection:
            return _blocked(connection, model)

    def release(
        self,
        model: str,
        version: int,
        *,
        expected: int | None,
        kind: ReleaseKind,
        run_key: str,
        as_of: datetime,
        reason: str,
        evidence: dict[str, Any],
    ) -> Release:
        """Make a version champion if the champion is still the expected one: compare and set.

        One transaction takes the next fencing number, which is unique, so of two at once one wins.
        The same release again (a retry after a kill) returns the one that was made.

        Args:
            model: whose champion.
            version: the new champion.
            expected: the champion that it was judged against; None: there was none.
            kind: `promotion`, `rollback` or `probation`.
            run_key: the retraining that made the version.
            as_of: the moment that the version's features look back from.
            reason: for people.
            evidence: everything that was weighed.

        Raises:
            ChampionChanged: another champion came first; the text names both.
            VersionBlocked: a promotion of a version that its probation rolled back.
        """
        values = {
            "model": model,
            "version": version,
            "kind": kind,
            "run_key": run_key,
            "as_of": as_of,
            "reason": reason,
            "evidence": evidence,
            "replaced_version": expected,
        }
        for _ in range(MAX_RACES):
            try:
                return self._compare_and_set(values)
            except sa.exc.IntegrityError:
                continue
        raise ChampionChanged(f"{model}: {MAX_RACES} other releases came first; evaluate again")

    def _compare_and_set(self, values: dict[str, Any]) -> Release:
        model, expected = values["model"], values["replaced_version"]
        with self._writing() as connection:
            champion = _champion(connection, model)
            if champion is not None and _is_same(champion, values):
                return champion
            found = None if champion is None else champion.version
            if found != expected:
                raise ChampionChanged(
                    f"{model}: version {values['version']} was judged against "
                    f"{_spell(expected)}, but the champion is {_spell(found)} now; evaluate again"
                )
            if values["kind"] == "promotion" and values["version"] in _blocked(connection, model):
                raise VersionBlocked(
                    f"{model}: version {values['version']} was rolled back by its probation, so "
                    "no gate may promote it again; train on a newer window, or put it back by "
                    "hand: `evergreen release rollback` with a reason"
                )
            fence = 1 if champion is None else champion.fence + 1
            row = {**values, "fence": fence, "released_at": datetime.now(tz=UTC)}
            connection.execute(sa.insert(releases).values(**row))
            made = _champion(connection, model)
        assert made is not None
        return made


def _champion(connection: sa.Connection, model: str) -> Release | None:
    newest = sa.select(sa.func.max(releases.c.fence)).where(releases.c.model == model)
    found = rows(
        connection,
        Release,
        releases,
        releases.c.model == model,
        releases.c.fence == newest.scalar_subquery(),
        order=(releases.c.fence,),
    )
    return found[0] if found else None


def _blocked(connection: sa.Connection, model: str) -> frozenset[int]:
    """Return them within the caller's transaction: champions can come back, so that a promotion
    which lost against a probation would find the champion that it expects."""
    failed = sa.select(releases.c.replaced_version).where(
        releases.c.model == model, releases.c.kind == "probation"
    )
    return frozenset(connection.scalars(failed))


def _is_same(champion: Release, values: dict[str, Any]) -> bool:
    names = ("version", "run_key", "kind", "replaced_version")
    return all(getattr(champion, name) == values[name] for name in names)


def _spell(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
