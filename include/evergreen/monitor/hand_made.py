"""Reference profiles that are made by hand: of versions that were trained elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger
from evergreen.adapters.reference import reference_profile
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import Window
from evergreen.monitor.left_out import TABLE, left_out_of, left_out_text, quarantine_in
from evergreen.monitor.measure import release_with_profile


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeProfile:
    """A profile that was put in force.

    Parameters:
        closed_hours: of the window that it was made from; the others said nothing.
        quarantined_hours: closed too, but left out.
        replaced: what was in force for this version before; None where there was nothing.
    """

    profile: ReferenceProfile
    window: Window
    closed_hours: int
    quarantined_hours: int
    replaced: str | None

    @property
    def hours(self) -> int:
        """Hours of the window."""
        return sum(1 for _ in self.window.hours())


def make_by_hand(
    spec: ModelSpec, version: str, window: Window, *, lake: Lake, ledger: Ledger
) -> MadeProfile:
    """Make the profile of a version from its own impressions, and keep it for the version.

    Nothing is known of the model's gain, so all its features weigh alike. Hours in quarantine are
    left out. Hours that were judged already stay as they are; hours from now on are judged by this
    profile.

    Raises:
        WindowEmpty: the window holds no impression of this version.
    """
    out = left_out_of(lake, quarantine_in(spec.model, window, ledger))
    try:
        profile = reference_profile(lake.without({TABLE: out}), window, spec, version=version)
    except WindowEmpty as error:
        if not out:
            raise
        raise WindowEmpty(f"{error}; {left_out_text(out)}") from None
    replaced = origin_of(spec.model, version, ledger)
    ledger.put_profile(spec.model, version, profile.to_json())
    return MadeProfile(
        profile=profile,
        window=window,
        closed_hours=len(lake.closed_hours(TABLE, window)) - len(out),
        quarantined_hours=len(out),
        replaced=replaced,
    )


def origin_of(model: str, version: str, ledger: Ledger) -> str | None:
    """Return where a version's profile comes from, for people; None where it has none."""
    by_hand = ledger.profile(model, version)
    if by_hand is not None:
        return f"made by hand from {by_hand.get('reference') or 'an unknown window'}"
    release = release_with_profile(model, version, ledger)
    if release is None:
        return None
    return f"of its release {release.fence}, from {release.evidence['profile'].get('reference')}"
