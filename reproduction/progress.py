"""What is going on while jobs are done.

How many are left, how long that takes, and what is being done.
"""

import time

from rich import console as consoles
from rich import live, progress_bar, table, text

from reproduction.scheduler import seconds_left
from reproduction.workers import INTERRUPTED


class Progress:
    """A display of the jobs.

    A bar with the jobs being done below it; in a file, a line for each job that ends.

    A context manager: an exception within must not leave the terminal without its cursor.

    Args:
        jobs: list of all jobs to do, in order.
        costs: `Costs`, told of every job that ends.
        processes: how many are done at once.
        console: `rich.console.Console`.
    """

    def __init__(self, jobs, costs, processes, console):
        self.costs = costs
        self.processes = processes
        self.console = console
        self.total, self.done, self.failed = len(jobs), 0, 0
        self._waiting = dict.fromkeys(jobs)
        self._running = {}  # a job: when it began
        self._began = time.monotonic()
        self._live = live.Live(
            console=console, get_renderable=self._display, auto_refresh=False, transient=True
        )

    def __enter__(self):
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_):
        self._live.stop()

    def began(self, job):
        """A job has been begun."""
        self._waiting.pop(job, None)
        self._running[job] = time.monotonic()
        self.tick()

    def ended(self, job, note, error, seconds):
        """A job has ended; `note` or `error` says how."""
        self._running.pop(job, None)
        if error == INTERRUPTED:
            return
        self.done += 1
        self.failed += bool(error)
        if not error:
            self.costs.learn(job, seconds)
        line = f"{self.done}/{self.total} {job}: {_clock(seconds)}, {f'FAILED: {error}' if error else note}"
        self.console.print(f"{line}{self._outlook()}", highlight=False, soft_wrap=True)
        self.tick()

    def tick(self):
        """Draws anew."""
        if self.console.is_terminal:
            self._live.refresh()

    def left(self):
        """Seconds until all is done, about."""
        now = time.monotonic()
        running = [self.costs(job) - (now - began) for job, began in self._running.items()]
        return seconds_left(running, [self.costs(job) for job in self._waiting], self.processes)

    def _outlook(self):
        if self.console.is_terminal or self.done == self.total:
            return ""
        return f"; about {_clock(self.left())} left"

    def _display(self):
        now = time.monotonic()
        head = table.Table.grid(padding=(0, 2))
        failed = f", {self.failed} failed" if self.failed else ""
        head.add_row(
            text.Text(f"{self.done} of {self.total} done{failed}"),
            progress_bar.ProgressBar(total=max(1, self.total), completed=self.done, width=30),
            text.Text(f"{_clock(now - self._began)} so far"),
            text.Text(f"about {_clock(self.left())} left"),
        )
        running = table.Table.grid(padding=(0, 2))
        for job, began in self._running.items():
            running.add_row(
                text.Text(f"  {job}"),
                text.Text(f"{_clock(now - began)} of about {_clock(self.costs(job))}"),
            )
        return consoles.Group(head, running)


def _clock(seconds):
    """Hours, minutes and seconds, as short as it goes."""
    seconds = round(max(0, seconds))
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"
