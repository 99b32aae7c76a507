"""A watcher that follows a script: for tests of whoever listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from vecclust.watching.watcher import Hint


class ScriptedWatcher:
    """Plays hints in order, then hears nothing more.

    Args:
        script: what each wait gives: a hint, or a function that is called first and gives one.
        pass_time: told of the seconds of a wait in which nothing is heard.
        problems: what it says is wrong.
    """

    def __init__(
        self,
        script: Iterable[Hint | Callable[[], Hint]] = (),
        *,
        pass_time: Callable[[float], object] = lambda seconds: None,
        problems: tuple[str, ...] = (),
    ) -> None:
        self._script = deque(script)
        self._pass_time = pass_time
        self.problems = problems
        self.n_unheard = 0
        self.log: list[str] = []

    def arm(self) -> None:
        """Note that it was armed."""
        self.log.append("arm")

    def wait(self, timeout_s: float) -> Hint:
        """Give the next hint of the script, or let the time pass.

        Args:
            timeout_s: the time that passes when the script is over, seconds.
        """
        self.log.append("wait")
        if self._script:
            following = self._script.popleft()
            return following() if callable(following) else following
        self._pass_time(timeout_s)
        return Hint()

    def wake(self, reason: str = "") -> None:
        """Hear next nothing, or for a reason the wish to look at everything.

        Args:
            reason: the reason, or empty.
        """
        self._script.appendleft(Hint(rescan=reason, at_once=True))

    def check(self) -> None:
        """Note that it was checked."""
        self.log.append("check")

    def close(self) -> None:
        """Note that it was closed."""
        self.log.append("close")
