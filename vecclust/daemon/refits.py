"""When to fit anew, and why: pure, over plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from vecclust.types.runs import Growth


@dataclass(frozen=True, slots=True)
class RefitPolicy:
    """The owner's wishes.

    Attributes:
        share: new photos as a share of those fitted.
        least: new photos at least.
        longest_s: longest time between fits while there is anything new; 0 for no limit.
        quiet_s: nothing may have arrived for so long: an import is not interrupted.
        pause_s: shortest time between fits, failed ones counted.
        drift: whether unusual arrivals are a reason, however few they are.
        pocket: whether newcomers that gather are.
    """

    share: float = 0.1
    least: int = 50
    longest_s: float = 30 * 86_400.0
    quiet_s: float = 60.0
    pause_s: float = 3600.0
    drift: bool = True
    pocket: bool = True


def reason_to_refit(
    policy: RefitPolicy, growth: Growth | None, *, now_ns: int, quiet_for_s: float, tried_ago_s: float
) -> str:
    """Say why a refit is due.

    Args:
        policy: the owner's wishes.
        growth: the library against its current run; None before the first fit, which a scan makes by itself.
        now_ns: the time.
        quiet_for_s: seconds since the last photo came.
        tried_ago_s: seconds since this process last tried, infinite for never.

    Returns:
        The reason as it is kept with the run, or an empty string.
    """
    if growth is None or not growth.n_arrivals or quiet_for_s < policy.quiet_s or tried_ago_s < policy.pause_s:
        return ""
    age_s = (now_ns - growth.fitted_ns) / 1e9
    if 0 <= age_s < policy.pause_s:
        return ""
    if growth.n_arrivals >= max(policy.least, policy.share * growth.n_fitted):
        return f"{growth.n_arrivals} new photos since a fit of {growth.n_fitted}"
    if policy.pocket and growth.n_gathered:
        return f"a pocket of {growth.n_gathered} newcomers, alike and unlike all that the last fit knows"
    if policy.drift and growth.drift.alarmed:
        found = growth.drift
        return f"drift: {found.n_unusual} of the newest {found.n_recent} photos are unlike those of the last fit"
    if policy.longest_s and age_s >= policy.longest_s:
        return f"{growth.n_arrivals} new photos and {age_s / 86_400:.0f} days since the last fit"
    return ""
