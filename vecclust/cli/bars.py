"""The bar on a terminal that says what is being done, how far it has come and how long it will still take.

One line, whatever the number of stages: that of the present one. What cannot be counted shows for how long it has been
going on, and promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from vecclust.types.progress import Progress

# With the longest words, two large counts and the time, 80 columns are enough.
BAR_COLUMNS = 16


@contextmanager
def shown_bars(in_words: Callable[[str], str], *, console: Console | None = None) -> Iterator[Progress]:
    """Show a bar for the present stage while the block runs; nothing is left of it afterwards.

    Args:
        in_words: says what a stage is.
        console: where to; stderr where None.

    Yields:
        What the work tells its progress to.
    """
    columns = [TextColumn("{task.description}"), BarColumn(BAR_COLUMNS), CountColumn(), TimeColumn()]
    with Bars(*columns, console=console or Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def note(stage: str, done: int, total: int) -> None:
            # The others first: no two are ever seen.
            for other, task in tasks.items():
                if other != stage:
                    bars.update(task, visible=False)
            if stage not in tasks:
                tasks[stage] = bars.add_task(in_words(stage), total=None)
            bars.update(tasks[stage], visible=True)
            # A step alone says nothing of how far it has come.
            bars.update(tasks[stage], completed=done, total=total if total > 1 else None)

        yield note


class CountColumn(ProgressColumn):
    """How many are done, and of how many where that is known."""

    def render(self, task: Task) -> Text:
        """Write it; empty for what is not counted.

        Args:
            task: the stage.
        """
        if task.total is not None:
            return Text(f"{task.completed:,.0f} of {task.total:,.0f}")
        return Text(f"{task.completed:,.0f}" if task.completed > 1 else "")


class TimeColumn(ProgressColumn):
    """The time left where it can be told, else the time since it began."""

    def render(self, task: Task) -> Text:
        """Write it.

        Args:
            task: the stage.
        """
        left_s = task.time_remaining
        if task.total is None or left_s is None or task.finished:
            return Text(duration(task.elapsed or 0.0))
        return Text(f"{duration(left_s)} left")


def duration(seconds: float) -> str:
    """Write a duration as people say it.

    Args:
        seconds: not negative.
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
